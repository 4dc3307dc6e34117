"""The client cannot move money out: no call, no path, no name of one exists in it."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

from tradecore.venues import kraken
from tradecore.venues.kraken.private import KrakenPrivate

FORBIDDEN = re.compile(
    r"Withdraw|Transfer|DepositMethods|DepositAddresses|DepositStatus|Earn/|Staking|Unstake|CreateSubaccount"
)


def test_no_path_that_moves_money_is_anywhere_in_the_client() -> None:
    files = sorted(Path(kraken.__file__).parent.glob("*.py"))
    assert len(files) > 15
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not FORBIDDEN.search(node.value), f"{file.name}:{node.lineno}: {node.value!r}"


def test_the_private_calls_are_these_and_no_others() -> None:
    calls = {name for name, _ in inspect.getmembers(KrakenPrivate, inspect.isfunction) if not name.startswith("_")}
    reads = {
        *("balances", "trade_balance", "open_orders", "closed_orders", "query_orders"),
        *("trades_history", "query_trades", "fees", "ledgers", "socket_token", "key_info"),
    }
    writes = {
        *("add_order", "add_orders", "amend_order", "cancel_order", "cancel_orders", "cancel_all"),
        "cancel_all_after",
    }
    assert calls == reads | writes

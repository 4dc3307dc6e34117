"""The private calls that only look: balances, orders, fills, fees, ledger entries.

`private_rest` has already checked who asks. `as_of` lies in the past when a stale read was ordered: balances and open
orders are then those of that moment.
Lists come newest first, in pages of fifty, with the count of all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from tradecore.core.clock import Clock
from tradecore.core.types import SECOND_NS, Nanoseconds
from tradecore.testing.fake_kraken.accounts import ZERO, Account
from tradecore.testing.fake_kraken.order_record import FakeOrder, OrderState
from tradecore.testing.fake_kraken.order_requests import number, truth
from tradecore.testing.fake_kraken.private_ports import FeeTier, MarketSide
from tradecore.testing.fake_kraken.private_words import fixed_text, ledger_row, order_row, page, trade_row
from tradecore.testing.fake_kraken.said import Said

_MOST_IDS = 50


class ReadCalls:
    """Answers the calls that change nothing."""

    def __init__(self, market: MarketSide, clock: Clock) -> None:
        self.as_of: Nanoseconds | None = None
        self._market = market
        self._clock = clock

    def calls(self) -> dict[str, Callable[[Account, Mapping[str, Any]], Any]]:
        """Return every call by the venue's name for it."""
        return {
            "Balance": self.balance,
            "BalanceEx": self.balance_ex,
            "TradeBalance": self.trade_balance,
            "TradeVolume": self.trade_volume,
            "OpenOrders": self.open_orders,
            "ClosedOrders": self.closed_orders,
            "QueryOrders": self.query_orders,
            "TradesHistory": self.trades_history,
            "QueryTrades": self.query_trades,
            "Ledgers": self.ledgers,
            "QueryLedgers": self.query_ledgers,
            "OpenPositions": lambda account, form: {},
        }

    def balance(self, account: Account, form: Mapping[str, Any]) -> dict[str, str]:
        """Return every balance by asset."""
        return {
            self._market.asset_key(asset): fixed_text(amount, self._market.asset_decimals(asset))
            for asset, amount in self._balances(account).items()
        }

    def balance_ex(self, account: Account, form: Mapping[str, Any]) -> dict[str, dict[str, str]]:
        """Return every balance with what open orders hold of it."""
        held = account.holds()
        return {
            self._market.asset_key(asset): {
                "balance": fixed_text(amount, self._market.asset_decimals(asset)),
                "hold_trade": fixed_text(held.get(asset, ZERO), self._market.asset_decimals(asset)),
            }
            for asset, amount in self._balances(account).items()
        }

    def trade_balance(self, account: Account, form: Mapping[str, Any]) -> dict[str, str]:
        """Return the account valued in USD by last prices; there is no margin."""
        worth = sum((self._worth(asset, amount) for asset, amount in account.balances.items()), ZERO)
        held = sum((self._worth(asset, amount) for asset, amount in account.holds().items()), ZERO)
        shown = {"eb": worth, "tb": worth, "m": ZERO, "uv": ZERO, "n": ZERO, "c": ZERO, "v": ZERO, "e": worth}
        return {name: fixed_text(value, 4) for name, value in (shown | {"mf": worth - held}).items()}

    def trade_volume(self, account: Account, form: Mapping[str, Any]) -> dict[str, Any]:
        """Return the 30-day volume and, for named pairs, the fees that follow from it."""
        volume = account.volume_30d(self._clock.now())
        answer: dict[str, Any] = {"currency": "ZUSD", "volume": fixed_text(volume, 4)}
        wanted = form.get("pair")
        if not wanted:
            return answer
        names = wanted if isinstance(wanted, list) else str(wanted).split(",")
        rules = [self._market.pair_rules(self._market.find_pair(str(name))) for name in names]
        answer["fees"] = {rule.key: _fee_row(rule.taker_fees, volume) for rule in rules}
        answer["fees_maker"] = {rule.key: _fee_row(rule.maker_fees, volume) for rule in rules}
        return answer

    def open_orders(self, account: Account, form: Mapping[str, Any]) -> dict[str, Any]:
        """Return every open order."""
        trades = truth(form.get("trades"))
        moment = self._clock.now() if self.as_of is None else self.as_of
        mine = [order for order in account.orders.values() if _was_open(order, moment)]
        chosen = sorted(_named(mine, form), key=lambda order: -order.opened_at)
        return {"open": {order.order_id: order_row(account, order, self._market, trades=trades) for order in chosen}}

    def closed_orders(self, account: Account, form: Mapping[str, Any]) -> dict[str, Any]:
        """Return a page of the orders that are no longer open, the newest first."""
        mine = [order for order in account.orders.values() if order.closed_at is not None]
        when = str(form.get("closetime") or "both")
        start, end = self._span(account, form)
        chosen = [order for order in _named(mine, form) if any(start < at <= end for at in _moments(order, when))]
        chosen.sort(key=lambda order: (-(order.closed_at or 0), order.order_id))
        trades = truth(form.get("trades"))
        rows = [(order.order_id, order_row(account, order, self._market, trades=trades)) for order in chosen]
        return {"closed": page(rows, _offset(form)), "count": len(rows)}

    def query_orders(self, account: Account, form: Mapping[str, Any]) -> dict[str, Any]:
        """Return the orders of up to fifty ids."""
        trades = truth(form.get("trades"))
        if form.get("cl_ord_id") is not None and not form.get("txid"):
            return {o.order_id: order_row(account, o, self._market, trades=trades) for o in _named(_all(account), form)}
        answer = {}
        for order_id in _ids(form, "txid"):
            if order_id not in account.orders:
                raise Said("EOrder:Unknown order")
            answer[order_id] = order_row(account, account.orders[order_id], self._market, trades=trades)
        return answer

    def trades_history(self, account: Account, form: Mapping[str, Any]) -> dict[str, Any]:
        """Return a page of fills, the newest first."""
        start, end = self._span(account, form)
        fills = [fill for fill in account.fills.values() if start < fill.time <= end]
        fills.sort(key=lambda fill: (-fill.time, -fill.trade_id))
        ledgers = truth(form.get("ledgers"))
        rows = [(fill.fill_id, trade_row(fill, self._market, ledgers=ledgers)) for fill in fills]
        return {"trades": page(rows, _offset(form)), "count": len(rows)}

    def query_trades(self, account: Account, form: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fills of up to fifty ids."""
        ids = _ids(form, "txid")
        if any(fill_id not in account.fills for fill_id in ids):
            raise Said("EGeneral:Invalid arguments:txid")
        return {fill_id: trade_row(account.fills[fill_id], self._market, ledgers=True) for fill_id in ids}

    def ledgers(self, account: Account, form: Mapping[str, Any]) -> dict[str, Any]:
        """Return a page of ledger entries, the newest first."""
        start, end = self._span(account, form)
        wanted = {name for name in str(form.get("asset") or "all").split(",") if name != "all"}
        kind = str(form.get("type") or "all")
        entries = [
            entry
            for entry in account.ledger.values()
            if start < entry.time <= end
            and kind in {"all", entry.kind}
            and (not wanted or {entry.asset, self._market.asset_key(entry.asset)} & wanted)
        ]
        rows = [(entry.entry_id, ledger_row(entry, self._market)) for entry in reversed(entries)]
        return {"ledger": page(rows, _offset(form)), "count": len(rows)}

    def query_ledgers(self, account: Account, form: Mapping[str, Any]) -> dict[str, Any]:
        """Return the ledger entries of up to fifty ids."""
        ids = _ids(form, "id")
        if any(entry_id not in account.ledger for entry_id in ids):
            raise Said("EGeneral:Invalid arguments:id")
        return {entry_id: ledger_row(account.ledger[entry_id], self._market) for entry_id in ids}

    def _balances(self, account: Account) -> dict[str, Decimal]:
        if self.as_of is None:
            return account.balances
        return {entry.asset: entry.balance for entry in account.ledger.values() if entry.time <= self.as_of}

    def _worth(self, asset: str, amount: Decimal) -> Decimal:
        if asset == "USD" or not amount:
            return amount
        try:
            return amount * self._market.last(self._market.find_pair(f"{asset}/USD"))
        except Said:
            return ZERO  # an asset without a traded USD pair has no price to count it by

    def _span(self, account: Account, form: Mapping[str, Any]) -> tuple[Nanoseconds, Nanoseconds]:
        """Return start (exclusive) and end (inclusive); the venue takes unix seconds or an id."""

        def moment(field: str, default: Nanoseconds) -> Nanoseconds:
            text = str(form.get(field) or "")
            if not text:
                return default
            if text in account.orders:
                return account.orders[text].opened_at
            if text in account.fills:
                return account.fills[text].time
            if text in account.ledger:
                return account.ledger[text].time
            return int(number(text, field) * SECOND_NS)

        return moment("start", 0), moment("end", self._clock.now())


def _fee_row(tiers: Sequence[FeeTier], volume: Decimal) -> dict[str, Any]:
    reached = [index for index, (threshold, _) in enumerate(tiers) if volume >= threshold][-1]
    following = tiers[reached + 1] if reached + 1 < len(tiers) else None
    percents = [percent for _, percent in tiers]
    return {
        "fee": fixed_text(tiers[reached][1], 4),
        "minfee": fixed_text(min(percents), 4),
        "maxfee": fixed_text(max(percents), 4),
        "nextfee": fixed_text(following[1], 4) if following else None,
        "nextvolume": fixed_text(following[0], 4) if following else None,
        "tiervolume": fixed_text(tiers[reached][0], 4),
    }


def _all(account: Account) -> list[FakeOrder]:
    return list(account.orders.values())


def _named(orders: list[FakeOrder], form: Mapping[str, Any]) -> list[FakeOrder]:
    """Keep the orders with the userref or cl_ord_id that was asked for."""
    userref, client = form.get("userref"), form.get("cl_ord_id")
    if client is not None:
        return [order for order in orders if order.request.cl_ord_id == str(client)]
    if userref not in (None, ""):
        return [order for order in orders if order.request.userref == int(number(userref, "userref"))]
    return orders


def _was_open(order: FakeOrder, moment: Nanoseconds) -> bool:
    if order.state not in {OrderState.OPEN, OrderState.PENDING} and order.closed_at is not None:
        return order.opened_at <= moment < order.closed_at
    return order.opened_at <= moment


def _moments(order: FakeOrder, when: str) -> list[Nanoseconds]:
    opened, closed = order.opened_at, order.closed_at or 0
    return {"open": [opened], "close": [closed]}.get(when, [opened, closed])


def _ids(form: Mapping[str, Any], field: str) -> list[str]:
    given = form.get(field)
    ids = [str(item) for item in given] if isinstance(given, list) else str(given or "").split(",")
    ids = [item.strip() for item in ids if item.strip()]
    if not ids or len(ids) > _MOST_IDS:
        raise Said(f"EGeneral:Invalid arguments:{field}")
    return ids


def _offset(form: Mapping[str, Any]) -> int:
    return max(0, int(number(form.get("ofs") or 0, "ofs")))

"""Whatever clients do, the fake venue neither makes nor loses money, and fills no more than the tape traded."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from itertools import chain
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tradecore.core.clock import ManualClock
from tradecore.core.types import SECOND_NS, Pair
from tradecore.testing.fake_kraken import FakeKraken, FakeSettings, Tape
from tradecore.testing.fake_kraken.accounts import Account, fee_percent
from tradecore.testing.fake_kraken.listing import MAKER_FEES, TAKER_FEES
from tradecore.testing.fake_kraken.matching import Amendment
from tradecore.testing.fake_kraken.order_requests import read_order
from tradecore.testing.fake_kraken.said import Said

BTC_USD = Pair("BTC", "USD")
START = 1_700_000_000 * SECOND_NS
TAPE = Tape.synthetic(11, START, 3000, per_second=2.0)
DEPOSITS = {"USD": Decimal(40_000), "BTC": Decimal("0.7")}

WISHES = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["buy", "sell"]),
        "ordertype": st.sampled_from(["market", "limit", "limit", "stop-loss", "take-profit-limit", "trailing-stop"]),
        "volume": st.decimals("0.0001", "0.6", places=8),
        "price": st.integers(-300, 300),
        "price2": st.integers(-100, 100),
        "oflags": st.sampled_from(["", "post", "fcib", "fciq", "viqc", "post,fcib"]),
        "timeinforce": st.sampled_from(["GTC", "GTC", "IOC", "FOK"]),
        "close": st.sampled_from([None, {"ordertype": "limit", "price": "61000"}]),
    }
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("order"), st.integers(0, 1), WISHES),
        st.tuples(st.just("wait"), st.floats(0.1, 30), st.none()),
        st.tuples(st.just("cancel"), st.integers(0, 1), st.integers(0, 9)),
        st.tuples(st.just("amend"), st.integers(0, 1), st.decimals("0.0001", "0.6", places=8)),
    ),
    min_size=5,
    max_size=40,
)


def written(wish: dict[str, Any]) -> dict[str, Any]:
    """Return a wish as a form, with prices relative to the last trade."""
    kind = wish["ordertype"]
    form = {**wish, "pair": "XBTUSD", "volume": str(wish["volume"])}
    form["price"] = f"+{abs(wish['price']) + 1}" if kind == "trailing-stop" else f"{wish['price']:+d}"
    form["price2"] = f"{wish['price2']:+d}"
    return form


def act(fake: FakeKraken, accounts: list[Account], step: tuple[str, Any, Any]) -> None:
    """Do one step; a refusal is an answer like any other."""
    kind, first, second = step
    matching = fake.private.matching
    try:
        if kind == "wait":
            fake.clock.move_to(fake.clock.now() + round(first * SECOND_NS))
        elif kind == "order":
            matching.submit(accounts[first], read_order(written(second), fake.market, fake.clock.now()))
        elif accounts[first].open:
            mine = list(accounts[first].open.values())
            if kind == "cancel":
                matching.cancel(accounts[first], mine[second % len(mine)])
            else:
                matching.amend(accounts[first], mine[0], Amendment(volume=second))
    except Said:
        pass
    fake.advance()


def check(fake: FakeKraken, accounts: list[Account]) -> None:
    """Hold every account to its books."""
    for account in accounts:
        fills = list(account.fills.values())
        signed = sum((fill.amount * int(fill.order.side) for fill in fills), Decimal(0))
        spent = sum((fill.cost * int(fill.order.side) for fill in fills), Decimal(0))
        fees = Counter({"USD": Decimal(0), "BTC": Decimal(0)})
        for fill in fills:
            fees[fill.charged[0]] += fill.charged[1]
        assert account.balances["BTC"] + fees["BTC"] == DEPOSITS["BTC"] + signed
        assert account.balances["USD"] + fees["USD"] == DEPOSITS["USD"] - spent
        for asset, balance in account.balances.items():
            entries = [entry for entry in account.ledger.values() if entry.asset == asset]
            assert balance == sum(entry.amount - entry.fee for entry in entries)
            assert entries[-1].balance == balance
            assert account.available(asset) >= 0
        for order in account.orders.values():
            mine = [account.fills[fill] for fill in order.fills]
            assert order.filled == sum(fill.amount for fill in mine) <= order.volume
            assert (order.cost, order.fee) == (sum(f.cost for f in mine), sum(f.fee for f in mine))
            assert (order.order_id in account.open) == (order.closed_at is None)


@settings(max_examples=120, deadline=None)
@given(STEPS)
def test_money_is_neither_made_nor_lost_and_never_owed(steps):
    fake = FakeKraken({BTC_USD: TAPE}, ManualClock(START + 100 * SECOND_NS), FakeSettings(), seed=1)
    accounts = [fake.private.add_account(name, DEPOSITS, tier="pro") for name in ("a", "b")]
    for step in steps:
        act(fake, accounts, step)
        check(fake, accounts)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_resting_orders_together_get_no_more_than_the_tape_traded_and_no_worse_than_their_limit(steps):
    fake = FakeKraken({BTC_USD: TAPE}, ManualClock(START + 100 * SECOND_NS), FakeSettings(), seed=1)
    accounts = [fake.private.add_account(name, DEPOSITS, tier="pro") for name in ("a", "b")]
    for step in steps:
        act(fake, accounts, step)
    traded: Counter[int] = Counter()
    for time, amount in zip(TAPE.time.tolist(), TAPE.amount.tolist(), strict=True):
        traded[time] += Decimal(str(amount))
    resting: Counter[int] = Counter()
    for fill in chain.from_iterable(account.fills.values() for account in accounts):
        limit = fill.order.limit
        assert limit is None or (limit - fill.price) * int(fill.order.side) >= 0 or fill.order.request.trail
        if fill.maker:
            resting[fill.time] += fill.amount
    assert all(amount <= traded[time] for time, amount in resting.items())


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_every_fee_is_that_of_the_volume_before_the_fill(steps):
    fake = FakeKraken({BTC_USD: TAPE}, ManualClock(START + 100 * SECOND_NS), FakeSettings(), seed=1)
    accounts = [fake.private.add_account(name, DEPOSITS, tier="pro") for name in ("a", "b")]
    for step in steps:
        act(fake, accounts, step)
    for account in accounts:
        volume = Decimal(0)
        for fill in account.fills.values():
            percent = fee_percent(MAKER_FEES if fill.maker else TAKER_FEES, volume)
            assert abs(fill.fee - fill.cost * percent / 100) <= Decimal("0.00005")
            volume += fill.cost


def test_the_same_requests_give_the_same_ids_and_fills():
    def run() -> list[tuple[str, Decimal, Decimal]]:
        fake = FakeKraken({BTC_USD: TAPE}, ManualClock(START + 100 * SECOND_NS), FakeSettings(), seed=1)
        account = fake.private.add_account("a", DEPOSITS, tier="pro")
        form = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "0.2", "price": "-20"}
        for _ in range(3):
            fake.private.matching.submit(account, read_order(form, fake.market, fake.clock.now()))
            fake.clock.move_to(fake.clock.now() + 300 * SECOND_NS)
            fake.advance()
        return [(fill.fill_id, fill.price, fill.amount) for fill in account.fills.values()]

    assert run() == run() != []

"""The chain of ids: what is new is taken once, what is passed over is a hole until it comes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tradecore.market.fetching.chain import Chain
from tradecore.market.fetching.rows import Rows


def _rows(ids: list[int]) -> Rows:
    number = np.array(ids, np.int64)
    return Rows(number * 10, number, number / 3, number / 7, np.ones(len(ids), np.int64))


def _taken(chain: Chain, ids: list[int]) -> list[int]:
    return [int(one) for one in chain.take(_rows(ids)).trade_id]


def test_trades_that_came_before_are_known_by_their_id() -> None:
    chain = Chain()
    assert _taken(chain, [5, 6, 7]) == [5, 6, 7]
    assert _taken(chain, [6, 7, 8]) == [8]
    assert chain.holes == ()


def test_an_id_passed_over_is_a_hole_until_it_comes() -> None:
    chain = Chain(last_id=4)
    assert _taken(chain, [5, 9]) == [5, 9]
    assert chain.holes == ((6, 8),)
    assert _taken(chain, [7, 9]) == [7]
    assert chain.holes == ((6, 6), (8, 8))
    assert _taken(chain, [6, 8]) == [6, 8]
    assert chain.holes == ()


def test_a_chain_that_follows_stored_trades_sees_a_gap_at_the_seam() -> None:
    chain = Chain(last_id=100)
    assert _taken(chain, [103]) == [103]
    assert chain.holes == ((101, 102),)


def test_what_lies_before_the_beginning_is_no_hole() -> None:
    chain = Chain()
    _taken(chain, [50, 51])
    assert _taken(chain, [48, 49]) == []
    assert chain.holes == ()


@given(st.lists(st.lists(st.integers(1, 60), max_size=12), max_size=12))
def test_every_id_between_first_and_last_was_taken_once_or_is_in_a_hole(pages: list[list[int]]) -> None:
    chain, taken = Chain(last_id=0), []
    for page in pages:
        taken += _taken(chain, page)
    missing = [one for first, last in chain.holes for one in range(first, last + 1)]
    assert sorted(taken + missing) == list(range(1, (chain.last_id or 0) + 1))
    assert set(taken) == {one for page in pages for one in page}

"""The order machine: what may follow what, and that an unknown answer is a state of its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradecore.core.errors import VenueError
from tradecore.core.orders import TRANSITIONS, OrderState, next_state

states = st.sampled_from(OrderState)


@given(states, states)
def test_an_order_goes_only_where_the_table_lets_it(current: OrderState, reported: OrderState):
    if reported in TRANSITIONS[current]:
        assert next_state(current, reported) is reported
    else:
        with pytest.raises(VenueError, match="query the venue"):
            next_state(current, reported)


def test_every_state_is_in_the_table():
    assert set(TRANSITIONS) == set(OrderState)


def test_an_unknown_order_is_never_sent_again():
    assert OrderState.SENT not in TRANSITIONS[OrderState.UNKNOWN]
    assert OrderState.NOT_ACCEPTED in TRANSITIONS[OrderState.UNKNOWN]


def test_only_a_query_can_say_that_an_order_was_not_accepted():
    assert [state for state, after in TRANSITIONS.items() if OrderState.NOT_ACCEPTED in after] == [OrderState.UNKNOWN]


def test_a_fill_may_arrive_after_the_cancel():
    assert next_state(OrderState.CANCELLED, OrderState.FILLED) is OrderState.FILLED


@pytest.mark.parametrize("ended", [OrderState.FILLED, OrderState.REJECTED, OrderState.NOT_ACCEPTED])
def test_nothing_revives_an_order_that_ended(ended: OrderState):
    assert not TRANSITIONS[ended]

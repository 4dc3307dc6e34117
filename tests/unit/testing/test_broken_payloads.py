"""Payloads are broken in one place each, in every way, and the original stays whole."""

from __future__ import annotations

import json
from copy import deepcopy
from decimal import Decimal

from tradecore.testing.broken_payloads import broken, truncated

PAYLOAD = {"error": [], "result": {"price": "10.5", "rows": [[1, "a"], [2, "b"]], "on": True, "none": None}}


def test_every_field_is_removed_nulled_and_mistyped() -> None:
    told = [name for name, _ in broken(PAYLOAD)]
    for field in (".error", ".result", ".result.price", ".result.rows", ".result.on", ".result.none"):
        assert f"{field} is missing" in told
        assert f"{field} is a list" in told or field in (".error", ".result.rows")
    assert ".result.price is negative" in told
    assert ".result.rows[0][0] is NaN" in told
    assert ".result.rows runs backwards" in told
    assert ".result.rows has its first item twice" in told


def test_each_payload_differs_and_the_original_does_not_change() -> None:
    before = deepcopy(PAYLOAD)
    names = []
    for name, payload in broken(PAYLOAD):
        names.append(name)
        assert json.dumps(payload) != json.dumps(before), name
    assert before == PAYLOAD
    assert len(names) == len(set(names))


def test_only_the_named_place_is_changed() -> None:
    changed = dict(broken(PAYLOAD))[".result.price is missing"]
    assert changed == {
        "error": [],
        "result": {key: value for key, value in PAYLOAD["result"].items() if key != "price"},
    }  # type: ignore[attr-defined]


def test_long_lists_are_broken_at_their_beginning_only() -> None:
    long = list(range(1000))
    assert len(list(broken(long))) < 60


def test_exact_numbers_are_broken_as_numbers() -> None:
    assert dict(broken({"x": Decimal("1.5")}))[".x is negative"] == {"x": Decimal("-1.5")}


def test_a_body_is_cut_at_every_kind_of_place() -> None:
    assert [len(body) for _, body in truncated(b"0123456789")] == [0, 1, 3, 5, 9]

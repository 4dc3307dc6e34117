"""A secret is seen by nobody who does not ask for it by name."""

from __future__ import annotations

import copy
import io
import json
import pickle
import traceback
from dataclasses import asdict, dataclass

import pytest
from rich.console import Console
from rich.traceback import Traceback

from tradecore.core.secret import HIDDEN, Secret
from tradecore.interfaces.cli.screen import plain

CANARY = "canary-7f3b9c51d2e8"


@dataclass(frozen=True, slots=True)
class Holder:
    name: str
    secret: Secret


def test_the_text_is_had_by_asking_for_it() -> None:
    assert Secret(CANARY).reveal() == CANARY


@pytest.mark.parametrize(
    "show",
    [repr, str, "{}".format, "{0!r:>40}".format, "%s %r".__mod__, ascii, lambda one: f"{one:>30}", plain],
    ids=["repr", "str", "format", "format-repr", "percent", "ascii", "f-string", "screen"],
)  # fmt: skip
def test_nothing_that_shows_a_value_shows_the_text(show: object) -> None:
    secret = Secret(CANARY)
    given = (secret, secret) if show == "%s %r".__mod__ else secret
    said = str(show(given))  # type: ignore[operator]
    assert CANARY[:6] not in said
    assert HIDDEN in said


def test_what_holds_a_secret_hides_it_too() -> None:
    holder = Holder("main", Secret(CANARY))
    for said in (repr(holder), str(asdict(holder)), str([holder]), str(plain(holder)), str(copy.deepcopy(holder))):
        assert CANARY not in said


def test_a_secret_can_be_neither_pickled_nor_written_as_json() -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(Holder("main", Secret(CANARY)), protocol)
    with pytest.raises(TypeError) as told:
        json.dumps(Secret(CANARY))
    assert CANARY not in str(told.value)


def test_a_traceback_with_local_variables_hides_it() -> None:
    try:
        secret = Secret(CANARY)
        raise ValueError(f"cannot sign with {secret}")
    except ValueError as error:
        plain_text = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        screen = Console(file=io.StringIO(), width=200)
        screen.print(Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True))
    assert isinstance(screen.file, io.StringIO)
    for said in (plain_text, screen.file.getvalue()):
        assert "secret" in said
        assert CANARY not in said


def test_a_key_is_recognised_by_four_letters_and_a_short_one_by_none() -> None:
    assert Secret(CANARY).hint == "cana…"
    assert Secret("short").hint == HIDDEN


def test_secrets_are_equal_by_text_and_unequal_to_the_text() -> None:
    assert Secret(CANARY) == Secret(CANARY)
    assert Secret(CANARY) != Secret("other")
    assert Secret(CANARY) != CANARY
    assert len({Secret(CANARY), Secret(CANARY), Secret("other")}) == 2


def test_a_secret_does_not_change_and_knows_whether_it_is_empty() -> None:
    secret = Secret(CANARY)
    with pytest.raises(AttributeError):
        secret._Secret__text = "other"  # type: ignore[attr-defined]
    assert secret
    assert not Secret("")

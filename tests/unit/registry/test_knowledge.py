"""The knowledge base: strict, each lesson once, whole after a kill, best first."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from tradecore.core.clock import ManualClock
from tradecore.core.errors import StateRefusedError, UsageError
from tradecore.core.types import SECOND_NS, Pair, Timeframe
from tradecore.registry.knowledge import KnowledgeBase, Lesson


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_700_000_000 * SECOND_NS)


@pytest.fixture
def base(tmp_path: Path, clock: ManualClock) -> KnowledgeBase:
    return KnowledgeBase(tmp_path / "state" / "knowledge.jsonl", clock)


def _lesson(**changes: object) -> Lesson:
    usual: dict[str, object] = {
        "pair": "BTC/USD", "timeframe": "1h", "strategy": "ema_cross", "verdict": "no evidence of edge",
        "dataset": "d1", "score": -0.2, "parameters": {"fast": 9, "long_only": True}, "metrics": {"sharpe": 0.1},
    }  # fmt: skip
    return Lesson(**{**usual, **changes})  # type: ignore[arg-type]


def test_a_lesson_comes_back_with_the_time_it_was_learned(base: KnowledgeBase) -> None:
    assert base.add(_lesson(run="abcd2345", text="Grüße"))
    (found,) = base.lessons()
    assert found == _lesson(run="abcd2345", text="Grüße", time="2023-11-14T22:13:20Z")


def test_the_same_lesson_is_kept_once_whenever_and_by_whichever_run(base: KnowledgeBase, clock: ManualClock) -> None:
    assert base.add(_lesson(run="one"))
    clock.move_to(clock.now() + SECOND_NS)
    assert not base.add(_lesson(run="two"))
    assert base.add(_lesson(dataset="d2"))
    assert [one.run for one in base.lessons()] == ["one", ""]


def test_no_file_is_no_lessons(base: KnowledgeBase) -> None:
    assert base.lessons() == []
    assert base.query(pair="BTC/USD") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"pair": "btc/usd"}, {"pair": "BTCUSD"}, {"timeframe": "60m"}, {"timeframe": "soon"}, {"strategy": ""},
        {"score": float("nan")}, {"score": "0.1"}, {"metrics": {"sharpe": float("inf")}}, {"surprise": 1},
        {"parameters": {"fast": [1, 2]}}, {"is_synthetic": 1}, {"text": "x" * 2_001},
    ],
)  # fmt: skip
def test_a_lesson_of_another_shape_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        _lesson(**wrong)


def test_what_worked_here_comes_best_first(base: KnowledgeBase, clock: ManualClock) -> None:
    scores = [("no evidence of edge", 0.9), ("edge", 0.4), ("edge", 1.2), ("edge", None), ("edge", 0.4)]
    for place, (verdict, score) in enumerate(scores):
        clock.move_to(clock.now() + SECOND_NS)
        base.add(_lesson(verdict=verdict, score=score, strategy=f"s{place}"))
    assert [one.strategy for one in base.query(pair="BTC/USD")] == ["s2", "s4", "s1", "s3", "s0"]
    assert [one.strategy for one in base.query(limit=2)] == ["s2", "s4"]


def test_a_query_matches_everything_that_is_given(base: KnowledgeBase) -> None:
    for changes in ({"pair": "ETH/USD"}, {"timeframe": "4h"}, {"strategy": "breakout"}, {"verdict": "edge"}, {}):
        base.add(_lesson(**changes))
    base.add(_lesson(is_synthetic=True, regime="calm"))
    assert len(base.query()) == 6
    assert [one.pair for one in base.query(pair=Pair("ETH", "USD"))] == ["ETH/USD"]
    assert [one.timeframe for one in base.query(timeframe=Timeframe.parse("4h"))] == ["4h"]
    assert [one.strategy for one in base.query(strategy="breakout")] == ["breakout"]
    assert len(base.query(verdict="edge")) == 1
    assert [one.regime for one in base.query(is_synthetic=True)] == ["calm"]
    assert len(base.query(pair="btc/usd", timeframe="1h", strategy="ema_cross", is_synthetic=False)) == 2
    with pytest.raises(UsageError, match="'pears'"):
        base.query(pears="x")


def test_a_last_line_torn_at_any_byte_is_cut_away_and_the_rest_stands(base: KnowledgeBase) -> None:
    base.add(_lesson(dataset="kept"))
    whole = base.path.read_bytes()
    base.add(_lesson(dataset="torn"))
    both = base.path.read_bytes()
    for cut in range(len(whole), len(both)):
        base.path.write_bytes(both[:cut])
        assert [one.dataset for one in base.lessons()] == ["kept"]
        assert base.path.read_bytes() == whole
    base.path.write_bytes(both[:-1])
    assert base.add(_lesson(dataset="torn"))
    assert [one.dataset for one in base.lessons()] == ["kept", "torn"]


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda line: b"{not json\n", "line 1: not JSON"),
        (lambda line: b"[]\n", "not a lesson of schema 1"),
        (lambda line: line.replace(b'"schema":1', b'"schema":2'), "newer tradecore"),
        (lambda line: line.replace(b'"score":-0.2', b'"score":9.9'), "does not match its hash"),
        (lambda line: line.replace(b'"strategy":"ema_cross",', b""), "strategy: Field required"),
        (lambda line: line.replace(b'"regime":""', b'"regime":"","extra":1'), "extra"),
        (lambda line: b"\xff\n", "not JSON"),
    ],
)  # type: ignore[misc]
def test_a_line_that_cannot_be_trusted_is_refused_by_its_number(base: KnowledgeBase, damage: object, says: str) -> None:
    base.add(_lesson())
    base.path.write_bytes(damage(base.path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(StateRefusedError, match=says):
        base.lessons()
    with pytest.raises(StateRefusedError, match=says):
        base.add(_lesson(dataset="new"))


def test_lines_are_plain_json_for_other_programs(base: KnowledgeBase) -> None:
    base.add(_lesson())
    stored = json.loads(base.path.read_text(encoding="utf-8"))
    assert stored["schema"] == 1
    assert stored["hash"] == _lesson().content_hash()


def test_a_line_written_before_a_field_existed_keeps_its_hash(base: KnowledgeBase) -> None:
    base.add(_lesson())
    line = json.loads(base.path.read_text())
    del line["regime"]
    base.path.write_text(json.dumps(line) + "\n")
    assert base.lessons()[0].regime == ""


def test_processes_that_add_at_once_lose_nothing_and_repeat_nothing(base: KnowledgeBase) -> None:
    code = (
        "import sys\n"
        "from tradecore.registry.knowledge import KnowledgeBase, Lesson\n"
        "for n in range(25):\n"
        "    for name in (f'{sys.argv[2]}-{n}', f'shared-{n}'):\n"
        "        lesson = Lesson(pair='BTC/USD', timeframe='1h', strategy='s', verdict='v', dataset=name)\n"
        "        KnowledgeBase(sys.argv[1]).add(lesson)\n"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, str(base.path), me]) for me in "abc"]
    assert [one.wait(120) for one in started] == [0, 0, 0]
    found = [one.dataset for one in base.lessons()]
    assert len(found) == len(set(found)) == 3 * 25 + 25


def test_a_folder_that_cannot_be_made_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(StateRefusedError, match="a file stands where a folder is expected"):
        KnowledgeBase(tmp_path / "state" / "knowledge.jsonl").add(_lesson())

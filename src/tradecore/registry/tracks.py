"""Store and load a track record in a run: arrays in one file, plain words in another, every bit as it was.

Not a format for other programs (reports write CSV and JSON for them). Called by `backtest` and `control`. Invariant:
what `load_track` returns equals what `save_track` was given, dtypes included, or it raises.
"""

from __future__ import annotations

from dataclasses import fields

from tradecore.core.errors import StateRefusedError
from tradecore.core.track import FILL, ORDER_RESULT, TRADE, Curve, Track
from tradecore.core.types import Pair, Timeframe
from tradecore.registry.runs import Run

SCHEMA = 1
_CURVE = tuple(field.name for field in fields(Curve) if field.name != "start_equity")
_RECORDS = {"fills": FILL, "trades": TRADE, "orders": ORDER_RESULT}
_MONEY = ("deposits", "withdrawals", "realised", "unrealised")


def save_track(run: Run, name: str, track: Track) -> None:
    """Store a track under `tracks/<name>`; the words are written last, so that they stand only beside their arrays.

    Amounts are stored in hexadecimal, so that none loses a bit.
    """
    arrays = {f"curve_{part}": getattr(track.curve, part) for part in _CURVE}
    run.save_array(f"tracks/{name}", **arrays, **{part: getattr(track, part) for part in _RECORDS})
    run.save_json(
        f"tracks/{name}",
        {
            "schema": SCHEMA,
            "pairs": [str(pair) for pair in track.pairs],
            "timeframe": str(track.timeframe),
            "start_equity": float(track.curve.start_equity).hex(),
            **{part: float(getattr(track, part)).hex() for part in _MONEY},
        },
    )


def load_track(run: Run, name: str) -> Track:
    """Return the track stored under `tracks/<name>`.

    Errors: NothingThereError when the run has none of that name; StateRefusedError when it is damaged or newer.
    """
    words = run.load_json(f"tracks/{name}")
    if not isinstance(words, dict) or words.get("schema") != SCHEMA:
        raise StateRefusedError(
            f"run {run.id}: track {name!r} is not of schema {SCHEMA}; update tradecore or run again"
        )
    stored = run.load_array(f"tracks/{name}")
    try:
        for part, dtype in _RECORDS.items():
            if stored[part].dtype != dtype:
                raise StateRefusedError(f"run {run.id}: {part} of track {name!r} have other columns; run it again")
        start_equity = float.fromhex(words["start_equity"])
        curve = Curve(**{part: stored[f"curve_{part}"] for part in _CURVE}, start_equity=start_equity)
        return Track(
            pairs=tuple(Pair.parse(pair) for pair in words["pairs"]),
            timeframe=Timeframe.parse(words["timeframe"]),
            curve=curve,
            fills=stored["fills"],
            trades=stored["trades"],
            orders=stored["orders"],
            deposits=float.fromhex(words["deposits"]),
            withdrawals=float.fromhex(words["withdrawals"]),
            realised=float.fromhex(words["realised"]),
            unrealised=float.fromhex(words["unrealised"]),
        )
    except KeyError as error:
        raise StateRefusedError(f"run {run.id}: track {name!r} lacks {error}; run it again") from None


def track_names(run: Run) -> tuple[str, ...]:
    """Return the names of the tracks a run holds."""
    found = sorted(name for name in run.record.artefacts if name.startswith("tracks/") and name.endswith(".json"))
    return tuple(name.removeprefix("tracks/").removesuffix(".json") for name in found)

"""`tradecore data` from the outside: what is brought in is listed, shown, verified and repaired."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tradecore.interfaces.cli.main import run

Type = Callable[..., dict[str, Any]]


def _archive(folder: Path) -> Path:
    """Write two hours of minutes as Kraken's OHLCVT file has them, one minute absent."""
    start = 1_700_000_000 // 3600 * 3600
    rows = [f"{start + 60 * i},100,101,99,100.5,1.5,3" for i in range(120) if i != 7]
    path = folder / "XBTUSD_1.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_an_archive_is_imported_and_listed(answer: Type, tmp_path: Path) -> None:
    done = answer("data", "import", str(_archive(tmp_path)))
    assert [(item["key"], item["added"]) for item in done["datasets"]] == [("kraken/BTC-USD/1m", 119)]
    listed = answer("data", "list")["datasets"]
    assert [(item["key"], item["rows"], item["empty"]) for item in listed] == [("kraken/BTC-USD/1m", 119, 1)]


def test_importing_twice_changes_nothing(answer: Type, tmp_path: Path) -> None:
    first = answer("data", "import", str(_archive(tmp_path)))["datasets"][0]
    second = answer("data", "import", str(_archive(tmp_path)))["datasets"][0]
    assert (second["hash"], second["added"]) == (first["hash"], 0)


def test_a_file_that_is_not_there_ends_with_2(answer: Type) -> None:
    assert answer("data", "import", "nowhere.zip", code=2)["kind"] == "NothingThereError"


def test_a_broken_file_ends_with_1_and_names_the_row(answer: Type, tmp_path: Path) -> None:
    path = _archive(tmp_path)
    path.write_text(path.read_text().replace(",101,99,", ",98,99,", 1))
    told = answer("data", "import", str(path), code=1)
    assert told["kind"] == "DataError"
    assert "XBTUSD_1.csv" in told["error"]
    answer("data", "list", code=2)


@pytest.mark.parametrize("verb", ["list", "show"])
def test_an_empty_lake_ends_with_2_and_says_what_to_do(verb: str, answer: Type) -> None:
    assert "tradecore data import" in answer("data", verb, code=2)["error"]


def test_one_pair_is_shown_with_its_slices_and_quality(answer: Type, tmp_path: Path) -> None:
    answer("data", "import", str(_archive(tmp_path)))
    shown = answer("data", "show", "btc/usd", "--venue", "kraken", "--timeframe", "1m")["datasets"]
    assert [one["slices"][0]["rows"] for one in shown] == [119]
    assert shown[0]["quality"]["gaps"] == 1
    assert "kraken/BTC-USD/1m" in answer("data", "show", "ETH/USD", code=2)["error"]


def test_a_synthetic_market_is_named_so_and_the_same_again(answer: Type) -> None:
    words = ("data", "synth", "noise", "--days", "20", "--seed", "3", "--timeframe", "1h")
    made = answer(*words)
    assert (made["key"], made["rows"]) == ("synthetic-noise-3/BTC-USD/1h", 480)
    assert made["sources"] == ["synthetic:noise:seed=3"]
    assert answer(*words)["hash"] == made["hash"]


def test_an_unknown_kind_of_market_is_a_wrong_use(answer: Type) -> None:
    assert "expected one of gbm" in answer("data", "synth", "boom", code=64)["error"]


def test_a_damaged_file_is_found_taken_out_and_named_for_import(answer: Type, workspace: Path, tmp_path: Path) -> None:
    answer("data", "import", str(_archive(tmp_path)))
    assert answer("data", "verify")["ok"]
    damaged = next((workspace / "data").rglob("*.parquet"))
    damaged.write_bytes(damaged.read_bytes()[:-10] + b"0123456789")
    assert not answer("data", "verify", code=1)["ok"]
    assert answer("data", "repair")["import_again"] == ["XBTUSD_1.csv"]
    assert answer("data", "verify")["ok"]


def test_the_doctor_sees_a_file_that_is_gone(workspace: Path, answer: Type, tmp_path: Path) -> None:
    answer("data", "import", str(_archive(tmp_path)))
    next((workspace / "data").rglob("*.parquet")).unlink()
    findings = {item["check"]: item for item in answer("doctor", code=1)["findings"]}
    assert findings["data"]["health"] == "failed"
    assert "data repair" in findings["data"]["remedy"]


def test_the_list_fits_80_columns_at_its_widest(
    answer: Type, workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    answer("data", "synth", "planted", "--days", "700", "--seed", "12345", "--timeframe", "1h")
    assert run(["data", "list"]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    assert "16,800" in text


def test_parquet_goes_in_with_pair_and_venue_said(answer: Type, tmp_path: Path) -> None:
    start = 1_700_000_000_000 // 3_600_000 * 3_600_000
    frame = pl.DataFrame(
        {
            "timestamp": [start + 3_600_000 * i for i in range(48)],
            **{name: [100.0] * 48 for name in ("open", "high", "low", "close")},
            "volume": [1.0] * 48,
        }
    )
    frame.write_parquet(tmp_path / "bars.parquet")
    words = ("--pair", "ETH/USD", "--venue", "elsewhere", "--timeframe", "1h")
    done = answer("data", "import", str(tmp_path / "bars.parquet"), *words)
    assert [item["key"] for item in done["datasets"]] == ["elsewhere/ETH-USD/1h"]


def test_bars_older_than_is_kept_become_longer_ones_and_no_volume_is_lost(answer: Type, tmp_path: Path) -> None:
    answer("data", "import", str(_archive(tmp_path)))
    moved = answer("data", "retain", "BTC/USD", "--keep", "1m=1")["moved"]
    assert moved == [{"from": "1m", "to": "5m", "deleted": 119, "inserted": 24}]
    assert [(item["key"], item["rows"]) for item in answer("data", "list")["datasets"]] == [("kraken/BTC-USD/5m", 24)]
    assert answer("data", "verify")["ok"]
    assert answer("data", "retain", "BTC/USD", "--keep", "1m=1")["moved"] == []


@pytest.mark.parametrize("keep", ["1m", "1m=many", "1m=-3", "7m=10", "1d=10"])
def test_what_is_no_retention_is_refused(answer: Type, tmp_path: Path, keep: str) -> None:
    answer("data", "import", str(_archive(tmp_path)))
    assert answer("data", "retain", "BTC/USD", "--keep", keep, code=64)["kind"] == "UsageError"
    assert answer("data", "list")["datasets"][0]["rows"] == 119

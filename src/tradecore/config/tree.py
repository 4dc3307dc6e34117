"""Every setting tradecore has: name, type, unit, range, default and the reason for it. Not where values come from.

Read by `config.load`; exported as JSON schema and as the generated settings page. Values are frozen, unknown keys are
refused, and a docstring under each field is its description everywhere. Packages below never see the tree: whoever
calls them hands over the fields they need.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from tradecore.core.errors import UsageError
from tradecore.core.types import Pair, Timeframe

SCHEMA_VERSION = 1
"""Version of the file's layout. A newer file is refused rather than half understood."""

DEFAULT_PAIRS = tuple(f"{base}/USD" for base in ("BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "LINK", "DOT", "LTC"))


def _unit(name: str) -> dict[str, Any]:
    return {"unit": name}


def _check_pair(text: str) -> str:
    try:
        return str(Pair.parse(text))
    except UsageError as error:
        raise ValueError(str(error)) from None


def _check_timeframe(text: str) -> str:
    try:
        return str(Timeframe.parse(text))
    except UsageError as error:
        raise ValueError(str(error)) from None


def _check_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"time zone {text!r} is not known; expected a name such as UTC or Europe/Berlin") from None
    return text


def _check_folder(text: str) -> str:
    if not text or text.startswith(("/", "\\")) or ".." in text.replace("\\", "/").split("/"):
        raise ValueError(f"folder {text!r}: expected a name inside the workspace, such as data")
    return text


Folder = Annotated[str, AfterValidator(_check_folder), Field(json_schema_extra=_unit("folder"))]
Rate = Annotated[float, Field(ge=0, le=0.1, json_schema_extra=_unit("fraction"))]
"""A cost as a share of notional or price. Above a tenth it is a slip of the keyboard, not a market."""
Step = Annotated[float, Field(ge=0)]
PairName = Annotated[str, AfterValidator(_check_pair)]
TimeframeName = Annotated[str, AfterValidator(_check_timeframe), Field(json_schema_extra=_unit("bar length"))]
HttpAddress = Annotated[str, Field(pattern=r"^https?://[^\s/@]+$", json_schema_extra=_unit("URL"))]
SocketAddress = Annotated[str, Field(pattern=r"^wss?://[^\s@]+$", json_schema_extra=_unit("URL"))]
"""Addresses hold no name and password: they are shown, logged and written into records."""
ZoneName = Annotated[str, AfterValidator(_check_zone), Field(json_schema_extra=_unit("IANA time zone"))]


class Section(BaseModel):
    """One table of the settings file."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


class FolderSettings(Section):
    """Where things lie inside the workspace."""

    data: Folder = "data"
    """Bars and trades, with their manifests."""
    runs: Folder = "runs"
    """One folder for each run."""
    strategies: Folder = "strategies"
    """Your own strategy files."""
    state: Folder = "state"
    """Databases: the lab's record and the trial ledger."""
    reports: Folder = "reports"
    """Reports that are not part of a run."""
    logs: Folder = "logs"
    """Log files, rotated."""


class MarketSettings(Section):
    """What is meant when a command does not say which market."""

    venue: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$", json_schema_extra=_unit("name"))] = "kraken"
    """The venue whose bars are meant."""
    pairs: Annotated[tuple[PairName, ...], Field(min_length=1, max_length=64, json_schema_extra=_unit("pairs"))] = (
        DEFAULT_PAIRS
    )
    """The pairs that are followed; the first is the default of commands that take one."""
    timeframe: TimeframeName = "1h"
    """The bar length of commands that take one."""


class KrakenSettings(Section):
    """How Kraken is asked. No key stands here: keys come from the environment or a private file."""

    rest_address: HttpAddress = "https://api.kraken.com"
    """Where requests go; another address serves tests, mirrors and the local fake."""
    socket_address: SocketAddress = "wss://ws.kraken.com/v2"
    """Where public messages come from."""
    private_socket_address: SocketAddress = "wss://ws-auth.kraken.com/v2"
    """Where messages about the account come from, and orders may go."""
    futures_address: HttpAddress = "https://futures.kraken.com"
    """Where the charts of Kraken Futures are asked for."""
    requests_per_second: Annotated[float, Field(gt=0, le=1000, json_schema_extra=_unit("1/s"))] = 1.0
    """Public requests for each endpoint and pair; Kraken allows about one."""
    tier: Literal["starter", "intermediate", "pro"] = "starter"
    """Verification of the account, which sets its limits; the lowest is never refused for asking too much."""
    exits_reserve: Annotated[float, Field(ge=0, le=0.9, json_schema_extra=_unit("share"))] = 0.25
    """Share of every counter that only exits may use, so that one is never kept waiting by an entry."""
    timeout_s: Annotated[float, Field(gt=0, le=300, json_schema_extra=_unit("seconds"))] = 15.0
    """How long one answer is waited for; an order whose answer did not come is unknown, not refused."""


class S3Settings(Section):
    """How a lake is pushed to and pulled from object storage. No key stands here either."""

    endpoint: Annotated[str, Field(pattern=r"^(https?://[^\s@]+)?$", json_schema_extra=_unit("URL"))] = ""
    """Where the storage is; empty is Amazon's own for the region. Any S3-compatible store has an address."""
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$", json_schema_extra=_unit("name"))] = "us-east-1"
    """The region of the bucket; stores other than Amazon's take any."""
    has_bucket_in_host: bool = False
    """Whether the bucket is part of the host's name instead of the path. Old stores know only the path."""
    is_unsigned: bool = False
    """Whether requests go without a key, as to a public bucket that can only be read."""
    transfers: Annotated[int, Field(ge=1, le=64, json_schema_extra=_unit("files"))] = 4
    """How many files travel at once."""
    part_megabytes: Annotated[int, Field(ge=5, le=512, json_schema_extra=_unit("megabytes"))] = 8
    """Size of the parts of a large file; memory is about twice this for each transfer."""
    timeout_s: Annotated[float, Field(gt=0, le=3600, json_schema_extra=_unit("seconds"))] = 60.0
    """How long one request may take."""


class CostSettings(Section):
    """What trading costs where the venue's account does not say. Kraken's lowest volume tier; better is optimism."""

    maker_fee: Rate = 0.0025
    """Fee on the notional of a fill that rested in the book."""
    taker_fee: Rate = 0.0040
    """Fee on the notional of a fill that took from the book."""
    half_spread: Rate = 0.0001
    """Distance from the mid price to the best offer, paid by every taking fill."""
    slippage: Rate = 0.0005
    """How far a taking fill moves against the order, unless its signal says otherwise."""
    participation: Annotated[float, Field(gt=0, le=1, json_schema_extra=_unit("fraction of volume"))] = 0.10
    """The most of a bar's volume that one order may take; what is left waits for the next bar."""
    latency_bars: Annotated[int, Field(ge=0, le=1000, json_schema_extra=_unit("bars"))] = 0
    """Bars an order needs to reach the market beyond the next open."""


class PairRuleSettings(Section):
    """What differs for one pair. What is left out is as for all."""

    pair: PairName
    """The pair, as in ETH/USD."""
    maker_fee: Rate | None = None
    """Fee on the notional of a fill that rested in the book."""
    taker_fee: Rate | None = None
    """Fee on the notional of a fill that took from the book."""
    half_spread: Rate | None = None
    """Distance from the mid price to the best offer."""
    slippage: Rate | None = None
    """How far a taking fill moves against the order."""
    participation: Annotated[float, Field(gt=0, le=1)] | None = None
    """The most of a bar's volume that one order may take."""
    tick: Step | None = None
    """Step that prices are rounded to."""
    lot: Step | None = None
    """Step that quantities are rounded down to."""
    min_quantity: Step | None = None
    """The smallest order, counted in its base asset."""
    min_notional: Step | None = None
    """The smallest order, counted in quote currency."""


class RuleSettings(Section):
    """What the venue lets through. Zero means no such rule."""

    tick: Annotated[Step, Field(json_schema_extra=_unit("quote currency"))] = 0.0
    """Step that prices are rounded to."""
    lot: Annotated[Step, Field(json_schema_extra=_unit("base units"))] = 0.0
    """Step that quantities are rounded down to."""
    min_quantity: Annotated[Step, Field(json_schema_extra=_unit("base units"))] = 0.0
    """The smallest order, counted in its base asset."""
    min_notional: Annotated[Step, Field(json_schema_extra=_unit("quote currency"))] = 0.5
    """The smallest order, counted in quote currency; Kraken's minimum for USD pairs."""
    touch: bool = False
    """Whether a resting limit fills when it is merely touched. By default the price must trade through it."""
    allow_short: bool = False
    """Whether a position may go below zero; spot venues do not allow it."""
    exceptions: Annotated[tuple[PairRuleSettings, ...], Field(max_length=64, json_schema_extra=_unit("tables"))] = ()
    """Costs and rules that differ for single pairs, as in [{ pair = "ETH/USD", taker_fee = 0.002 }]."""


class AccountSettings(Section):
    """The simulated account at the start of a run."""

    start_cash: Annotated[float, Field(gt=0, le=1e12, json_schema_extra=_unit("quote currency"))] = 10_000.0
    """Cash before the first bar."""
    quote: Annotated[str, Field(pattern=r"^[A-Z0-9.]{2,10}$", json_schema_extra=_unit("currency"))] = "USD"
    """The currency that cash and equity are counted in."""


class LimitSettings(Section):
    """Bounds the shell keeps whatever a strategy wishes. Zero means no bound."""

    max_position_base: Annotated[float, Field(ge=0, json_schema_extra=_unit("base units"))] = 0.0
    """The largest position in one pair, counted in its base asset."""
    max_position_quote: Annotated[float, Field(ge=0, json_schema_extra=_unit("quote currency"))] = 0.0
    """The largest position in one pair, counted in quote currency."""
    max_open_positions: Annotated[int, Field(ge=0, le=1000, json_schema_extra=_unit("positions"))] = 0
    """How many pairs may be held at once."""
    max_pair_exposure: Annotated[float, Field(gt=0, le=10, json_schema_extra=_unit("share of equity"))] = 1.0
    """The largest share of equity in one pair; an entry is cut to it. One is everything there is."""
    max_total_exposure: Annotated[float, Field(gt=0, le=10, json_schema_extra=_unit("share of equity"))] = 1.0
    """The largest share of equity in all pairs together; an entry is cut to it."""
    max_drawdown: Annotated[float, Field(gt=0, le=1, json_schema_extra=_unit("fraction of the peak"))] = 1.0
    """The fall from the peak at which entries stop; exits never do. One never stops, to show a strategy as it is."""
    cooldown_bars: Annotated[int, Field(ge=0, le=100_000, json_schema_extra=_unit("bars"))] = 0
    """Bars between leaving a pair and entering it again."""


class EvidenceSettings(Section):
    """What a record must show before it is called an edge. Conventions, not laws: they travel with every verdict."""

    min_days: Annotated[int, Field(ge=10, le=10_000, json_schema_extra=_unit("days"))] = 90
    """Out-of-sample days; with fewer, one good month decides."""
    min_trades: Annotated[int, Field(ge=1, le=100_000, json_schema_extra=_unit("trades"))] = 30
    """Closed out-of-sample trades; with fewer, one trade decides."""
    min_deflated_sharpe: Annotated[float, Field(ge=0, le=1, json_schema_extra=_unit("probability"))] = 0.95
    """The least deflated Sharpe ratio: how sure we are of more than luck, once every trial is counted."""
    min_sharpe_low: Annotated[float, Field(ge=-10, le=10, json_schema_extra=_unit("ratio"))] = 0.0
    """What the lower end of the interval of the yearly Sharpe ratio must exceed."""
    min_probability_better: Annotated[float, Field(ge=0.5, le=1, json_schema_extra=_unit("probability"))] = 0.75
    """How likely the strategy must be better than buy and hold, and than the best simple baseline."""
    cost_multiple: Annotated[float, Field(ge=1, le=10, json_schema_extra=_unit("times the costs"))] = 1.5
    """The multiple of the configured costs at which the record must still gain."""


class WalkForwardSettings(Section):
    """How history is cut when a strategy is tested on what it was not tuned on."""

    folds: Annotated[int, Field(ge=3, le=100, json_schema_extra=_unit("folds"))] = 6
    """How many test spans follow one another; fewer than three say nothing."""
    anchored: bool = False
    """Whether training always begins at the first bar and grows, instead of moving along."""
    hold_out: Annotated[float, Field(ge=0, le=0.5, json_schema_extra=_unit("fraction of bars"))] = 0.15
    """The newest part of history, locked by `evaluate` to the very end and by no other test. Openings are recorded."""


class EvaluateSettings(Section):
    """How `tradecore evaluate` tests a candidate: honest-v1, besides folds and limits."""

    profile: Literal["smoke", "standard", "deep"] = "standard"
    """How much is done of everything when the command does not say."""
    min_random_rank: Annotated[float, Field(ge=0, le=1, json_schema_extra=_unit("share"))] = 0.95
    """The share of random traders, with its very turnover and exposure, that a candidate must beat."""
    max_overfitting: Annotated[float, Field(ge=0, le=1, json_schema_extra=_unit("share of splits"))] = 0.2
    """How often the best candidate of one half of the days may lose money, and to most others, in the other half."""


Count = Annotated[int, Field(ge=0, le=100_000)]


class ProfileSettings(Section):
    """How much is done of everything. More costs time and makes the answer steadier, not kinder."""

    random_traders: Annotated[Count, Field(json_schema_extra=_unit("traders"))] = 1000
    """Random traders the candidate is ranked among; 0 leaves them and their gate out."""
    bootstrap_samples: Annotated[int, Field(ge=100, le=100_000, json_schema_extra=_unit("histories"))] = 2000
    """Resampled histories behind every interval."""
    lookahead_cuts: Annotated[Count, Field(json_schema_extra=_unit("cuts"))] = 10
    """Places at which the data is cut to see whether a decision changes; 0 leaves the test and its gate out."""
    cost_multiples: Annotated[
        tuple[Annotated[float, Field(ge=0, le=100)], ...],
        Field(max_length=32, json_schema_extra=_unit("times the costs")),
    ] = (0.0, 0.5, 1.5, 2.0, 3.0)
    """Multiples of the costs besides 1; the one that the evidence needs is always among them."""
    latencies: Annotated[
        tuple[Annotated[int, Field(ge=1, le=1000)], ...], Field(max_length=16, json_schema_extra=_unit("bars"))
    ] = (1, 2)
    """Bars by which orders are late, one test each."""
    offsets: Annotated[int, Field(ge=0, le=100, json_schema_extra=_unit("shifts"))] = 3
    """How many times the folds are shifted, by equal parts of a test."""
    feature_groups: Annotated[int, Field(ge=0, le=1000, json_schema_extra=_unit("features"))] = 8
    """Features are dropped one by one when the strategy declares at most so many; 0 never."""
    seeds: Annotated[int, Field(ge=0, le=1000, json_schema_extra=_unit("seeds"))] = 10
    """Seeds over which a strategy that uses its randomness is repeated; 0 never."""
    is_by_regime: bool = True
    """Whether the record is told by regime of the market."""
    overfitting_blocks: Annotated[int, Field(ge=0, le=20, json_schema_extra=_unit("blocks of days"))] = 16
    """Blocks for the probability of overfitting, even, 4 to 20; 0 leaves it and its gate out."""
    combined_groups: Annotated[int, Field(ge=0, le=16, json_schema_extra=_unit("groups of days"))] = 0
    """Groups of the combinatorial cross-validation, two of which are tested at a time; 0 leaves it out."""
    has_sentinels: bool = True
    """Whether lanes are compared and the record is played twice."""


class SmokeSettings(ProfileSettings):
    """A profile of less of everything, for a first look."""

    @model_validator(mode="before")
    @classmethod
    def _less(cls, given: dict[str, Any]) -> dict[str, Any]:
        less = {
            "random_traders": 200, "bootstrap_samples": 1000, "lookahead_cuts": 5, "latencies": (1,), "offsets": 1,
            "feature_groups": 0, "seeds": 0, "overfitting_blocks": 8,
        }  # fmt: skip
        return less | given


class DeepSettings(ProfileSettings):
    """A profile of more of everything, for a candidate that passed."""

    @model_validator(mode="before")
    @classmethod
    def _more(cls, given: dict[str, Any]) -> dict[str, Any]:
        more = {
            "random_traders": 5000, "bootstrap_samples": 10_000, "lookahead_cuts": 50, "latencies": (1, 2, 5),
            "offsets": 7, "feature_groups": 32, "seeds": 30, "combined_groups": 8,
        }  # fmt: skip
        return more | given


class ReportSettings(Section):
    """How results are shown."""

    time_zone: ZoneName = "UTC"
    """The zone in which reports print times and cut days. Inside, everything is UTC."""
    open_browser: bool = True
    """Whether a finished report opens in the browser where there is a screen."""


class LogSettings(Section):
    """What is written to the log."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe event that is kept."""
    format: Literal["console", "json"] = "console"
    """Readable lines, or one JSON object each."""
    max_megabytes: Annotated[int, Field(ge=1, le=1024, json_schema_extra=_unit("megabytes"))] = 10
    """Size at which a log file is rotated."""
    keep: Annotated[int, Field(ge=1, le=100, json_schema_extra=_unit("files"))] = 5
    """How many rotated files are kept."""


class Tree(BaseSettings):
    """All settings of a workspace."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        env_prefix="TRADECORE_",
        env_nested_delimiter="__",
        title="tradecore settings",
    )

    schema_version: Annotated[int, Field(ge=1, le=SCHEMA_VERSION, json_schema_extra=_unit("version"))] = SCHEMA_VERSION
    """Layout of this file; written by `tradecore init`."""
    folders: FolderSettings = FolderSettings()
    """Where things lie inside the workspace."""
    market: MarketSettings = MarketSettings()
    """What is meant when a command does not say which market."""
    kraken: KrakenSettings = KrakenSettings()
    """How Kraken is asked."""
    s3: S3Settings = S3Settings()
    """How a lake travels to and from object storage."""
    costs: CostSettings = CostSettings()
    """What trading costs."""
    account: AccountSettings = AccountSettings()
    """The simulated account."""
    rules: RuleSettings = RuleSettings()
    """What the venue lets through."""
    limits: LimitSettings = LimitSettings()
    """Bounds the shell keeps."""
    evidence: EvidenceSettings = EvidenceSettings()
    """What a record must show before it is called an edge."""
    walk_forward: WalkForwardSettings = WalkForwardSettings()
    """How history is cut for honest tests."""
    evaluate: EvaluateSettings = EvaluateSettings()
    """How `tradecore evaluate` tests."""
    profile_smoke: SmokeSettings = SmokeSettings()
    """Seconds: does it stand at all?"""
    profile_standard: ProfileSettings = ProfileSettings()
    """About a minute: the verdict that counts."""
    profile_deep: DeepSettings = DeepSettings()
    """Minutes: with combinatorial cross-validation and steadier figures."""
    report: ReportSettings = ReportSettings()
    """How results are shown."""
    log: LogSettings = LogSettings()
    """What is logged."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take only what `config.load` hands over: it lays the layers itself, so that it knows where each came from."""
        return (init_settings,)

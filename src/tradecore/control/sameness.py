"""Whether a run could be had again: what of its data, code, config or seed is no longer as the run recorded it.

Called before a sweep goes on and before a run is repeated. It compares records, it changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tradecore.registry.record import RunRecord, describe_code, describe_data, describe_versions, plain_mapping
from tradecore.registry.runs import RunInputs


def differences(record: RunRecord, now: RunInputs) -> list[str]:
    """Return what differs between a recorded run and what would run now, in words; empty when nothing does."""
    return [*_data(record, now), *_code(record, now), *_config(record, now)]


def _data(record: RunRecord, now: RunInputs) -> Iterator[str]:
    before = {f"{one.pair} {one.timeframe}": one for one in record.data}
    after = {f"{one.pair} {one.timeframe}": one for one in describe_data(now.data)}
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old is None or new is None:
            yield f"the data differs: {name} {'was not there' if old is None else 'is no longer there'}"
        elif (old.dataset, old.bars, old.start, old.end) != (new.dataset, new.bars, new.start, new.end):
            yield (
                f"the data differs: {name} was {old.bars:,} bars of {old.dataset[:12]} to {old.end}, "
                f"is {new.bars:,} of {new.dataset[:12]} to {new.end}"
            )


def _code(record: RunRecord, now: RunInputs) -> Iterator[str]:
    code = describe_code(now.strategy)
    if code.hash != record.code.hash:
        yield (
            f"the code differs: tradecore {record.code.version} ({record.code.hash[:12]}) ran it, this is "
            f"{code.version} ({code.hash[:12]})"
        )
    if record.code.strategy and code.strategy != record.code.strategy:
        yield f"the code differs: the strategy's file was {record.code.strategy[:12]}, is {code.strategy[:12]}"
    versions = describe_versions()
    for name, version in record.versions.items():
        if name != "tradecore" and versions.get(name) != version:
            yield f"the code differs: {name} was {version}, is {versions.get(name)}"


def _config(record: RunRecord, now: RunInputs) -> Iterator[str]:
    settings = plain_mapping(now.settings or {}, "settings")
    for section, before in record.settings.items():
        after = settings.get(section)
        if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
            if before != after:
                yield f"the config differs: {section} was {before!r}, is {after!r}"
            continue
        for key in sorted({*before, *after}):
            if before.get(key) != after.get(key):
                yield f"the config differs: {section}.{key} was {before.get(key)!r}, is {after.get(key)!r}"
    if dict(now.seeds or {}) != record.seeds:
        yield f"the config differs: the seeds were {record.seeds}, are {dict(now.seeds or {})}"

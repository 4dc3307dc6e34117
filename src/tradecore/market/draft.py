"""A dataset as it will be, and rows on their way into it: what a transaction on the lake works with.

Values and plain bookkeeping; nothing here reads or writes a file. The writer and what it is made of call it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from tradecore.core.errors import DataError
from tradecore.market.coverage import Run, intersect, subtract
from tradecore.market.manifest import DatasetKey, FileEntry, Manifest, SourceRef
from tradecore.market.seams import Seam
from tradecore.market.sources.member import Source, source_named


@dataclass(slots=True)
class Draft:
    """A dataset as it will be: its files, what each source covers, and the exceptions to what an absent bar means."""

    key: DatasetKey
    files: dict[str, FileEntry] = field(default_factory=dict)
    spans: dict[str, tuple[Run, ...]] = field(default_factory=dict)
    exceptions: dict[str, tuple[Run, ...]] = field(default_factory=dict)
    refs: dict[str, SourceRef] = field(default_factory=dict)
    joined: set[str] = field(default_factory=set)
    finer: str = ""
    seams: set[Seam] = field(default_factory=set)

    @property
    def rows(self) -> int:
        """How many bars or trades it holds."""
        return sum(file.rows for file in self.files.values())

    def ref_of(self, source: str) -> SourceRef:
        """Return what was imported from a source, the first by name."""
        return min(ref for ref in self.refs.values() if ref.importer == source)

    def note(self, ref: SourceRef) -> None:
        """Record a source; of two names for the same bytes keep the one that does not depend on which came first."""
        self.refs[ref.sha256] = min(ref, self.refs.get(ref.sha256, ref))
        self.refs.pop(SourceRef.repaired(ref.importer).sha256, None)

    def uncover(self, source: str, runs: tuple[Run, ...]) -> None:
        """Take runs out of what a source covers."""
        left = subtract(self.spans.get(source, ()), runs, self.key.step)
        self.spans[source] = left
        self.exceptions[source] = intersect(self.exceptions.get(source, ()), left, self.key.step)


@dataclass(frozen=True, slots=True)
class Addition:
    """Rows of one source and the span they cover: between the rows it is empty or missing, as the source means it.

    `exceptions` are the runs in which an absent bar is the other of the two.
    """

    rows: pl.DataFrame
    span: Run
    source: str
    ref: SourceRef
    exceptions: tuple[Run, ...] = ()


def draft_of(manifest: Manifest) -> Draft:
    """Return a stored dataset as a draft that can be changed."""
    names = {one.source for one in manifest.slices}
    return Draft(
        key=manifest.key,
        files={file.partition: file for file in manifest.files},
        spans={name: tuple(one.span for one in manifest.slices if one.source == name) for name in sorted(names)},
        exceptions={
            name: tuple(run for one in manifest.slices if one.source == name for run in one.exceptions)
            for name in sorted(names)
        },
        refs={ref.sha256: ref for ref in manifest.sources},
        joined=set(manifest.joined),
        finer=manifest.finer,
        seams=set(manifest.seams),
    )


def admit(draft: Draft, addition: Addition, source: Source, join: bool) -> set[str]:
    """Return the other sources of a dataset, into which a person has allowed this one.

    Errors: DataError when nobody has, or when made and traded rows would be mixed.
    """
    others = {name for name, runs in draft.spans.items() if name != source.name and runs}
    if not others:
        return others
    names, rows = ", ".join(sorted(others)), "trades" if draft.key.timeframe is None else "bars"
    if any(one.startswith("synthetic") for one in (*others, source.name)):
        raise DataError(
            f"{draft.key}: holds {names}, the file gives {source.name}; made and traded {rows} are never mixed; "
            "use another lake"
        )
    if not (join or {*others, source.name} <= draft.joined):
        raise DataError(
            f"{draft.key}: holds {rows} from {names}, {addition.ref.name} gives {source.name}; sources are never "
            "mixed silently; join them by name (--join), or use another lake"
        )
    draft.joined |= {*others, source.name}
    return others


def is_stronger(one: str, other: str) -> bool:
    """Say whether rows of one source hold where both sources have them."""
    return _rank(source_named(one)) > _rank(source_named(other))


def _rank(source: Source) -> tuple[int, str]:
    return source.strength, source.name

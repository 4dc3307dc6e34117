"""Read huge text files in pieces: bounded memory, bounded lines, rows counted, and a hash of every byte.

It knows lines and columns, not what they mean. `kraken_archive` calls it. Invariant: no more than one line limit beyond
the last line end is ever read before a file without line ends is refused.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, TypeAlias

import polars as pl

from tradecore.core.errors import DataError

PIECE_BYTES = 1 << 20
BLOCK_BYTES = 16 << 20

Opener: TypeAlias = Callable[[], IO[bytes]]


def digest(opener: Opener, name: str) -> str:
    """Return the sha256 of a stream's bytes. Errors: as `pieces`."""
    sha = hashlib.sha256()
    for piece in pieces(opener, name):
        sha.update(piece)
    return sha.hexdigest()


def pieces(opener: Opener, name: str) -> Iterator[bytes]:
    """Yield a stream's bytes in order.

    Errors: DataError when it is empty, ends early (a truncated ZIP), cannot be unpacked, or has a line without end.
    """
    since_line_end = total = 0
    try:
        with opener() as stream:
            while piece := stream.read(PIECE_BYTES):
                total += len(piece)
                end = piece.rfind(b"\n")
                since_line_end = since_line_end + len(piece) if end < 0 else len(piece) - end - 1
                if since_line_end > PIECE_BYTES:
                    raise DataError(
                        f"{name}: a line of more than {PIECE_BYTES:,} bytes before byte {total:,}; expected short "
                        "lines of comma-separated numbers; this is not a Kraken archive"
                    )
                yield piece
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{name}: cannot be unpacked ({error}); the ZIP is damaged, fetch it again") from error
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror or error}); check the file and the disk") from error
    if not total:
        raise DataError(f"{name}: the file is empty; expected at least one row; fetch it again")


def tables(opener: Opener, name: str, schema: pl.Schema) -> Iterator[tuple[pl.DataFrame, int, int]]:
    """Yield blocks of a header-less CSV as tables, each with the number of its first row and the bytes read so far.

    Errors: DataError naming the file and the row that has other columns or no number; as `pieces`.
    """
    row, read = 1, 0
    waiting = bytearray()
    for piece in pieces(opener, name):
        read += len(piece)
        waiting += piece
        if len(waiting) < BLOCK_BYTES:
            continue
        end = waiting.rfind(b"\n") + 1
        yield _table(bytes(waiting[:end]), name, row, schema), row, read
        row += waiting.count(b"\n", 0, end)
        del waiting[:end]
    rest = bytes(waiting).rstrip(b"\r\n")
    if rest:
        yield _table(rest + b"\n", name, row, schema), row, read


def _table(block: bytes, name: str, first_row: int, schema: pl.Schema) -> pl.DataFrame:
    expected = f"{len(schema)} columns ({', '.join(schema)})"
    columns = block[: block.index(b"\n")].count(b",") + 1
    if columns != len(schema):
        raise DataError(
            f"{name}: row {first_row}: {columns} columns; expected {expected} and no header; "
            "this is another format or a damaged file"
        )
    try:
        frame = pl.read_csv(io.BytesIO(block), has_header=False, schema=schema, quote_char=None)
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{name}: {_first_bad_line(block, first_row, schema, str(error))}") from error
    if len(frame) != block.count(b"\n"):
        raise DataError(f"{name}: {_first_bad_line(block, first_row, schema, 'a line is not a row')}")
    if any(frame[column].null_count() for column in frame.columns):
        raise DataError(f"{name}: {_first_bad_line(block, first_row, schema, 'a value is empty')}")
    return frame


def _first_bad_line(block: bytes, first_row: int, schema: pl.Schema, reason: str) -> str:
    """Say which line a fast reader stumbled over; only called once a block is known to be bad."""
    advice = "correct the file or fetch it again"
    kinds: list[Callable[[str], object]] = [int if kind == pl.Int64 else float for kind in schema.values()]
    for number, line in enumerate(block.decode("utf-8", "replace").splitlines(), first_row):
        cells = line.split(",")
        if len(cells) != len(schema):
            return f"row {number}: {len(cells)} columns; expected {len(schema)} ({', '.join(schema)}); {advice}"
        for column, kind, cell in zip(schema, kinds, cells, strict=True):
            try:
                kind(cell)
            except ValueError:
                return f"row {number}: {column} is {cell[:40]!r}; expected a number; {advice}"
    return f"rows from {first_row}: {reason.splitlines()[0]}; expected numbers in {len(schema)} columns; {advice}"

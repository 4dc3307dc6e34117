"""The lab database: one SQLAlchemy engine on `state/lab.db`, or on PostgreSQL by URL, at this code's schema.

Not the engine's ledger (`state/ledger.db`, another module, one writer) and no tables of its own: the revisions in
`storage.migrations` make them, the packages above describe the ones they use. Called by `registry` and later `jobs`;
importing it loads SQLAlchemy, so cheap modules must not. Invariant: an engine handed out is at the newest revision, and
a transaction that ended without an error is on the disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from filelock import FileLock, Timeout
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from tradecore.core.errors import StateRefusedError, UsageError
from tradecore.storage.atomic_io import explain, make_folder

REVISIONS = ("0001", "0002")
"""Every revision this code knows, oldest first; a test holds it equal to the files in `migrations/versions`."""
BUSY_TIMEOUT_S = 30.0
"""How long a transaction waits for another process's to end."""

_MIGRATIONS = Path(__file__).parent / "migrations"
_HEADER = b"SQLite format 3\x00"
_WRITES = "tradecore_writes"
_PRAGMAS = (
    f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # Without it INSERT OR REPLACE deletes a row and no trigger hears of it.
    "PRAGMA recursive_triggers = ON",
)


def open_database(location: Path | str) -> Engine:
    """Open a database by path (SQLite) or URL, made if it is not there, and bring it to the newest revision.

    Errors: UsageError for a URL that cannot be meant or whose driver is not installed; StateRefusedError when the file
            is no SQLite database, is damaged, is newer than this code, cannot be written, or stays locked.
    """
    url = _url(location)
    if url.get_backend_name() != "sqlite":
        engine = _engine(url)
        with _explained(_name(url)):
            _bring_up(engine, _name(url))
        return engine
    path = Path(url.database or "")
    make_folder(path.parent)
    _check_header(path)
    engine = _engine(url)
    try:
        with _explained(str(path)):
            if _revision(engine) != REVISIONS[-1]:
                with _upgrading(path):
                    _bring_up(engine, str(path))
    except StateRefusedError:
        engine.dispose()
        raise
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection that sees one moment of the database. Errors: as `writing`."""
    with _explained(_name(engine.url)), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Give a connection whose changes are all on the disk after the block, or none of them.

    It takes SQLite's write lock at the start: a transaction that reads first and writes later could be refused midway.
    Errors: StateRefusedError when the database is damaged, full, read-only or stays locked.
    """
    writer = engine.execution_options(**{_WRITES: True})
    with _explained(_name(engine.url)), writer.connect() as connection, connection.begin():
        yield connection


def verify(engine: Engine) -> None:
    """Read the whole database and check that it holds together. Errors: StateRefusedError saying where it does not."""
    if engine.dialect.name != "sqlite":
        return
    with reading(engine) as connection:
        found = connection.execute(sa.text("PRAGMA integrity_check(1)")).scalar_one()
        orphans = connection.execute(sa.text("PRAGMA foreign_key_check")).all()
    if found != "ok" or orphans:
        what = found if found != "ok" else f"{len(orphans)} rows point at nothing"
        raise StateRefusedError(f"{_name(engine.url)}: damaged ({what}); {_remedy(_name(engine.url))}")


def _url(location: Path | str) -> URL:
    if isinstance(location, Path) or "://" not in location:
        return URL.create("sqlite", database=str(location))
    try:
        url = make_url(location)
    except ArgumentError:
        raise UsageError(
            "the database URL cannot be read; expected one like postgresql+psycopg://user@host/lab"
        ) from None
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise UsageError(f"database {url.get_backend_name()!r} is not supported; expected sqlite or postgresql")
    if url.get_backend_name() == "sqlite" and (url.database or ":memory:") == ":memory:":
        raise UsageError("the database URL names no file; expected sqlite:///state/lab.db")
    return url


def _engine(url: URL) -> Engine:
    try:
        engine = sa.create_engine(url, **_arguments(url))
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise UsageError(
            f"the driver of {_name(url)} is not installed ({error}); install tradecore[postgres]"
        ) from None
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare)
        sa.event.listen(engine, "begin", _begin)
    return engine


def _arguments(url: URL) -> dict[str, Any]:
    if url.get_backend_name() != "sqlite":
        return {"pool_pre_ping": True}
    # No pool: a connection carried over a fork would share its file locks with the child.
    return {"poolclass": sa.pool.NullPool, "connect_args": {"timeout": BUSY_TIMEOUT_S}}


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    """Set up a new SQLite connection; transactions are begun by `_begin`, not by the driver."""
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _check_header(path: Path) -> None:
    """Raise StateRefusedError for a file that is no SQLite database, before the driver touches it."""
    try:
        with path.open("rb") as file:
            start = file.read(len(_HEADER))
    except FileNotFoundError:
        return
    except OSError as error:
        raise StateRefusedError(f"{path}: could not be read ({error.strerror}); check its permissions") from None
    if start and start != _HEADER:
        raise StateRefusedError(f"{path}: not an SQLite database; {_remedy(str(path))}")


def _revision(engine: Engine) -> str | None:
    with engine.connect() as connection, connection.begin():
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
        return found


@contextmanager
def _upgrading(path: Path) -> Iterator[None]:
    """Hold the lock under which one process makes or upgrades the file."""
    lock = FileLock(f"{path}.lock", timeout=BUSY_TIMEOUT_S)
    try:
        lock.acquire()
    except Timeout:
        what = f"another process has been upgrading it for {BUSY_TIMEOUT_S:g} s"
        raise StateRefusedError(f"{path}: {what}; wait until it is done or end it") from None
    except OSError as error:
        raise explain(error, path) from error
    try:
        yield
    finally:
        lock.release()


def _bring_up(engine: Engine, name: str) -> None:
    """Apply the revisions that are missing, in one transaction."""
    found = _revision(engine)
    if found is not None and found not in REVISIONS:
        raise StateRefusedError(
            f"{name}: its schema is {found}, this tradecore knows up to {REVISIONS[-1]}; update tradecore, "
            "or open it with the version that wrote it"
        )
    if found == REVISIONS[-1]:
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(7283467823)"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turn a driver's error into one a person can act on. A broken rule of ours (IntegrityError) passes as it is."""
    try:
        yield
    except sa.exc.IntegrityError:
        raise
    except (DBAPIError, sqlite3.DatabaseError) as error:
        cause = str(getattr(error, "orig", None) or error)
        raise StateRefusedError(f"{name}: {cause}; {_advice(cause, name)}") from error


def _advice(cause: str, name: str) -> str:
    known = {
        "locked": "another process is writing; wait until it is done or end it",
        "full": "free some space and run it again",
        "disk I/O": "check the disk and its free space, and run it again",
        "readonly": "make the file and its folder writable",
        "unable to open": "make sure that the folder exists and can be written",
        "connect": "check that the server runs and that the URL is right",
    }
    return next((text for word, text in known.items() if word in cause), _remedy(name))


def _remedy(name: str) -> str:
    return f"restore {name} from a backup, or move it away to begin an empty one"


def _name(url: URL) -> str:
    return str(url.database) if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)

"""The lab database: always at this code's schema, durable, and refused in words when it cannot be used."""

from __future__ import annotations

import io
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from tradecore.core.errors import StateRefusedError, UsageError
from tradecore.storage import database
from tradecore.storage.database import REVISIONS, open_database, reading, verify, writing

MIGRATIONS = Path(database.__file__).parent / "migrations"
INSERT = sa.text("INSERT INTO trials (dataset, strategy, config) VALUES (:d, 's', 'c')")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "lab.db"


def _add(engine: sa.Engine, dataset: str) -> None:
    with writing(engine) as connection:
        connection.execute(INSERT, {"d": dataset})


def test_a_new_database_is_made_at_the_newest_revision(path: Path) -> None:
    with reading(open_database(path)) as connection:
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one() == REVISIONS[-1]


def test_the_revisions_this_code_knows_are_those_in_the_folder() -> None:
    found = ScriptDirectory(str(MIGRATIONS)).walk_revisions()
    assert tuple(one.revision for one in found)[::-1] == REVISIONS


def test_the_promises_to_the_disk_are_read_back(path: Path) -> None:
    with reading(open_database(path)) as connection:
        pragma = lambda name: connection.execute(sa.text(f"PRAGMA {name}")).scalar_one()  # noqa: E731
        assert pragma("journal_mode") == "wal"
        assert pragma("synchronous") == 2
        assert pragma("foreign_keys") == 1
        assert pragma("recursive_triggers") == 1
        assert pragma("busy_timeout") == 30_000


def test_what_was_written_is_there_on_the_next_open(path: Path) -> None:
    _add(open_database(path), "d")
    with reading(open_database(f"sqlite:///{path}")) as connection:
        assert connection.execute(sa.text("SELECT dataset FROM trials")).scalar_one() == "d"


def test_a_transaction_that_raises_leaves_nothing(path: Path) -> None:
    engine = open_database(path)

    def fail_midway() -> None:
        with writing(engine) as connection:
            connection.execute(INSERT, {"d": "d"})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_midway()
    with reading(engine) as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM trials")).scalar_one() == 0


def test_a_newer_schema_is_refused_and_left_as_it_is(path: Path) -> None:
    with writing(open_database(path)) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StateRefusedError, match=r"its schema is 9999.*update tradecore") as caught:
        open_database(path)
    assert caught.value.exit_code == 3
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)


@pytest.mark.parametrize("content", [b"not a database", b"\x00" * 4096, b"SQLite format 3\x00" + b"\xff" * 4080])
def test_a_foreign_or_corrupt_file_is_refused_with_a_remedy_and_left_as_it_is(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StateRefusedError, match=r"restore .*lab.db from a backup, or move it away"):
        open_database(path)
    assert path.read_bytes() == content


def test_damage_in_the_middle_is_found_by_verify(path: Path) -> None:
    engine = open_database(path)
    with writing(engine) as connection:
        connection.execute(
            sa.text("INSERT INTO trials (dataset, strategy, config) VALUES (:d, 's', :c)"),
            [{"d": "d" * 60, "c": str(n)} for n in range(2_000)],
        )
        pages = connection.execute(sa.text("PRAGMA page_count")).scalar_one()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    verify(engine)
    with path.open("r+b") as file:
        file.seek(4096 * (pages // 2))
        file.write(b"\xa5" * 4096)
    with pytest.raises(StateRefusedError, match="restore"):
        verify(engine)


def test_an_empty_file_is_a_new_database(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    _add(open_database(path), "d")


def test_a_folder_in_its_place_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StateRefusedError, match="could not be read"):
        open_database(path)


def test_a_file_as_its_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(StateRefusedError, match="a file stands where a folder is expected"):
        open_database(tmp_path / "state" / "lab.db")


def test_a_database_locked_by_another_is_refused_in_words(path: Path) -> None:
    engine = open_database(path)
    sa.event.listen(engine, "connect", lambda connection, _record: connection.execute("PRAGMA busy_timeout = 1"))
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StateRefusedError, match="another process is writing"):
        _add(engine, "d")
    holder.close()


def test_a_rule_of_the_schema_that_is_broken_is_a_bug_and_passes_as_it_is(path: Path) -> None:
    engine = open_database(path)
    _add(engine, "d")
    with pytest.raises(sa.exc.IntegrityError):
        _add(engine, "d")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://host/lab", "expected sqlite or postgresql"),
        ("nonsense://", "not supported"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("postgresql+nodriver://host/lab", "is not installed"),
        ("://", "cannot be read"),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused(url: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        open_database(url)


def test_a_password_is_never_told() -> None:
    with pytest.raises(UsageError) as caught:
        open_database("postgresql+nodriver://me:secret@host/lab")
    assert "secret" not in str(caught.value)


def test_the_same_revisions_make_the_tables_on_postgresql() -> None:
    """No server is needed to render the statements of its dialect and read them."""
    script = io.StringIO()
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "output_buffer": script})
    with Operations.context(context):
        for revision in ScriptDirectory(str(MIGRATIONS)).walk_revisions():
            revision.module.upgrade()
    made = script.getvalue()
    assert "id BIGSERIAL NOT NULL" in made
    assert "sharpe DOUBLE PRECISION" in made
    for table in ("trials", "evaluations"):
        assert f"BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}" in made
    assert "RAISE(ABORT" not in made


def test_two_processes_that_open_a_new_database_at_once_both_can(path: Path) -> None:
    code = f"from tradecore.storage.database import open_database; open_database({str(path)!r})"
    started = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(4)]
    assert [(one.wait(60), one.stderr.read() if one.stderr else b"") for one in started] == [(0, b"")] * 4


def test_cheap_modules_do_not_load_sqlalchemy() -> None:
    code = (
        "import sys, tradecore.registry.runs, tradecore.registry.knowledge, tradecore.storage.atomic_io;"
        "sys.exit('sqlalchemy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

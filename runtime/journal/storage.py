"""The SQLite file: rows of runs. What was appended is durable, all of it or nothing, when `append` returns."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from llmcc.runtime.journal.chain import Row
from llmcc.runtime.journal.errors import JournalDamaged, JournalError

#: Counts up when the tables change.
VERSION = 1
#: Marks the file as ours ("llmj").
APPLICATION = 0x6C6C6D6A
#: Seconds to wait for another process that is writing its own run into the same file.
BUSY_S = 30.0

#: Opens a database: `sqlite3.connect`, or what a test puts in its place.
Connect: TypeAlias = Callable[..., Any]

_TABLE = """create table record (
    run text not null, seq integer not null, body blob not null, sum blob not null, primary key (run, seq)
) without rowid"""


class Storage:
    """An open journal. Used by one thread at a time."""

    def __init__(self, path: Path, *, create: bool = False, connect: Connect = sqlite3.connect) -> None:
        self.path = path
        if not create and not path.is_file():
            raise JournalError(f"{path}: there is no such journal")
        with _told(path):
            mode = "rwc" if create else "rw"
            self._db = connect(
                f"{path.absolute().as_uri()}?mode={mode}",
                uri=True,
                timeout=BUSY_S,
                isolation_level=None,
                check_same_thread=False,
            )
        try:
            with _told(path):
                self._prepare(create)
        except BaseException:
            self._db.close()
            raise

    def _prepare(self, create: bool) -> None:
        execute = self._db.execute
        empty = "select count(*) = 0 from sqlite_master"
        if create and execute(empty).fetchone()[0]:
            execute("pragma journal_mode = wal")
            execute("begin immediate")
            if execute(empty).fetchone()[0]:  # still: another process may have been quicker
                execute(f"pragma application_id = {APPLICATION}")
                execute(f"pragma user_version = {VERSION}")
                execute(_TABLE)
            execute("commit")
        if self._pragma("application_id") != APPLICATION:
            raise JournalError(f"{self.path}: this is no journal of llmcc")
        if self._pragma("user_version") != VERSION:
            raise JournalError(
                f"{self.path}: this journal has the version {self._pragma('user_version')}, and {VERSION} is understood"
            )
        execute("pragma journal_mode = wal")
        execute("pragma synchronous = full")

    def _pragma(self, name: str) -> Any:
        return self._db.execute(f"pragma {name}").fetchone()[0]

    def append(self, run: str, rows: Iterable[Row]) -> None:
        """Adds rows to a run.

        Raises:
            JournalError: they may not be durable.
        """
        with _told(self.path):
            self._db.execute("begin immediate")
            try:
                self._db.executemany("insert into record values (?, ?, ?, ?)", [(run, *row) for row in rows])
                self._db.execute("commit")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("rollback")
                raise

    def check(self) -> None:
        """Has SQLite look at every page.

        Raises:
            JournalDamaged: something is wrong with the file.
        """
        with _told(self.path):
            found = self._db.execute("pragma quick_check(1)").fetchone()[0]
        if found != "ok":
            raise JournalDamaged(f"{self.path}: {found}")

    def rows(self, run: str) -> list[Row]:
        """The rows of a run, in order."""
        with _told(self.path):
            found = self._db.execute("select seq, body, sum from record where run = ? order by seq", (run,)).fetchall()
        for seq, body, total in found:
            if not (isinstance(seq, int) and isinstance(body, bytes) and isinstance(total, bytes)):
                raise JournalDamaged(f"{self.path}: a record of run {run[:8]} is not as it was written")
        return [Row(*row) for row in found]

    def runs(self, prefix: str = "") -> list[str]:
        """The runs whose names begin like this, in no order."""
        with _told(self.path):
            found = self._db.execute("select run from record where seq = 0").fetchall()
        return [run for (run,) in found if isinstance(run, str) and run.startswith(prefix)]

    def close(self) -> None:
        """Closes the file."""
        with _told(self.path):
            self._db.close()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What SQLite raises, as an error about the file."""
    try:
        yield
    except sqlite3.OperationalError as error:  # a full disk, an I/O error, a file that cannot be opened
        raise JournalError(f"{path}: {error}") from error
    except (sqlite3.Error, OverflowError, UnicodeDecodeError) as error:
        raise JournalDamaged(f"{path}: {error}") from error

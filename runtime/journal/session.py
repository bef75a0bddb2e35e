"""Begins runs in a journal, goes on with them, lists them."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias
from uuid import uuid4

import msgspec

from llmcc.ir.call_text import call_text
from llmcc.ir.ops import Join, Map, Module, Op, Return, calls_in
from llmcc.ir.printer import print_module
from llmcc.ir.signature import Signature
from llmcc.ir.types import show
from llmcc.ir.values import Value, mismatch
from llmcc.runtime.journal import chain
from llmcc.runtime.journal.book import Book
from llmcc.runtime.journal.errors import CallsInDoubt, JournalDamaged, JournalError
from llmcc.runtime.journal.history import History
from llmcc.runtime.journal.records import Began, Intended, Settled, Word, decode, encode
from llmcc.runtime.journal.runfile import RunFile, is_taken
from llmcc.runtime.journal.secrets import Redaction
from llmcc.runtime.journal.storage import Connect, Storage
from llmcc.runtime.journal.writer import Log, ThreadWriter, Writer

RunState: TypeAlias = Literal["ended", "running", "interrupted", "in doubt", "damaged"]
MakeWriter: TypeAlias = Callable[[Log], Writer]


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run in a journal's list. `state` is `interrupted` or `in doubt` if nobody executes it and it is not over.

    Of a run that is `damaged`, whose records are not as they were written, nothing else is known.
    """

    run: str
    state: RunState
    began: Began | None = None
    done: int = 0
    doubts: tuple[Intended, ...] = ()


class Session:
    """A run that this process executes: it holds the run's lock until `close`.

    `history` is what happened before. Settle what is in doubt, then `ledger` gives what the executor needs.
    """

    def __init__(self, log: Log, history: History) -> None:
        self.run = log.run
        self.history = history
        self._log = log
        self._book: Book | None = None

    @classmethod
    def begin(
        cls, path: str | Path, began: Began, run: str | None = None, connect: Connect = sqlite3.connect
    ) -> Session:
        """A new run, in a journal that is made if it is not there. `connect` opens the database.

        Raises:
            JournalError: it cannot be written.
        """
        journal, run = Path(path), run or uuid4().hex
        storage, file = Storage(journal, create=True, connect=connect), None
        try:
            tip = chain.start(run)
            file = RunFile.create(journal, run, tip)
            log = Log(storage, file, run, tip)
            log.append([encode(began)])
        except BaseException:
            if file is not None:
                file.close()  # and not removed: what could not be written may be there all the same
            storage.close()
            raise
        return cls(log, History([began]))

    @classmethod
    def reopen(cls, path: str | Path, run: str, connect: Connect = sqlite3.connect) -> Session:
        """A run that was begun before; `run` is its name or how that begins.

        Raises:
            RunTaken: another process executes it.
            JournalDamaged: the journal is not what was written.
            JournalError: there is no such run, or it cannot be read.
        """
        journal = Path(path)
        storage = Storage(journal, connect=connect)
        file: RunFile | None = None
        try:
            run = _only(storage.runs(run), run, journal)
            file = RunFile.take(journal, run)
            storage.check()
            history, rows, tip = _read(storage, run)
            if file is None:
                _require(history.ended is not None, f"{journal}-{run} is missing, without which a run cannot go on")
                file = RunFile.create(journal, run, tip)
            else:
                _require_end(rows, file.tip(), tip)
        except BaseException:
            if file is not None:
                file.close()
            storage.close()
            raise
        return cls(Log(storage, file, run, tip), history)

    def settle(self, key: str, word: Word, value: Value, signatures: Mapping[str, Signature]) -> None:
        """Notes, durably, what the user says of a call in doubt: it is `done` and returned `value`, or it `failed`, or
        it is to be made again.

        Raises:
            JournalError: no such call is in doubt, or its tool cannot have returned that.
        """
        intent = next((one for one in self.history.doubts if one.key == key), None)
        if intent is None:
            raise JournalError(f"no call {key!r} is in doubt in run {self.run[:8]}")
        signature = signatures.get(intent.tool)
        wrong = mismatch(value, signature.returns) if signature is not None and word == "done" else None
        if signature is not None and wrong is not None:
            raise JournalError(f"{key}: {intent.tool} returns {show(signature.returns)}, but {wrong}")
        record = Settled(key=key, attempt=intent.attempt, word=word, value=value if word == "done" else None)
        self._log.append([encode(record)])
        self.history.add(record)

    def settle_all(self, said: Mapping[str, Word | tuple[Word, Value]], signatures: Mapping[str, Signature]) -> None:
        """`settle` for several calls, by their keys: a word, or `("done", value)`. Raises like it."""
        for key, one in said.items():
            word, value = (one, None) if isinstance(one, str) else one
            self.settle(key, word, value, signatures)

    def require_no_doubt(self) -> None:
        """Raises `CallsInDoubt` if there is one."""
        doubts = self.history.doubts
        if not doubts:
            return
        told = "\n".join(f"  {one.key}: {call_text(one.tool, one.args)}" for one in doubts)
        raise CallsInDoubt(
            f"run {self.run[:8]} was cut off while these calls were made, and nobody knows whether they took effect:\n"
            f"{told}\nsay what became of each, with done, failed or rerun",
            tuple(one.key for one in doubts),
        )

    def ledger(self, signatures: Mapping[str, Signature], writer: MakeWriter = ThreadWriter) -> Book:
        """The ledger of the run, for the executor, under trio. Raises like `require_no_doubt`."""
        self.require_no_doubt()
        redaction = Redaction(self._log.storage.path, signatures)
        self._book = Book(self.run, self.history, writer(self._log), redaction, signatures)
        return self._book

    def close(self) -> None:
        """Gives the lock back. The file of a run that is over goes with it."""
        over = self.history.ended is not None if self._book is None else self._book.over
        if over:
            self._log.file.remove()
        else:
            self._log.file.close()
        self._log.storage.close()


def runs(path: str | Path) -> list[RunLine]:
    """The runs of a journal, in the order in which they began, damaged ones first.

    Raises:
        JournalError: the journal as a whole cannot be read, or is damaged.
    """
    journal = Path(path)
    storage = Storage(journal)
    try:
        storage.check()
        found = [_line(journal, storage, run) for run in storage.runs()]
    finally:
        storage.close()
    return sorted(found, key=lambda one: ("" if one.began is None else one.began.started, one.run))


def module_digest(module: Module) -> str:
    """A word for a compiled plan, without what only decides the order of calls that may be made in any order."""
    return _word(print_module(msgspec.structs.replace(module, ops=tuple(map(_bare, module.ops)))))


def plan_digest(module: Module, keys: Iterable[str]) -> str:
    """A word for one plan of a question: what it compiles to, and the keys of its ops."""
    return _word("\n".join((module_digest(module), *keys)))


def signatures_digest(module: Module, signatures: Mapping[str, Signature]) -> str:
    """A word for what the tools that a plan calls take, return and do."""
    told = []
    for name in sorted(call.tool for call in calls_in(module.values)):
        one = signatures.get(name)
        secrets = [] if one is None else [p.name for p in one.parameters if p.secret]
        told.append(name if one is None else f"{one} {one.effect} {one.idempotent} {secrets}")
    return _word("\n".join(told))


def _bare(op: Op) -> Op:
    if isinstance(op, Join | Return):
        return msgspec.structs.replace(op, span=None)
    if isinstance(op, Map):
        op = msgspec.structs.replace(op, body=tuple(map(_bare, op.body)))
    return msgspec.structs.replace(op, span=None, step=None, priority=None)


def _only(found: list[str], prefix: str, journal: Path) -> str:
    if not found:
        raise JournalError(f"{journal}: there is no run {prefix}")
    if len(found) > 1:
        raise JournalError(f"{journal}: {len(found)} runs begin with {prefix!r}")
    return found[0]


def _read(storage: Storage, run: str) -> tuple[History, list[chain.Row], chain.Tip]:
    rows = storage.rows(run)
    try:
        tip = chain.check(run, rows)
        return History(decode(row.body) for row in rows), rows, tip
    except JournalDamaged as error:
        raise JournalDamaged(f"{storage.path}: run {run[:8]}: {error}") from error


def _require(holds: bool, text: str) -> None:
    if not holds:
        raise JournalDamaged(text)


def _require_end(rows: list[chain.Row], known: chain.Tip, tip: chain.Tip) -> None:
    _require(known.seq <= tip.seq, f"the journal has lost its end: {known.seq - tip.seq} records are missing")
    same = known.seq < 0 or rows[known.seq].sum == known.sum
    _require(same, "the journal and the file of its run do not belong together")


def _line(journal: Path, storage: Storage, run: str) -> RunLine:
    try:
        history, _, _ = _read(storage, run)
    except JournalDamaged:
        return RunLine(run, "damaged")
    doubts = tuple(history.doubts)
    state: RunState = "in doubt" if doubts else "interrupted"
    if history.ended is not None:
        state, doubts = "ended", ()
    elif is_taken(journal, run):
        state, doubts = "running", ()
    return RunLine(run, state, history.began, history.done, doubts)


def _word(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

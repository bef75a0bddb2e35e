"""What can be wrong with a journal."""

from __future__ import annotations

from llmcc.runtime.ledger import LedgerError


class JournalError(LedgerError):
    """The journal cannot be used: it cannot be read or written, or knows no such run."""


class JournalDamaged(JournalError):
    """The journal is not what was written. Nothing is run from it."""


class RunTaken(JournalError):
    """Another process is executing this run."""


class CallsInDoubt(JournalError):
    """Writes began, and nobody knows how they ended: `calls` names them. The user has to say what became of them."""

    def __init__(self, text: str, calls: tuple[str, ...]) -> None:
        super().__init__(text)
        self.calls = calls

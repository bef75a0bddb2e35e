"""The records of a run, and their form as bytes: JSON, because values have integers of any size."""

from __future__ import annotations

import json
from typing import Any, Literal, TypeAlias

import msgspec

from llmcc.ir.values import Value
from llmcc.runtime.journal.errors import JournalDamaged

#: How a user settles a call that is in doubt.
Word: TypeAlias = Literal["done", "failed", "rerun"]


class _Record(msgspec.Struct, frozen=True, tag=True, tag_field="is", omit_defaults=True):
    pass


class Began(_Record, frozen=True, kw_only=True):
    """A run begins: all that another process needs to compile the same plan against the same tools.

    `text` is None where the plan itself holds a secret. `plan` and `module` are digests of the plan and of its compiled
    form, `signatures` of the tools that it calls. `tools` and `catalog` are paths as they were given, None if the
    tools came from Python. `started` is UTC, as ISO 8601 writes it.

    The run of a question has no plan yet: `question` is set, and each plan that is accepted becomes a record
    (`Accepted`). `options` is whatever else it was begun with.
    """

    text: str | None
    plan: str
    module: str
    signatures: str
    started: str
    dialect: str = "native"
    level: int = 2
    passes: str | None = None
    name: str = "plan"
    tools: str | None = None
    catalog: str | None = None
    limits: dict[str, Any] = {}
    question: str | None = None
    options: dict[str, Any] = {}


class Spent(_Record, frozen=True, kw_only=True):
    """What models have used for a question so far, and how often a plan was refused, or lines of it mended. `unpriced`
    are the models whose price is not known; `estimated` says that tokens are. It is a record of its own behind each
    answer of a model, also one that was broken off, and part of those of rounds.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    requests: int = 0
    usd: float = 0.0
    unpriced: tuple[str, ...] = ()
    estimated: bool = False
    repairs: int = 0
    mended: int = 0


class Accepted(_Record, frozen=True, kw_only=True):
    """A plan for the question was accepted; its writes follow this record.

    `text` is None where the plan holds a secret. `ops` is a digest of what the plan compiled to and of its keys,
    `signatures` one of the tools that it calls. `withdrawn` are the values of earlier plans that it gave up,
    `given_up` the keys that it did not use in the end. `final` says that it ends with a `return`.
    """

    text: str | None
    ops: str
    signatures: str
    withdrawn: tuple[str, ...] = ()
    given_up: tuple[str, ...] = ()
    final: bool = False
    spent: Spent = Spent()


class Wanted(_Record, frozen=True, kw_only=True):
    """The values that a plan gathered did not suffice, for `reason`."""

    reason: str
    spent: Spent = Spent()


class Answered(_Record, frozen=True, kw_only=True):
    """The question is answered with `value`; or there is no answer, and `problem` says why."""

    value: Value = None
    problem: str | None = None
    spent: Spent = Spent()


class Intended(_Record, frozen=True, kw_only=True):
    """A write is about to begin. `doubtful` says that it must not be made twice. Secret arguments are left out."""

    key: str
    attempt: int
    tool: str
    args: dict[str, Value]
    digest: str
    doubtful: bool


class NotBegun(_Record, frozen=True, kw_only=True):
    """A write that was intended was given up before it began."""

    key: str
    attempt: int


class Used(_Record, frozen=True, kw_only=True):
    """What a model used for an attempt of a call that asked it, however that ends; the fields are those of `Charge`."""

    key: str
    attempt: int
    model: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    requests: int = 0
    expected_usd: float | None = 0.0


class Finished(_Record, frozen=True, kw_only=True):
    """A call returned `value`."""

    key: str
    attempt: int
    tool: str
    digest: str
    value: Value


class Failed(_Record, frozen=True, kw_only=True):
    """A call failed; the fields are those of `CallFailed`."""

    key: str
    attempt: int
    tool: str
    digest: str
    error: str
    message: str
    retryable: bool = False
    delay_s: float | None = None


class Settled(_Record, frozen=True, kw_only=True):
    """The user said what became of a write in doubt."""

    key: str
    attempt: int
    word: Word
    value: Value = None


class Ended(_Record, frozen=True, kw_only=True):
    """The run is over: nothing is left to do. `calls` ended in all."""

    calls: int
    ok: bool


#: What happened to a question, beside its calls.
Round: TypeAlias = Accepted | Wanted | Answered
Record: TypeAlias = (
    Began | Spent | Accepted | Wanted | Answered | Intended | NotBegun | Used | Finished | Failed | Settled | Ended
)


def encode(record: Record) -> bytes:
    """A record as bytes.

    >>> decode(encode(NotBegun(key="a", attempt=1)))
    NotBegun(key='a', attempt=1)
    """
    return json.dumps(msgspec.to_builtins(record), ensure_ascii=False, separators=(",", ":")).encode()


def decode(body: bytes) -> Record:
    """The record that these bytes stand for.

    Raises:
        JournalDamaged: they stand for none.
    """
    try:
        return msgspec.convert(json.loads(body), Record)  # type: ignore[no-any-return]
    except (ValueError, RecursionError) as error:
        raise JournalDamaged(f"a record makes no sense: {error}") from error

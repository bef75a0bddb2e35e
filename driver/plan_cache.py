"""A cache of plans: a question that was asked before, or one of the same shape, needs no planner.

Plans are kept by digests of what they depend on: the question or its shape, all signatures, the model, the owner. So a
plan is found with the same tools only, and whatever changes of a tool makes its plans unknown. The file holds no
questions; of plans it has the text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from llmcc.driver.plan_template import filled, plain, slots_of
from llmcc.driver.question_shape import shape_of
from llmcc.frontend.front import compile_front
from llmcc.ir.diagnostics import has_errors
from llmcc.ir.errors import LlmccError
from llmcc.ir.signature import Signature
from llmcc.runtime.files import locked, replace_content

#: Counts up when plans that were kept before are no longer what a planner would write today.
VERSION = 1
#: A longer plan is not kept, in characters.
LONGEST = 20_000


class PlanCacheError(LlmccError):
    """A cache cannot be read or written; the text names the file and says why."""


class Hit(NamedTuple):
    """A plan that was found, by the question itself (`exact`) or by its `shape`."""

    plan: str
    how: Literal["exact", "shape"]


class Kept(msgspec.Struct, frozen=True):
    """A plan; `slots` says which literal of the question each of its own is, if it is kept by its shape."""

    plan: str
    slots: tuple[int, ...] | None = None


class _Content(msgspec.Struct):
    version: int
    plans: dict[str, Kept]


class PlanCache:
    """The plans of one file, which is made when the first is kept. Several processes may use it at the same time.

    Args:
        file: where they are.
        owner: whose they are: plans of one owner are not found by another, even with the same tools.
        most: how many entries the file holds; the oldest make room. A question takes one or two.

    Raises:
        ValueError: `most` is below 1.
    """

    def __init__(self, file: str | Path, *, owner: str = "", most: int = 1000) -> None:
        if most < 1:
            raise ValueError(f"`most` is at least 1, not {most}")
        self.file = Path(file)
        self.owner = owner
        self.most = most

    def find(self, question: str, signatures: Mapping[str, Signature], model: str) -> Hit | None:
        """The plan for a question, its literals filled in; it compiles with these tools.

        Raises:
            PlanCacheError: the file cannot be read.
        """
        plans = self._read()
        shape = shape_of(question)
        context = self._context(signatures, model)
        exact = plans.get(_key(context, "exact", question))
        if exact is not None and _compiles(exact.plan, signatures):
            return Hit(exact.plan, "exact")
        alike = plans.get(_key(context, "shape", shape.text)) if shape.literals else None
        if alike is None or alike.slots is None:
            return None
        try:
            plan = filled(alike.plan, alike.slots, shape.literals)
        except ValueError:
            raise PlanCacheError(f"{self.file}: a plan and its slots do not fit together") from None
        return Hit(plan, "shape") if _compiles(plan, signatures) else None

    def keep(self, question: str, plan: str, signatures: Mapping[str, Signature], model: str) -> None:
        """Keeps the plan of a question; also for others of its shape, if each literal of the one is one of the other.

        Raises:
            PlanCacheError: the file holds something else (it stays as it is), or cannot be written.
        """
        text, shape = plain(plan), shape_of(question)
        if len(text) > LONGEST:
            return
        context = self._context(signatures, model)
        new = {_key(context, "exact", question): Kept(text)}
        slots = slots_of(text, shape.literals) if shape.literals else None
        if slots is not None:
            new[_key(context, "shape", shape.text)] = Kept(text, slots)
        try:
            with locked(self.file):
                old = {key: kept for key, kept in self._read().items() if key not in new}
                plans = dict([*old.items(), *new.items()][-self.most :])
                replace_content(self.file, msgspec.json.encode(_Content(VERSION, plans)))
        except OSError as error:
            raise PlanCacheError(f"{self.file}: {error.strerror or error}") from error

    def _context(self, signatures: Mapping[str, Signature], model: str) -> str:
        tools = msgspec.json.encode([signatures[name] for name in sorted(signatures)]).decode()
        return _key(tools, model, self.owner)

    def _read(self) -> dict[str, Kept]:
        try:
            data = self.file.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise PlanCacheError(f"{self.file}: {error.strerror or error}") from error
        try:
            content = msgspec.json.decode(data, type=_Content)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise PlanCacheError(f"{self.file}: this is no cache of plans: {error}") from error
        if content.version > VERSION:
            raise PlanCacheError(
                f"{self.file}: this is version {content.version} of a cache, and this llmcc has {VERSION}"
            )
        return content.plans if content.version == VERSION else {}


def _key(*parts: str) -> str:
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def _compiles(plan: str, signatures: Mapping[str, Signature]) -> bool:
    return not has_errors(compile_front(plan, signatures).diagnostics)

"""Makes a statement of a line with several mistakes, by the repairs that its finders propose one after the other.

A repair is taken if the parser gets further by it. So each step leaves less of the line to be mended, and what is found
at the end is a statement.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from llmcc.frontend.mistake_cases import CASES, Case
from llmcc.frontend.mistakes import Bad, Change, Found, Repair
from llmcc.frontend.tokens import tokens_of

#: How many mistakes a line may have, how many ways are followed at a time, and how long a line may be.
MAX_STEPS = 6
MAX_WAYS = 8
MAX_LENGTH = 2000


class Step(msgspec.Struct, frozen=True):
    """One mistake and its repair; `column` is where it stands in the line as it was written, from 1."""

    case: Case
    found: Found
    repair: Repair
    column: int


class Mended(msgspec.Struct, frozen=True):
    """The steps that make a statement of a line, and what they change in it."""

    steps: tuple[Step, ...]
    changes: tuple[Change, ...]


class _Draft(msgspec.Struct, frozen=True):
    """The line after some steps. Each of its characters has an origin: its place in the line as written; None: new.

    A repair may have made two lines of one: `bad`, if something is wrong, is the first that is, and begins at `offset`.
    """

    text: str
    origins: tuple[int | None, ...]
    steps: tuple[Step, ...]
    bad: Bad | None
    offset: int = 0

    def goes_beyond(self, other: _Draft) -> bool:
        """Whether the parser leaves less of this text, or more has been mended behind the place where it halts."""
        if self.bad is None or other.bad is None:
            return self.bad is None
        mine, its = self.offset + self.bad.at, other.offset + other.bad.at
        behind = self.steps[-1].repair.changes[0].start > other.bad.at
        return mine >= its if behind else len(self.text) - mine < len(other.text) - its

    def column(self, at: int) -> int:
        """Where the character `at` of the bad line stood, from 1; if it is new: where it came in."""
        here = self.offset + at
        known = (origin + 1 for origin in reversed(self.origins[:here]) if origin is not None)
        origin = self.origins[here] if here < len(self.origins) else None
        return next(known, 0) + 1 if origin is None else origin + 1

    def changes(self, length: int) -> tuple[Change, ...]:
        """What makes this text of the line as written, which had `length` characters."""
        changes, done, new = [], 0, ""
        for char, origin in zip((*self.text, ""), (*self.origins, length), strict=True):
            if origin is None:
                new += char
                continue
            if new or origin > done:
                changes.append(Change(done, origin, new))
            done, new = origin + 1, ""
        return tuple(changes)


def mend(bad: Bad) -> Mended | None:
    """The one way to mend a line in as few steps as it takes; None if there is none, or a choice."""
    length = len(bad.text)
    if length > MAX_LENGTH:
        return None
    start = _Draft(bad.text, tuple(range(length)), (), msgspec.structs.replace(bad, others=True))
    drafts = [start]
    for _ in range(MAX_STEPS):
        # Where two ways lead to one text, either will do.
        reached = {child.text: child for draft in drafts for child in _after_one_step(draft)}
        drafts = [*reached.values()][:MAX_WAYS]
        good = [draft for draft in drafts if draft.bad is None]
        if good:
            return Mended(good[0].steps, good[0].changes(length)) if len(good) == 1 else None
    return None


def _after_one_step(draft: _Draft) -> Iterator[_Draft]:
    bad = draft.bad
    if bad is None or not bad.expected:
        return
    for case in CASES:
        found = case.find(bad)
        if found is None:
            continue
        children = [_repaired(draft, bad, case, found, repair) for repair in found.repairs]
        further = [child for child in children if child.goes_beyond(draft)]
        yield from further
        if further or not found.repairs:
            # Either this is the mistake, or it is one that nobody can mend.
            return


def _repaired(draft: _Draft, bad: Bad, case: Case, found: Found, repair: Repair) -> _Draft:
    text, origins = draft.text, draft.origins
    for change in reversed(repair.changes):
        start, end = draft.offset + change.start, draft.offset + change.end
        text = text[:start] + change.text + text[end:]
        origins = (*origins[:start], *[None] * len(change.text), *origins[end:])
    steps = (*draft.steps, Step(case, found, repair, draft.column(found.start)))
    offset = 0
    for line in text.split("\n"):
        halt = bad.halts(line)
        if halt is not None:
            view = Bad(line, halt.at, halt.expected, bad.ended, tokens_of(line), bad.halts, others=True)
            return _Draft(text, origins, steps, view, offset)
        offset += len(line) + 1
    return _Draft(text, origins, steps, None)

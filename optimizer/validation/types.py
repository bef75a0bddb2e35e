"""Whether a module claims more of the types of its values than the one before."""

from __future__ import annotations

from collections import defaultdict

from llmcc.ir.types import ANY, Type, certain
from llmcc.ir.values import mismatch
from llmcc.optimizer.validation.summary import Claim, Shared, unlike


def type_differs(before: list[Claim], after: list[Claim], shared: Shared) -> tuple[str, str] | None:
    """The first value whose type nothing shows, and what it is; None if there is none."""
    claimed: defaultdict[int, set[Type]] = defaultdict(set)
    after = unlike(after, before)
    for one in before if after else ():
        claimed[one.number].add(one.type)
    new = [one for one in after if not _shown(one.number, one.type, claimed[one.number], shared)]
    if not new:
        return None
    for one in before:
        claimed[_counted(one, shared)].add(one.type)
    for one in new:
        number = _counted(one, shared)
        if not _shown(number, one.type, claimed[number], shared):
            return one.name, f"nothing shows that its value is {one.type}"
    return None


def _shown(number: int, type_: Type, claimed: set[Type], shared: Shared) -> bool:
    if type_ == ANY or type_ in claimed:
        return True
    if number in shared.terms.values:
        return mismatch(shared.terms.values[number], type_) is None
    return any(certain(one, type_) for one in (*claimed, shared.terms.types[number]))


def _counted(one: Claim, shared: Shared) -> int:
    """The value with those elements first that it depends on."""
    return shared.elements.renamed(one.number, shared.elements.first(one.around, [one.number]))

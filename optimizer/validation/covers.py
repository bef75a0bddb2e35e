"""Which calls a module makes that the one before did not, or not there, or not as often."""

from __future__ import annotations

from collections import Counter, defaultdict

import msgspec

from llmcc.optimizer.validation.summary import Shared, Site, unlike
from llmcc.optimizer.validation.terms import Facts, about, told


def call_differs(before: list[Site], after: list[Site], shared: Shared) -> tuple[str, str] | None:
    """The first call for which there was none that may stand for it, and what differs; None if there is none."""
    before, after = unlike(before, after), unlike(after, before)
    known = Counter(one.same for one in before)
    left = [one for one in after if not _taken(known, one)]
    others: defaultdict[object, list[Site]] = defaultdict(list)
    for one in before:
        if known[one.same] > 0:
            others[_tool(one, shared)].append(one)
    # What stands in many maps has the least choice; what stands in few is not to take that away.
    for one in sorted(left, key=lambda site: -len(site.loops)):
        possible = [site for site in others[_tool(one, shared)] if known[site.same] > 0]
        possible.sort(key=lambda site: len(site.loops))
        same = _covering(possible, one, shared)
        if same is None:
            new = all(site.made != one.made for site in possible)
            return one.name, "the call is new" if new else "it runs where it did not before"
        known[same.same] -= 1
    return None


def _taken(known: Counter[tuple[int, Facts, tuple[int, ...]]], one: Site) -> bool:
    known[one.same] -= 1
    if known[one.same] >= 0:
        return True
    known[one.same] += 1
    return False


def _tool(one: Site, shared: Shared) -> object:
    """What two sites share that may be the same call."""
    return shared.terms.keys[one.made][1:5]


def _covering(possible: list[Site], after: Site, shared: Shared) -> Site | None:
    """The first of these sites that was the same call as one `after`, if need be with its elements counted anew."""
    found = next((site for site in possible if _covers(site, after, shared)), None)
    if found is not None:
        return found
    anew = _counted(after, shared)
    return next((site for site in possible if _covers(_counted(site, shared), anew, shared)), None)


def _covers(before: Site, after: Site, shared: Shared) -> bool:
    """Whether it is the same call, and was made wherever and as often as it is made `after`."""
    if Counter(after.loops) - Counter(before.loops):
        return False
    holds = shared.rewriting.closed(after.conditions)
    if not all(one in holds or _follows(one, holds, shared) for one in before.conditions):
        return False
    return before.made == after.made or shared.rewriting.under(before.made, holds) == after.made


def _follows(fact: int, holds: Facts, shared: Shared) -> bool:
    """Whether a fact is known where others hold; those that are about no element also tell of what is in maps."""
    if shared.rewriting.follows(fact, holds):
        return True
    plain = frozenset(one for one in holds if not shared.elements.free([about(one)]))
    now = told(fact, lambda number: shared.rewriting.under(number, plain, maps=True))
    return now != fact and (now in holds or shared.rewriting.follows(now, holds))


def _counted(site: Site, shared: Shared) -> Site:
    """The same site, those elements first that the call depends on, or that it is made for."""
    if len(site.around) < 2:
        return site
    names = shared.elements.first(site.around, [site.made, *map(about, site.conditions)])

    def new(number: int) -> int:
        return shared.elements.renamed(number, names)

    conditions = frozenset(told(one, new) for one in site.conditions)
    return msgspec.structs.replace(site, made=new(site.made), conditions=conditions, loops=tuple(map(new, site.loops)))

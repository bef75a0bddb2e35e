"""Which calls a module makes that the one before did not, or not there, or not as often."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from llmcc.optimizer.validation.summary import Same, Shared, Site, unlike
from llmcc.optimizer.validation.terms import Facts, about, told


def call_differs(before: list[Site], after: list[Site], shared: Shared) -> tuple[str, str] | None:
    """The first call for which there was none that may stand for it, and what differs; None if there is none."""
    before, after = unlike(before, after), unlike(after, before)
    known = Counter(one.same for one in before)
    left = [one for one in after if not _taken(known, one)]
    others: defaultdict[object, dict[Same, Site]] = defaultdict(dict)
    for one in before:
        if known[one.same] > 0:
            others[_tool(one, shared)][one.same] = one
    matching = _Matching(others, known, shared)
    # What stands in many maps has the least choice.
    for one in sorted(left, key=lambda site: -len(site.loops)):
        if not matching.place(one):
            new = all(site.made != one.made for site in matching.possible(one))
            return one.name, "the call is new" if new else "it runs where it did not before"
    return None


def _taken(known: Counter[Same], one: Site) -> bool:
    known[one.same] -= 1
    if known[one.same] >= 0:
        return True
    known[one.same] += 1
    return False


def _tool(one: Site, shared: Shared) -> object:
    """What two sites share that may be the same call."""
    return shared.terms.keys[one.made][1:5]


class _Matching:
    """Which sites before stand for which `after`: each for no more than there were of it (`room`).

    One that is taken is given up for a site that has no other, if its own has (an augmenting path).
    """

    def __init__(self, sites: Mapping[object, Mapping[Same, Site]], room: Counter[Same], shared: Shared) -> None:
        self._sites = {tool: sorted(known.values(), key=lambda one: len(one.loops)) for tool, known in sites.items()}
        self._room = room
        self._shared = shared
        self._stands: dict[int, Same] = {}
        self._placed: defaultdict[Same, list[Site]] = defaultdict(list)

    def possible(self, after: Site) -> Sequence[Site]:
        """The sites of the same tool, those in few maps first: what stands in few is not to take the others away."""
        return self._sites.get(_tool(after, self._shared), ())

    def place(self, after: Site) -> bool:
        """Finds a site that stands for this one; False if there is none."""
        found: dict[Same, Site] = {}
        waiting = deque([after])
        while waiting:
            one = waiting.popleft()
            for site in self._covering(one, found):
                found[site.same] = one
                if len(self._placed[site.same]) < self._room[site.same]:
                    self._give(site.same, found)
                    return True
                waiting += self._placed[site.same]
        return False

    def _give(self, same: Same | None, found: Mapping[Same, Site]) -> None:
        """Has each on the path stand for the one that reached it, which gives up what it had."""
        while same is not None:
            one = found[same]
            old = self._stands.get(id(one))
            self._stands[id(one)] = same
            self._placed[same].append(one)
            if old is not None:
                self._placed[old].remove(one)
            same = old

    def _covering(self, after: Site, found: Mapping[Same, Site]) -> Iterator[Site]:
        """Those not `found` yet that were the same call, if need be with the elements of both counted anew."""
        new = [site for site in self.possible(after) if site.same not in found]
        rest = []
        for site in new:
            if _covers(site, after, self._shared):
                yield site
            else:
                rest.append(site)
        anew = _counted(after, self._shared)
        for site in rest:
            if _covers(_counted(site, self._shared), anew, self._shared):
                yield site


def _covers(before: Site, after: Site, shared: Shared) -> bool:
    """Whether it is the same call, and was made wherever and as often as it is made `after`."""
    if Counter(after.loops) - Counter(before.loops):
        return False
    holds = shared.rewriting.closed(after.conditions)
    if not all(one in holds or _follows(one, holds, shared) for one in before.conditions):
        return False
    return before.made == after.made or shared.rewriting.under(before.made, holds) == after.made


def _follows(fact: int, holds: Facts, shared: Shared) -> bool:
    """Whether a fact is known where others hold."""
    if shared.rewriting.follows(fact, holds):
        return True
    now = told(fact, lambda number: shared.rewriting.under(number, holds))
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

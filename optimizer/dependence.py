"""The dependence analysis: after which earlier ops an op must come, beyond those whose values it uses.

Two ops conflict if one may write what the other may read or write; conflicting ops keep their program order. The edges
are found op by op, looking backwards only: for each resource that has been touched the tracker holds the last write and
the reads since. That is linear in the number of ops, apart from programs with very many different patterns that stay
open.

Where many readers would each have an edge to many writers (or the reverse), one *barrier* stands between the two
groups: a name that the caller must define as an op that comes after the whole first group.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable

from llmcc.optimizer.alias import ANY_RESOURCE, Access, Resource, may_alias

#: Defines a barrier after the given ops and gives its name.
MakeBarrier = Callable[[list[str]], str]


class _Cell:
    """One resource: who wrote it last, and who has read it since, with the times of both (counted in accesses)."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.writer: str | None = None
        self.written = 0
        self.readers: list[str] = []
        self.times: list[int] = []
        # The cells with open patterns that may be the same resource, among the first `compared` of all such cells.
        self.aliases: list[_Cell] = []
        self.compared = 0
        # For an open pattern: what was done, through exact names that fit it, since the last write through the pattern.
        self.exact_writers: dict[str | None, str] = {}
        self.exact_readers: dict[str, list[str]] = {}
        self.position = 0

    def read(self, name: str, time: int) -> None:
        self.readers.append(name)
        self.times.append(time)

    def write(self, name: str, time: int) -> None:
        self.writer, self.written = name, time
        self.readers, self.times = [], []
        self.exact_writers, self.exact_readers = {}, {}

    def since(self, time: int) -> list[str]:
        """Who has read it after `time`."""
        return self.readers[bisect_right(self.times, time) :] if time else self.readers


class Conflicts:
    """The conflicts of a program's ops, told in program order. A group of more than `fan` edges that others will need
    too is put behind a barrier.
    """

    def __init__(self, barrier: MakeBarrier, fan: int) -> None:
        self._barrier = barrier
        self._fan = fan
        self._time = 0
        self._reset()

    def _reset(self) -> None:
        self._exact: dict[str, _Cell] = {}
        self._open: dict[Resource, _Cell] = {}
        self._order: list[_Cell] = []  # the open cells, oldest first
        self._log: list[tuple[str, str, bool]] = []  # accesses by exact name: resource, op, whether it writes

    def add(self, name: str, access: Access) -> list[str]:
        """Notes an op and what it touches; gives the earlier ops that it must come after, each once."""
        found: dict[str, None] = {}
        for one in access.reads:
            found.update(dict.fromkeys(self._before(one, writes=False)))
        for one in access.writes:
            found.update(dict.fromkeys(self._before(one, writes=True)))
        for one in access.reads:
            self._note(name, one, writes=False)
        for one in access.writes:
            self._note(name, one, writes=True)
        return list(found)

    def _cell(self, resource: Resource) -> _Cell:
        """The cell of a resource, knowing all open cells that may be the same."""
        exact = resource.exact
        cell = self._exact.get(exact) if exact is not None else self._open.get(resource)
        if cell is None:
            cell = _Cell(resource)
            if exact is not None:
                self._exact[exact] = cell
            else:
                self._open[resource] = cell
                self._order.append(cell)
        fresh = self._order[cell.compared :]
        cell.aliases += [other for other in fresh if other is not cell and may_alias(other.resource, resource)]
        cell.compared = len(self._order)
        return cell

    def _before(self, resource: Resource, *, writes: bool) -> list[str]:
        cell = self._cell(resource)
        return self._before_exact(cell, writes) if resource.exact is not None else self._before_open(cell, writes)

    def _before_exact(self, cell: _Cell, writes: bool) -> list[str]:
        """All before the last write that certainly concerns this very name is over when that write starts."""
        last = max((cell, *cell.aliases), key=lambda one: one.written)
        found = [] if last.writer is None else [last.writer]
        if not writes:
            return found
        readers = list(cell.since(last.written))
        for other in cell.aliases:
            readers += self._shared(other, last.written)
        return readers or found

    def _before_open(self, cell: _Cell, writes: bool) -> list[str]:
        self._catch_up(cell)
        found = [one.writer for one in (cell, *cell.aliases) if one.writer is not None]
        if not writes:
            if len(cell.exact_writers) > self._fan:
                cell.exact_writers = {None: self._barrier(list(cell.exact_writers.values()))}
            return found + list(cell.exact_writers.values())
        found += cell.readers + list(cell.exact_writers.values())
        found += [name for names in cell.exact_readers.values() for name in names]
        for other in cell.aliases:
            found += self._shared(other, 0)
        return found

    def _shared(self, cell: _Cell, time: int) -> list[str]:
        """The readers of a cell since `time`, where they will be asked for again: too many are put behind a barrier."""
        readers = cell.since(time)
        if len(readers) <= self._fan:
            return list(readers)
        cell.readers, cell.times = [self._barrier(list(cell.readers))], [cell.times[-1]]
        return list(cell.readers)

    def _catch_up(self, cell: _Cell) -> None:
        """Takes in what was done through exact names since the cell was last asked for."""
        for exact, name, writes in self._log[cell.position :]:
            if not may_alias(Resource((exact,)), cell.resource):
                continue
            if writes:
                cell.exact_writers[exact] = name
                cell.exact_readers.pop(exact, None)
            else:
                cell.exact_readers.setdefault(exact, []).append(name)
        cell.position = len(self._log)

    def _note(self, name: str, resource: Resource, *, writes: bool) -> None:
        self._time += 1
        if writes and resource == ANY_RESOURCE:
            self._reset()  # everything before is over when this write starts
        cell = self._cell(resource)
        if resource.exact is not None:
            self._log.append((resource.exact, name, writes))
        if writes:
            cell.write(name, self._time)
            cell.position = len(self._log)
        else:
            cell.read(name, self._time)


class Reduction:
    """Drops the edges that others imply, looking at a bounded number of ops for each, so that it stays linear."""

    def __init__(self, budget: int = 64) -> None:
        self._budget = budget
        self._place: dict[str, int] = {}
        self._before: dict[str, frozenset[str]] = {}

    def keep(self, edges: Iterable[str], uses: Iterable[str]) -> list[str]:
        """Those of `edges` that neither the uses nor the other edges imply, in program order."""
        candidates = set(edges) & self._place.keys()
        known = [one for one in uses if one in self._place]
        if not candidates:
            return []
        first = min(self._place[one] for one in candidates)
        implied = candidates & set(known)
        stack = sorted({*known, *candidates}, key=self._place.__getitem__)
        seen = set(stack)
        budget = self._budget + 2 * len(stack)
        while stack and budget > 0 and len(implied) < len(candidates):
            before = self._before[stack.pop()]
            if len(before) > max(16, len(candidates)):
                budget -= 1
                implied |= {one for one in candidates if one in before}
                continue  # too wide to look behind
            budget -= 1 + len(before)
            implied |= before & candidates
            further = {one for one in before if self._place[one] > first} - seen
            seen |= further
            stack += further
        return sorted(candidates - implied, key=self._place.__getitem__)

    def add(self, name: str, before: Iterable[str]) -> None:
        """Notes an op, and all ops that it comes directly after."""
        self._place[name] = len(self._place)
        self._before[name] = frozenset(one for one in before if one in self._place)

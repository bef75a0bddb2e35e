"""The elements of maps: which of them a value depends on, and the same value with them numbered anew.

An element is known by its list and by the number of maps over the same list that are around its own, so that no two
are confused. But a map that comes out of another over the same list still means the same. So what stands for a map is
the same map with the least number that its body leaves free for its element; and what two maps over the same list are
around is also compared with those elements counted first that it depends on.

Maps that write stay where they are, and keep their numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from llmcc.optimizer.validation.table import Key, Table, parts, with_parts


class Elements:
    """Of the values in a table."""

    def __init__(self, table: Table) -> None:
        self._t = table
        self._free: dict[int, frozenset[int]] = {}

    def free(self, numbers: Iterable[int]) -> frozenset[int]:
        """The elements that values depend on, less those of their own maps."""
        found: set[int] = set()
        for number in numbers:
            for one in _inside_out(number, self._free, self._looked_at):
                self._free[one] = self._found(one)
            found |= self._free[number]
        return frozenset(found)

    def _looked_at(self, number: int) -> list[int]:
        key = self._t.keys[number]
        return [*parts(key), self._source(key[1])] if key[0] == "map" else parts(key)

    def _found(self, number: int) -> frozenset[int]:
        key = self._t.keys[number]
        found = frozenset[int]().union(*(self._free[one] for one in self._looked_at(number)))
        if key[0] == "map":
            return found - {key[1]}
        return found | {number} if key[0] == "element" else found

    def bound(self, element: int, *within: int) -> tuple[int, ...]:
        """The element of a map and what the map makes of it, with the least number that is left for the element."""
        least = self._least(self._source(element), self.free(within) - {element})
        return least, *(self.renamed(one, {element: least}) for one in within)

    def first(self, around: tuple[int, ...], used: Iterable[int]) -> dict[int, int]:
        """Other names for the elements `around` something: over each list, those first that are `used`."""
        free = self.free(used)
        names: dict[int, int] = {}
        for source in set(map(self._source, around)):
            every = [one for one in around if self._source(one) == source]
            names.update(zip(sorted(every, key=lambda one: one not in free), every, strict=True))
        return names

    def renamed(self, number: int, names: Mapping[int, int]) -> int:
        """The value with other elements."""

        def looked_at(one: int) -> list[int]:
            key = self._t.keys[one]
            return [] if key[0] == "map" or self.free([one]).isdisjoint(names) else parts(key)

        made: dict[int, int] = {}
        for one in _inside_out(number, made, looked_at):
            made[one] = self._renamed(one, made, names)
        return made[number]

    def _renamed(self, number: int, made: Mapping[int, int], names: Mapping[int, int]) -> int:
        t, key = self._t, self._t.keys[number]
        if self.free([number]).isdisjoint(names):
            return number
        if key[0] == "map":
            new = self._map(number, names)
        else:
            new = with_parts(key, [made[one] for one in parts(key)])
        if number in names:
            new = "element", t.keys[names[number]][1], new[2]
        return t.node(new, t.types[number], total=t.total[number], uncertain=t.uncertain[number])

    def _map(self, number: int, names: Mapping[int, int]) -> Key:
        """A map's own element takes the least number that is left once the others have their new names."""
        _, element, *within = self._t.keys[number]
        source = self.renamed(self._source(element), names)
        own = self._least(source, frozenset(self.renamed(one, names) for one in self.free([number])))
        return "map", own, *(self.renamed(one, {**names, element: own}) for one in within)

    def _source(self, element: int) -> int:
        return int(self._t.keys[element][2])

    def _least(self, source: int, taken: frozenset[int]) -> int:
        depth = 0
        while (found := self._t.element(depth, source)) in taken:
            depth += 1
        return found


def _inside_out(number: int, known: Mapping[int, object], looked_at: Callable[[int], list[int]]) -> Iterator[int]:
    """All that a value is made of and that is not known yet, each after its parts. Whoever asks makes it known."""
    stack = [number]
    while stack:
        one = stack[-1]
        new = [] if one in known else [part for part in looked_at(one) if part not in known]
        stack += new
        if not new:
            stack.pop()
            if one not in known:
                yield one

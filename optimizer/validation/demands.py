"""What a map requires before it looks at any element, less what makes no difference there."""

from __future__ import annotations

from collections.abc import Callable

from llmcc.optimizer.validation.terms import WIDE, Facts, Terms


class Demands:
    """Of a map; `inside` gives what an outcome is in its body."""

    def __init__(self, terms: Terms, inside: Callable[[int], int]) -> None:
        self._t = terms
        self._inside = inside

    def left(self, required: tuple[int, ...], first: int, missing: Facts) -> tuple[int, ...]:
        """What a map requires before anything, less what each element fails for anyway before anything else.

        `first` is what an element gives, or whether it counts;
        `missing` is what must hold so that there is one.
        """
        within = {one: self._inside(one) for one in self._closure(required)}
        waiting = {one: now for one, now in within.items() if self._waits(one, missing)}
        led: dict[int, None] = {}
        self._led(first, set(waiting.values()), led)
        # Several may look the same to an element: the first of them counts.
        dropped = list(dict.fromkeys(waiting[one] for one in required if waiting.get(one) in led))
        if not dropped or dropped != [one for one in led if one in dropped]:
            return required  # other elements' failures could count before theirs
        found: dict[int, None] = {}
        late = False
        for one in required:
            if waiting.get(one) in led:
                found.update((other, None) for other in self._behind(one) if within.get(other, other) not in led)
                late = True
            elif late and one not in found:
                return required  # it would count less than what is dropped before it
            else:
                found[one] = None
        return tuple(found)

    def _waits(self, outcome: int, conditions: Facts) -> bool:
        """Whether an outcome looks at nothing else unless these conditions hold."""
        key = self._t.keys[outcome]
        if not conditions:
            return True
        if key[0] != "guarded":
            return False
        guard = self._t.term(key[1])
        parts = self._t.keys[guard][1:] if self._t.kind(guard) == "and" else (guard,)
        return conditions == frozenset(parts[: len(conditions)])

    def _closure(self, required: tuple[int, ...]) -> list[int]:
        """These outcomes, and (within bounds) all that they require."""
        found = list(required)
        for one in found:
            if len(found) < WIDE:
                found += [other for other in self._behind(one) if other not in found]
        return found

    def _behind(self, outcome: int) -> tuple[int, ...]:
        """What an outcome requires, whatever its condition says."""
        key = self._t.keys[outcome]
        if key[0] == "guarded":
            return self._behind(key[1])
        return key[1] if key[0] == "eval" else ()

    def _led(self, one: int, possible: set[int], found: dict[int, None], depth: int = 32) -> bool:
        """Adds those of the `possible` that `one` fails for before anything else that may fail, in that order.

        Gives whether what is looked at after `one` counts as well: nothing on the way but the `possible` may fail.
        """
        if one in found or not self._t.uncertain[one]:
            return True
        if depth == 0:
            return False
        parts = (part is not None and self._led(part, possible, found, depth - 1) for part in self._looked(one))
        through = all(parts)
        if one in possible:
            found[one] = None
        return through or one in possible

    def _looked(self, outcome: int) -> list[int | None]:
        """What an outcome looks at, in order; None is where it may fail by itself."""
        key = self._t.keys[outcome]
        if key[0] == "guarded":
            return [key[1], None]
        if key[0] != "eval":
            return [None]
        rest: list[int | None] = [] if self._t.total[key[2]] and not self._t.uncertain[key[2]] else [None]
        return [*key[1], *rest]

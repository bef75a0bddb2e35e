"""Requests with several texts under way, of which one will be taken: each text is a request of the schedule.

The schedule knows nothing of that. One of the texts always goes by the request's own key; what the others have in
common with it is shared, like all beginnings, and their sequences are freed when they are given up.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from llmcc.runtime.models.engine.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Lane:
    """The schedule's key for a further text of a request."""

    key: Hashable
    number: int


class Lanes:
    """Which text is decoded under which key of a schedule."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        #: For each request, its texts (behind the prompt) by the schedule's key, in their order.
        self._texts: dict[Hashable, dict[Hashable, list[int]]] = {}
        self._made = 0
        #: The keys of texts that the last batch had no room for.
        self._late: set[Hashable] = set()

    def owner(self, key: Hashable) -> tuple[Hashable, int]:
        """The request that a key of the schedule is for, and the number of its text."""
        owner = key.key if isinstance(key, Lane) else key
        return owner, list(self._texts[owner]).index(key) if owner in self._texts else 0

    def lay(
        self, owner: Hashable, prompt: Sequence[int], texts: Sequence[Sequence[int]], priority: float
    ) -> int | None:
        """Has these texts decoded, the first of which is the likeliest, and no others of the request.

        Returns:
            None; or the number of a text for which there is no sequence: then nothing was changed.
        """
        old = self._texts.get(owner)
        chosen = self._matched(owner, old, texts)
        free = [key for key in old or () if key not in chosen]
        new_ones = chosen.count(None)
        if new_ones and new_ones > self._schedule.room + len(free):
            return len(texts) - 1
        for key in free:
            self._schedule.end(key, keep=False)
        new: dict[Hashable, list[int]] = {}
        for key, text in zip(chosen, texts, strict=True):
            if key is None:
                self._made += 1
                key = Lane(owner, self._made)
                self._schedule.submit(key, [*prompt, *text], priority)
            elif old is None or text[: len(old[key])] != old[key]:
                self._schedule.rewrite(key, [*prompt, *text])
            elif len(text) > len(old[key]):
                self._schedule.append(key, text[len(old[key]) :])
            new[key] = list(text)
        self._texts[owner] = new
        return None

    def look(self) -> None:
        """Looks for texts without a sequence; the schedule has just given out what there are."""
        forked = (texts for texts in self._texts.values() if len(texts) > 1)
        self._late = {key for texts in forked for key in texts if self._schedule.waits(key)}

    def cramped(self) -> tuple[Hashable, int] | None:
        """A request and the number of a text of it, without which it can go on, where there was no room for all."""
        if not self._late:
            return None
        for owner, texts in self._texts.items():
            waiting = [key for key in texts if key in self._late and self._schedule.waits(key)]
            further = [key for key in (*waiting, *reversed(texts)) if key != owner]
            if waiting and further:
                return owner, list(texts).index(further[0])
        return None

    def drop(self, owner: Hashable, number: int) -> None:
        """A text of a request is given up; it is not the one that goes by the request's key."""
        key = list(self._texts[owner])[number]
        del self._texts[owner][key]
        self._schedule.end(key, keep=False)

    def end(self, owner: Hashable) -> None:
        """A request is over: its further texts are given up."""
        for key in self._texts.pop(owner, {}):
            if key != owner:
                self._schedule.end(key, keep=False)

    def _matched(
        self, owner: Hashable, old: dict[Hashable, list[int]] | None, texts: Sequence[Sequence[int]]
    ) -> list[Hashable | None]:
        """For each text the key that it goes on under: that of its beginning, if there is one. One has the owner's."""
        left = dict(old or {})
        chosen: list[Hashable | None] = []
        for text in texts:
            key = next((key for key, begun in left.items() if text[: len(begun)] == begun), None)
            left.pop(key, None)
            chosen.append(key)
        if owner not in chosen:
            chosen[chosen.index(None) if None in chosen else 0] = owner
        return chosen

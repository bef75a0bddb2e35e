"""Stop texts in a stream: what may be the beginning of one is held back until it is known."""

from __future__ import annotations

from collections.abc import Iterable


class StopFilter:
    """Passes text through until one of `stops` is complete; the stop text itself and what follows it are dropped.

    Any chunking of the same text gives the same result: the stop text that is complete first ends it
    (of two that end together, the longer one).

    >>> stop = StopFilter(["\\n\\n"])
    >>> [stop.feed(chunk) for chunk in ("a\\n", "b\\n", "\\nc")]
    ['a', '\\nb', '']
    >>> stop.stopped
    True
    """

    def __init__(self, stops: Iterable[str]) -> None:
        """Empty stop texts are ignored: they would stop everything."""
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""
        self.stopped = False

    def feed(self, text: str) -> str:
        """Takes the next text and returns what may be shown by now."""
        if self.stopped:
            return ""
        text = self._held + text
        found = [(at + len(stop), at) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)[1]]
        shown = len(text) - self._open(text)
        self._held = text[shown:]
        return text[:shown]

    def flush(self) -> str:
        """The text is over: returns what was held back."""
        held, self._held = self._held, ""
        return held

    def _open(self, text: str) -> int:
        """How many characters at the end of `text` may be the beginning of a stop text."""
        longest = max((len(stop) for stop in self._stops), default=1) - 1
        sizes = range(min(longest, len(text)), 0, -1)
        return next((size for size in sizes if any(stop.startswith(text[-size:]) for stop in self._stops)), 0)

"""What a joiner's text means, while it is being written: an answer, or the wish for more.

`grammar/joiner.lark` says what it looks like. The beginning decides, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

_WORDS = ("answer", "replan")
_BLANK = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Decision:
    """`replan` is the reason, if the joiner asks for one; else `answer` is all that it wrote."""

    answer: str
    replan: str | None = None


class JoinReader:
    """Reads a joiner's text in chunks; what it gives back is the answer, as soon as it is known to be one.

    >>> reader = JoinReader()
    >>> [reader.feed(chunk) for chunk in ("Ans", "wer: K2", " (8,611 m)")], reader.close().answer
    (['', 'K2', ' (8,611 m)'], 'K2 (8,611 m)')
    """

    def __init__(self) -> None:
        self._held = ""
        self._kind: str | None = None
        self._text: list[str] = []

    def feed(self, chunk: str) -> str:
        """What is certain to be part of the answer now; empty while that is open, and for a replan."""
        if self._kind is None:
            self._held += chunk
            self._kind, chunk = _begins(self._held)
        if self._kind is None:
            return ""
        if not self._text:
            chunk = chunk.lstrip(_BLANK)  # between the word and the text
        if chunk:
            self._text.append(chunk)
        return chunk if self._kind == "answer" else ""

    def close(self) -> Decision:
        """What the whole text means."""
        if self._kind is None:
            self._kind, self._text = "answer", [self._held]
        text = "".join(self._text).strip()
        return Decision("", text or "no reason given") if self._kind == "replan" else Decision(text)


def decide(text: str) -> Decision:
    """Reads a whole text.

    >>> decide("Answer: K2 (8,611 m).\\nReplan: is a word here")
    Decision(answer='K2 (8,611 m).\\nReplan: is a word here', replan=None)
    >>> decide("Replan: the height of K2 is missing").replan
    'the height of K2 is missing'
    """
    reader = JoinReader()
    reader.feed(text)
    return reader.close()


def _begins(text: str) -> tuple[str | None, str]:
    """What the text is, and its rest behind the word that says so; None while it could still be either."""
    body = text.lstrip(_BLANK)
    for word in _WORDS:
        rest = body[len(word) :]
        if body[: len(word)].lower() != word[: len(body)]:
            continue
        rest = rest.lstrip(" \t")
        if len(body) < len(word) or not rest:
            return None, ""
        if rest[0] == ":":
            return word, rest[1:]
    return (None, "") if not body else ("answer", body)

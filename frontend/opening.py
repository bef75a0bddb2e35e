r"""The line that is being written, read sign by sign, for the list that a comprehension goes through.

`x = [f(v) for v in ["a", "b"` names what is to be done before it lists what it is done to: each element of the list can
be read as soon as the comma or bracket behind it is there. What is found here is only a guess at where elements end;
whoever uses one compiles it, and compares with the whole line when that has come.
"""

from __future__ import annotations

import re

_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_INTO = re.compile(r"\bfor\s+[A-Za-z_][A-Za-z0-9_]*\s+in\s*$")
#: What stands between `for` and the list is no longer than this.
_REACH = 200


class Opening:
    r"""One line, in pieces.

    >>> opening = Opening()
    >>> opening.feed('x = [f(v) for v in ["a", "b')
    ['x = [f(v) for v in ["a"]]']
    >>> opening.feed('"]'), opening.feed("]\n")
    (['x = [f(v) for v in [ "b"]]'], [])
    """

    def __init__(self) -> None:
        self._text: list[str] = []
        #: The brackets that are open; quotes, `f` and the quote of an f-string, `{` within that, likewise.
        self._open: list[str] = []
        self._escaped = False
        self._brace = False
        #: The line up to the list, once that has begun, and what closes all that is open around the list.
        self._head: str | None = None
        self._tail = ""
        #: How many brackets are open outside of the list's elements.
        self._depth = 0
        self._over = False

    def feed(self, piece: str) -> list[str]:
        """For each element that is complete now: the line as it would be if that were all of the list."""
        found: list[str] = []
        for sign in piece:
            if self._over:
                break
            element = self._take(sign)
            if element is not None and element.strip():
                found.append(f"{self._head}{element}{self._tail}")
        return found

    def stop(self) -> None:
        """Looks no further: nothing more is wanted of this line."""
        self._over = True

    def _take(self, sign: str) -> str | None:
        """Reads one sign; the element that ends before it, if one does."""
        inner = self._open[-1] if self._open else ""
        if inner in ("'", '"', "f'", 'f"'):
            self._within_string(inner, sign)
        elif sign in "\r\n#":
            self._over = True
        elif sign in "'\"":
            # Within the hole of an f-string there are no further f-strings.
            known = self._text[-1:] == ["f"] and inner != "hole" and not self._word_before()
            self._open.append(f"f{sign}" if known else sign)
        elif inner == "hole" and sign in "{}":
            self._open.append("hole") if sign == "{" else self._open.pop()
        elif sign in "([{" and inner != "hole":
            self._opens(sign)
            return None
        elif sign in ")]}" and inner != "hole":
            return self._closes(sign)
        elif sign == "," and self._head is not None and len(self._open) == self._depth:
            return self._cut()
        self._text.append(sign)
        return None

    def _within_string(self, inner: str, sign: str) -> None:
        brace, self._brace = self._brace, False
        if self._escaped:
            self._escaped = False
        elif sign == "\\":
            self._escaped = True
        elif inner[0] == "f" and sign == "{":
            self._brace = not brace  # `{{` is a brace
        elif brace:
            # The one before opened a hole, of which this is the first sign.
            self._open.append("hole")
            if sign in "'\"":
                self._open.append(sign)
        elif sign == inner[-1]:
            self._open.pop()

    def _word_before(self) -> bool:
        """Whether the `f` before a quote is the end of a longer word."""
        before = self._text[-2:-1]
        return bool(before) and (before[0].isalnum() or before[0] in "_$")

    def _opens(self, sign: str) -> None:
        inside = self._open[-1] if self._open else ""
        self._open.append(sign)
        self._text.append(sign)
        # Within further brackets a list may turn out to be part of another comprehension's element.
        if self._head is not None or sign != "[" or inside != "[" or set(self._open[:-2]) - {"("}:
            return
        if _INTO.search("".join(self._text[-_REACH:-1])):
            self._head = "".join(self._text)
            self._tail = "".join(_CLOSERS[one] for one in reversed(self._open))
            self._depth = len(self._open)
            self._text = []

    def _closes(self, sign: str) -> str | None:
        if not self._open or _CLOSERS.get(self._open[-1]) != sign:
            self._over = True  # the line is wrong
            return None
        if self._head is not None and len(self._open) == self._depth:
            self._over = True
            return self._cut()
        self._open.pop()
        self._text.append(sign)
        return None

    def _cut(self) -> str:
        element, self._text = "".join(self._text), []
        return element

"""Texts in a form that is safe to show: no control, bidi, zero-width or other invisible character is left in them."""

from __future__ import annotations

import json
import re

# Characters that count as printable, and still show nothing (fillers, selectors of variants).
_INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")


def hidden(char: str) -> bool:
    """Whether a character shows nothing of its own, or changes how others show.

    >>> hidden("a"), hidden("é"), hidden(" "), hidden("\\n"), hidden("\\u202e"), hidden("\\u200b")
    (False, False, False, True, True, True)
    """
    return not char.isprintable() or _INVISIBLE.match(char) is not None


def visible(text: str) -> str:
    r"""`text` with every hidden character written as its number.

    >>> print(visible("a\u202eb\n"))
    a\u{202e}b\u{a}
    """
    if text.isprintable() and (text.isascii() or not _INVISIBLE.search(text)):
        return text
    return "".join(f"\\u{{{ord(c):x}}}" if hidden(c) else c for c in text)


def quote(text: str) -> str:
    r"""`text` as a JSON string on one line, hidden characters escaped; `json.loads` gives it back.

    >>> print(quote("é \u202e \n"))
    "é \u202e \n"
    """
    quoted = json.dumps(text, ensure_ascii=False)
    if quoted.isprintable() and (quoted.isascii() or not _INVISIBLE.search(quoted)):
        return quoted
    return "".join(_units(c) if hidden(c) else c for c in quoted)


def _units(char: str) -> str:
    code = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{code[i : i + 4]}" for i in range(0, len(code), 4))

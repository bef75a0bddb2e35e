"""Letters of other alphabets that look like those of names: who mixes them in sees no difference, the compiler does."""

from __future__ import annotations

import unicodedata

# Each letter stands above the one that it looks like.
_LOOKS = str.maketrans(
    # Cyrillic, small and capital, Greek, Armenian, Latin letters of phonetics.
    "аеорсухіјѕһԁԛԝѵ" + "АВЕКМНОРСТУХІЈЅԌԚԜѴ" + "ονυικαρωΑΒΕΖΗΙΚΜΝΟΡΤΥΧ" + "օսոհց" + "ıɑɡɩ",
    "aeopcyxijshdqwv" + "ABEKMHOPCTYXIJSGQWV" + "ovuikapwABEZHIKMNOPTYX" + "ounhg" + "iagi",
)


def plain(word: str) -> str:
    """`word` with the letters written that it seems to have.

    >>> plain("s\\u0435arch") == "search", plain("h\\u00f6he") == "h\\u00f6he"
    (True, True)
    """
    return word if word.isascii() else unicodedata.normalize("NFKC", word.translate(_LOOKS))


def confused(word: str) -> str | None:
    """A note that names the letters of `word` that look like ASCII letters; None if there are none.

    >>> ascii(confused("s\\u0435arch"))
    "'`\\\\u0435` (U+0435, Cyrillic) looks like `e`'"
    """
    letters = [(char, plain(char)) for char in dict.fromkeys(word) if not char.isascii()]
    found = [f"`{char}` ({_where(char)}) looks like `{meant}`" for char, meant in letters if meant.isascii()]
    return ", ".join(found[:3]) or None


def _where(char: str) -> str:
    return f"U+{ord(char):04X}, {unicodedata.name(char, 'nameless').split()[0].capitalize()}"

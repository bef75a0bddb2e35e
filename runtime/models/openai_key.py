"""The key of a server: read from the environment, sent in one header, and shown nowhere."""

from __future__ import annotations

import json
import os

from llmcc.runtime.models.errors import ModelUnavailable


class Key:
    """A key that prints as the name of its environment variable.

    >>> Key("SOME_VARIABLE_THAT_IS_NOT_SET")
    Key('SOME_VARIABLE_THAT_IS_NOT_SET')
    """

    __slots__ = ("_text", "variable")

    def __init__(self, variable: str) -> None:
        """Reads the key.

        Raises:
            ModelUnavailable: it holds characters that no HTTP header may hold.
        """
        self.variable = variable
        self._text = os.environ.get(variable, "").strip()
        if not self._text.isascii() or not self._text.isprintable():
            raise ModelUnavailable(f"${variable} holds characters that no key has")

    def __bool__(self) -> bool:
        """Whether there is one."""
        return bool(self._text)

    def __repr__(self) -> str:
        return f"Key({self.variable!r})"

    def __reduce__(self) -> tuple[type[Key], tuple[str]]:
        """A copy elsewhere reads its own environment."""
        return Key, (self.variable,)

    def reveal(self) -> str:
        """The key itself, for the header; a server without keys gets a word in its place."""
        return self._text or "none"

    def scrub(self, text: str) -> str:
        """`text` without the key, should a server have repeated it (plainly, or quoted as JSON or Python would)."""
        for form in {self._text, json.dumps(self._text)[1:-1], repr(self._text)[1:-1]} - {""}:
            text = text.replace(form, "***")
        return text

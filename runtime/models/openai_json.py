"""A plan that comes as a JSON object, for servers that honour a schema but no grammar: unpacked while it streams."""

from __future__ import annotations

import json
import re

from llmcc.runtime.models.errors import StreamBroken

#: What the server is asked to write.
SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"plan": {"type": "string", "description": "the whole answer, and nothing but it"}},
    "required": ["plan"],
    "additionalProperties": False,
}
_HEAD = re.compile(r'\s*\{\s*"plan"\s*:\s*"')
_TAIL = re.compile(r"\s*\}\s*")
# Whole characters only; the first half of a surrogate pair waits for its other half.
_BODY = re.compile(
    r'(?:[^"\\]|\\["\\/bfnrt]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[0-9a-fA-F]{4}|\\u(?![dD][89abAB])[0-9a-fA-F]{4})*'
)
_LONGEST_ESCAPE = len(r"\ud800\udc00")
_LONGEST_HEAD = 200  # blanks included; what is longer is something else


class PlanInJson:
    r"""Takes the JSON in pieces and gives the text of its one field.

    >>> plan = PlanInJson()
    >>> [plan.feed(piece) for piece in ('{"pl', 'an": "a = 1\\', 'n"', "}")]
    ['', 'a = 1', '\n', '']
    >>> plan.is_complete
    True
    """

    def __init__(self) -> None:
        self._held = ""
        self._place = 0  # 0 before the text, 1 in it, 2 behind it

    @property
    def is_complete(self) -> bool:
        """True once the object is closed."""
        return self._place > 1 and bool(_TAIL.fullmatch(self._held))

    def feed(self, piece: str) -> str:
        """The next part of the text.

        Raises:
            StreamBroken: this is not the object that was asked for.
        """
        self._held += piece
        if self._place == 0 and not self._entered():
            return ""
        text = self._text() if self._place == 1 else ""
        if self._place > 1 and self._held.strip() not in ("", "}"):
            raise _other(self._held)
        return text

    def _entered(self) -> bool:
        """Whether the text begins now."""
        found = _HEAD.match(self._held)
        if found is None:
            bare = "".join(self._held.split())
            if not '{"plan":"'.startswith(bare) or len(self._held) > _LONGEST_HEAD:
                raise _other(self._held)
            return False
        self._held, self._place = self._held[found.end() :], 1
        return True

    def _text(self) -> str:
        """The whole characters that are there; at the closing quote the object's end is next."""
        found = _BODY.match(self._held)
        end = found.end() if found else 0
        rest = self._held[end:]
        if rest.startswith("\\") and len(rest) >= _LONGEST_ESCAPE:
            raise _other(rest)
        # strict=False: some servers leave line ends as they are.
        text: str = json.loads(f'"{self._held[:end]}"', strict=False)
        self._held = rest
        if rest.startswith('"'):
            self._held, self._place = rest[1:], 2
        return text


def _other(text: str) -> StreamBroken:
    return StreamBroken(f"the server does not keep to the JSON schema: {text[:40]!r}")

"""A call as people read it, in reports of failures and lists of runs."""

from __future__ import annotations

from collections.abc import Mapping

from llmcc.ir.escape import visible
from llmcc.ir.signature import Signature
from llmcc.ir.values import Value, to_text

#: No text of a call has more characters.
MAX_CALL = 200
#: What stands in the place of a secret argument.
HIDDEN = "<secret>"


def call_text(tool: str, args: Mapping[str, Value], signature: Signature | None = None) -> str:
    """The call on one line: secret arguments hidden, what cannot be seen escaped, cut if it is long.

    >>> call_text("search", {"query": "K2", "limit": 3}), len(call_text("search", {"query": "x" * 10_000}))
    ('search(query=K2, limit=3)', 200)
    """
    secret = {one.name for one in signature.parameters if one.secret} if signature is not None else ()
    shown = (f"{name}={HIDDEN if name in secret else _start(value)}" for name, value in args.items())
    text = visible(f"{tool}({', '.join(shown)})")
    return text if len(text) <= MAX_CALL else text[: MAX_CALL - 1] + "…"


def _start(value: Value) -> str:
    return value[:MAX_CALL] if isinstance(value, str) else to_text(value)

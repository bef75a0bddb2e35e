"""From the bytes of a file to the text of a plan."""

from __future__ import annotations

import re

from llmcc.ir.diagnostics import Diagnostic
from llmcc.ir.span import Span

_END = re.compile(r"\r\n|\r|\n")
_BYTE = re.compile("[\udc80-\udcff]")


def decode_plan(data: bytes) -> tuple[str, Diagnostic | None]:
    r"""The text of a plan, and what is wrong if it is not UTF-8 (such bytes are then halves of surrogate pairs).

    >>> decode_plan(b"a = f()\nb = \xff")[1].message
    'the plan is not UTF-8: here stands the byte 0xff'
    """
    try:
        return data.decode("utf-8"), None
    except UnicodeDecodeError:
        text = data.decode("utf-8", "surrogateescape")
    found = _BYTE.search(text)
    assert found is not None, "what is not UTF-8 has been written as half a surrogate pair"
    ends = [*_END.finditer(text, 0, found.start())]
    line, column = len(ends) + 1, found.start() - (ends[-1].end() if ends else 0) + 1
    byte = ord(found[0]) - 0xDC00
    message = f"the plan is not UTF-8: here stands the byte 0x{byte:02x}"
    return text, Diagnostic("E0122", Span(line, column, line, column + 1), message, help="save it as UTF-8")

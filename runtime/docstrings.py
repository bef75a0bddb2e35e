"""What a docstring says about a function and its parameters."""

from __future__ import annotations

import re

_SECTION = re.compile(r"(Args|Arguments|Parameters):\s*")
_ENTRY = re.compile(r"(\s+)\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)")


def described(docstring: str) -> tuple[str, dict[str, str]]:
    """The first line, and the descriptions of the parameters in a section `Args:`, each on one line.

    >>> described("Convert.\\n\\nArgs:\\n    to: the unit\\n        wanted\\n    n: how many\\n\\nReturns: it")
    ('Convert.', {'to': 'the unit wanted', 'n': 'how many'})
    """
    lines = docstring.strip().splitlines()
    start = next((i for i, line in enumerate(lines) if _SECTION.fullmatch(line.strip())), None)
    if start is None:
        return (lines[0].strip() if lines else ""), {}
    return lines[0].strip(), _entries(lines[start], lines[start + 1 :])


def _entries(heading: str, lines: list[str]) -> dict[str, str]:
    margin = len(heading) - len(heading.lstrip())
    found: dict[str, list[str]] = {}
    indent, name = None, None
    for line in lines:
        if not line.strip():
            continue
        if len(line) - len(line.lstrip()) <= margin:
            break
        entry = _ENTRY.fullmatch(line)
        if entry is not None and indent in (None, entry[1]):
            indent, name = entry[1], entry[2]
            found[name] = [entry[3].strip()]
        elif name is not None:
            found[name].append(line.strip())
    return {name: " ".join(filter(None, text)) for name, text in found.items()}

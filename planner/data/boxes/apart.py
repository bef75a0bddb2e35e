"""Tells plans of shapes that training must not have: `shapes_*.py` hold them out, and boxes must not bring them in.

Two sources of one figure (`compete_difference`) are told apart by descriptions alone: that is left to the reader.
"""

from __future__ import annotations

import re

_CALL = re.compile(r"([a-z]) = ([\w.]+)\((.*?)\)(?: catch .*| when .*| after .*)?$", re.MULTILINE)
_MAP = re.compile(r"([a-z]) = \[[\w.]+\(.*\) for each in ", re.MULTILINE)
_RATIO = re.compile(r"return (?:round\()?([a-z])(?:\.\w+)? / ([a-z])(?:\.\w+)?(?:, \d\))?$", re.MULTILINE)
_GUARD = re.compile(r" when (.+?)(?: after .*)?$", re.MULTILINE)


def held_out_shape(plan: str) -> str | None:
    """The held-out shape that a plan has; None for all others.

    >>> held_out_shape('a = mass("x")\\nb = mass("y")\\nreturn a / b'), held_out_shape('a = mass("x")\\nreturn a / 2')
    ('ratio', None)
    """
    calls = {name: (tool, args) for name, tool, args in _CALL.findall(plan)}
    for one, other in _RATIO.findall(plan):
        if one != other and calls.get(one, ("",))[0] == calls.get(other, ("-",))[0]:
            return "ratio"
    if any(f"sum({name}) / len(" in plan for name in _MAP.findall(plan)):
        return "each_average"
    if re.search(r" if (?:not )?[\w.]+\(each[^)]*\)(?!\.| [<>=!])", plan):
        return "each_flag"
    if re.search(r"sorted\([^\n]*\)\[:", plan):
        return "top"
    deep: dict[str, int] = {}
    for name, (_, args) in calls.items():
        deep[name] = deep.get(re.split(r"[.\[]", args)[0], 0) + 1
    if max(deep.values(), default=0) > 2:
        return "chain3"
    guards = [guard.strip() for guard in _GUARD.findall(plan)]
    return "act_either" if any(_opposite(one, other) for one in guards for other in guards) else None


def _opposite(one: str, other: str) -> bool:
    turned = {">": "<=", "<": ">=", "==": "!="}
    return other == f"not {one}" or any(other == one.replace(f" {a} ", f" {b} ") != one for a, b in turned.items())


#: The held-out shapes as whole plans, with nothing around them.
_WHOLE = {
    "ratio": r"a = (\S+)\(.*\)\nb = \1\(.*\)\nreturn (?:round\()?\(?[ab]\S* / \(?[ab]\S*(?: \d\))?",
    "chain3": r"a = \S+\(.*\)\nb = \S+\((?:.*, )?a(?:, .*)?\)\nc = \S+\((?:.*, )?b(?:, .*)?\)\nreturn c(?:\.\w+)?",
    "each_average": r"a = .*\nb = \[.* for each in a\]\nreturn (?:round\()?\(?sum\(b\)\)? / len\([ab]\)(?:, \d\))?",
    "each_flag": r"a = .*\n(?:b = |return )\[each for each in a if (?:not )?\S+\(each[^)]*\)\](?:\nreturn b)?",
    "top": r"a = .*\nreturn \[each\.\w+ for each in sorted\(a, [^)]*\)\[:\d+\]\]",
    "act_either": r"(?:.*\n)*. = .* when (\w\S*) [<>]=? [\d.]+\n. = .* when \1 [<>]=? [\d.]+\nreturn .*",
    "compete_difference": r"a = \S+\((.*)\)\nb = \S+\(\1\)\nreturn [ab] - [ab]",
}


def just_held_out(plan: str) -> str | None:
    """The held-out shape that a plan is, and not only has as a part; None for all others.

    >>> just_held_out('a = mass("x")\\nb = mass("y")\\nreturn a / b')
    'ratio'
    >>> just_held_out('a = mass("x")\\nb = mass("y")\\nreturn "heavy" if a / b > 2 else "light"')
    """
    return next((name for name, form in _WHOLE.items() if re.fullmatch(form, plan)), None)

"""Lines with two mistakes: one diagnostic with one fix, and what the fix restores means what was meant."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from itertools import combinations

import pytest

from llmcc.frontend.fixes import apply_edits, fix_plan
from llmcc.frontend.front import compile_front
from llmcc.frontend.parse import parse_plan
from llmcc.ir.diagnostics import has_errors
from llmcc.ir.digest import digest
from llmcc.testing.fuzz import TOOLS
from llmcc.testing.work import growth, work_of

LINES = (
    'b = search("height of K2")',
    'b = search("height of K2", limit=3)',
    'b = search(query="height of K2", limit=3)',
    "b = search(xs[0].title)",
    'b = search("K2") when len(xs) > 3',
    'b = search("K2") catch null',
    'search("K2", 3)',
    'b = math("2 + 3") if x == 4 else 5',
    "b = [search(item.title) for item in xs]",
    "b = [item.title for item in xs if item.height_m > x]",
    'b = {"title": xs[0].title, "x": x}',
    'b = [x, 2, math("7")]',
    'b = f"{x} m" + "\\n"',
    "b = max(x, 3) * (x - 1)",
    "return [x, xs]",
    "join(x, xs)",
)


def once(pattern: str, written: str) -> Callable[[str], str]:
    return lambda line: re.sub(pattern, written, line, count=1)


#: What people and models do to a line. Each is mended where it is the only mistake.
SLIPS: dict[str, Callable[[str], str]] = {
    "the last bracket left out": once(r"[)\]}]$", ""),
    "two closing brackets": once(r"[)\]}]$", r"\g<0>)"),
    "another closing bracket": lambda line: line[:-1] + {")": "]", "]": ")", "}": ")"}.get(line[-1], line[-1]),
    "the last quote left out": once(r'"(?=[)\]}]+$)', ""),
    "no comma": once(r", ", " "),
    "typographic quotes": once(r'"([^"]*)"', "“\\1”"),
    "a wide bracket": once(r"\(", "（"),
    "a wide comma": once(r", ", "，"),
    ":= for =": once(r"^(\w+) = ", r"\1 := "),
    "let": once(r"^(\w+) = ", r"let \1 = "),
    "a bullet": once(r"^(?=[a-z]+(?: =|\())", "- "),
    "a semicolon": once(r"$", ";"),
    ": for = at a parameter": once(r"\b(query|limit)=", r"\1: "),
    "a key without quotes": once(r'"(title)":', r"\1:"),
    "a number with zeros": once(r"(?<=[,=>] )([2-7])\b", r"00\1"),
    "a tool with a slip": once(r"\bsearch\b", "serch"),
    "a name with a slip": once(r"\bheight_m\b", "heigth_m"),
    "a hidden character": once(r"\b(?=[,)\]])", "\u200b"),
    "is": once(r"==", "is"),
}
#: What stands before a line that is looked at.
HEAD = 'x = math("6")\nxs = search("peaks")\n'


def meaning(text: str) -> str | None:
    """What a plan means; None if it does not compile."""
    result = compile_front(text, TOOLS)
    return None if result.module is None or has_errors(result.diagnostics) else digest(result.module)


def mended(line: str) -> str:
    return fix_plan(f"{HEAD}{line}\n", TOOLS).text


def in_plan(line: str) -> str | None:
    return meaning(f"{HEAD}{line}\n")


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_alone_is_mended(slip: str) -> None:
    changed = [(line, SLIPS[slip](line)) for line in LINES if SLIPS[slip](line) != line]
    assert changed
    for line, wrong in changed:
        assert meaning(mended(wrong)) == in_plan(line), wrong


def twice_wrong() -> list[tuple[str, str]]:
    """Lines, and what is left of each after two slips that both change it."""
    pairs = [(line, a, b) for line in LINES for a, b in combinations(SLIPS.values(), 2)]
    wrong = {(line, b(a(line))): (a(line), b(line)) for line, a, b in pairs}
    return [(line, both) for (line, both), alone in wrong.items() if not {line, both} & {*alone} and both != line]


@pytest.mark.slow
def test_two_slips_in_a_line_are_mended() -> None:
    outcomes: Counter[str] = Counter()
    for line, wrong in twice_wrong()[::2]:
        found = meaning(mended(wrong))
        outcome = "as before" if found == in_plan(line) else "left to the reader" if found is None else "changed"
        outcomes[outcome] += 1
    assert outcomes["changed"] == 0 and outcomes.total() > 350
    assert outcomes["as before"] >= 0.97 * outcomes.total(), outcomes


@pytest.mark.parametrize(
    ("line", "code", "notes", "mended"),
    [
        ('a = search(“b”', "E0106", ["column 11: `(` is not closed"], 'a = search("b")'),
        ("a = f(1 2 3)", "E0221", [], "a = f(1, 2, 3)"),
        (
            'a = f("x") b = g(“y”)',
            "E0106",
            ["column 12: a second statement stands on this line"],
            'a = f("x")\nb = g("y")',
        ),
        (
            'let a = search（"b" 007',
            "E0107",
            [
                "column 1: a statement begins with `name =`, not with `let a =`",
                "column 15: `(` is not closed",
                "column 16: a comma is missing here",
                "column 20: `007` is not how a number is written",
            ],
            'a = search("b", 7)',
        ),
    ],
)  # fmt: skip
def test_one_diagnostic_tells_all_and_one_fix_mends_all(line: str, code: str, notes: list[str], mended: str) -> None:
    _, [found] = parse_plan(line + "\n")
    assert (found.code, [*found.notes]) == (code, notes)
    [fix] = found.fixes
    assert apply_edits(line, fix.edits) == mended


@pytest.mark.parametrize(
    "line",
    [
        "a = search(",
        'a = "x"y" + 007)',
        "a = f(“x”, here lies the plan)",
        'a = search("height of K2))',
        "a = f(1, 2",
        "a = lambda x: f(007",
        "a = f(" + "“x” 007 " * 300,
    ],
)
def test_what_nobody_can_know_is_not_mended(line: str) -> None:
    diagnostics = parse_plan(line + "\n")[1]
    assert len(diagnostics) == 1
    assert (diagnostics[0].fixes == ()) == (line != "a = f(1, 2")


@pytest.mark.slow
def test_mending_takes_linear_work() -> None:
    def work(items: int) -> int:
        line = "a = f(" + " ".join(f"“{i}”" for i in range(items)) + " 007"
        return work_of(lambda: parse_plan(line + "\n"))

    work(4)
    assert growth(work, 20) < 1.2


def test_each_mistake_of_a_short_plan_is_told_at_once() -> None:
    found = compile_front('1. search("a")\n2. serch("b"\n3. join($9)\n', TOOLS).diagnostics
    assert [(d.code, str(d.span)) for d in found] == [("E0301", "2:4-9"), ("E0202", "2:9-10"), ("E0302", "3:9-11")]
    fixed = fix_plan('a = serch("b"\nreturn a\n', TOOLS)
    assert (fixed.text, fixed.fixed, fixed.diagnostics) == ('a = search("b")\nreturn a\n', 2, ())


@pytest.mark.parametrize(
    "line", ["x = xs.serch(1", "if(x", "y = max(1", "# serch(1", "y = f(serch(1", "I serch(ed) it", "y = math(2"]
)
def test_what_is_no_call_of_an_unknown_tool_is_not_told_as_one(line: str) -> None:
    found = compile_front(f"{HEAD}{line}\nreturn 1\n", TOOLS | {"f": TOOLS["math"]}).diagnostics
    assert "E0301" not in [d.code for d in found]

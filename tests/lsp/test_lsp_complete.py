"""What is proposed where: `|` in a line is the cursor."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.driver.lsp.analysis import Analysis
from llmcc.driver.lsp.call_help import CallHelp, call_help
from llmcc.driver.lsp.complete import Item, complete
from llmcc.driver.lsp.hover import hover
from llmcc.ir.builtins import BUILTINS
from llmcc.ir.effects import READ
from llmcc.ir.signature import Signature
from llmcc.ir.types import EnumType

Tools = Mapping[str, Signature]
ABOVE = 'cities = find("Spain")\nfind("Peru")\n'


def asked(tools: Tools, marked: str, above: str = ABOVE) -> tuple[Analysis, str, int, int]:
    column = marked.index("|")
    line = marked.replace("|", "")
    return Analysis(above + line + "\nlater = 1\n", tools), line, above.count("\n") + 1, column


def proposals(tools: Tools, marked: str, above: str = ABOVE) -> list[Item]:
    return complete(*asked(tools, marked, above))


def accepted(tools: Tools, marked: str, label: str) -> str:
    """The line after a proposal was taken."""
    [item] = [item for item in proposals(tools, marked) if item.label == label]
    line = marked.replace("|", "")
    return line[: item.start] + item.text + line[item.end :]


def labels(tools: Tools, marked: str, *kinds: str, above: str = ABOVE) -> list[str]:
    return [item.label for item in proposals(tools, marked, above) if not kinds or item.kind in kinds]


@pytest.mark.parametrize("marked", ["|", "fi|", "  3. |", "3. fi|"])
def test_a_statement_begins_with_a_tool_or_ends_the_plan(tools: Tools, marked: str) -> None:
    assert labels(tools, marked) == ["find", "mail.send", "the mayor", "join", "return"]


@pytest.mark.parametrize(
    "marked", ["a = |", "a = le|", "return |", "a = [|", "a = 1 + |", "a = not |", "a = f(x) when |"]
)
def test_an_expression_can_be_any_value_tool_or_builtin(tools: Tools, marked: str) -> None:
    assert labels(tools, marked, "value") == ["cities", "$1", "true", "false", "null"]
    assert labels(tools, marked, "tool") == ["find", "mail.send", "the mayor"]
    assert labels(tools, marked, "builtin") == list(BUILTINS)
    assert labels(tools, marked, "parameter") == []


def test_only_values_above_are_in_scope(tools: Tools) -> None:
    values = [(item.label, item.detail) for item in proposals(tools, "x = |") if item.kind == "value" and item.detail]
    kind = 'list[{name: str, people: int, "post code": str}]'
    assert values == [("cities", kind), ("$1", kind)]


@pytest.mark.parametrize(
    ("marked", "wanted"),
    [
        ("a = find(|", ["country=", "order=", "tags="]),
        ("a = find(or|)", ["country=", "order=", "tags="]),
        ('a = find("Spain", |)', ["order=", "tags="]),
        ('a = find(|, order="by name")', ["country=", "tags="]),
        ('a = find(country="Spain", |', ["order=", "tags="]),
        ("a = find(len(|", []),
        ("a = find([|", []),
        ("a = mail.send(|", ["to=", "text="]),
        ("a = `the mayor`(|", []),
        ("a = unknown(|", []),
        ("a = find(country=|", []),
    ],
)
def test_arguments_that_are_not_given_yet_are_proposed(tools: Tools, marked: str, wanted: list[str]) -> None:
    assert labels(tools, marked, "parameter") == wanted


@pytest.mark.parametrize(
    ("marked", "wanted"),
    [
        ("a = cities[0].|", ["name", "people", "post code"]),
        ("a = cities[0].pe|", ["name", "people", "post code"]),
        ("a = $1[0].|", ["name", "people", "post code"]),
        ("a = first(cities).|", []),
        ("a = find(1)[0].|", ["name", "people", "post code"]),
        ("a = `the mayor`().|", ["name", "people", "post code"]),
        ("a = cities.|", []),
        ("a = [c.| for c in cities]", ["name", "people", "post code"]),
        ("a = [c for c in cities[1:] if c.|]", ["name", "people", "post code"]),
        ('a = f"{cities[0].|"', ["name", "people"]),
        ("a = nothing.|", []),
    ],
)
def test_fields_follow_a_dot(tools: Tools, marked: str, wanted: list[str]) -> None:
    assert labels(tools, marked, "field") == wanted


def test_the_rest_of_a_dotted_tool_follows_its_dot(tools: Tools) -> None:
    assert accepted(tools, "mail.|", "send") == "mail.send"
    assert accepted(tools, "a = mail.se|", "send") == "a = mail.send"


@pytest.mark.parametrize(
    ("marked", "after"),
    [
        ('a = find("Spain", "|', 'a = find("Spain", "by size"'),
        ('a = find("Spain", "|)', 'a = find("Spain", "by size")'),
        ('a = find("Spain", "by |name")', 'a = find("Spain", "by size")'),
        ("a = find(order='|', country=1)", "a = find(order='by size', country=1)"),
        ("a = find(order=|)", 'a = find(order="by size")'),
    ],
)
def test_the_texts_of_an_enum_fill_a_string(tools: Tools, marked: str, after: str) -> None:
    label = '"by size"' if '"|' not in marked and "'" not in marked and "by |" not in marked else "by size"
    assert accepted(tools, marked, label) == after


@pytest.mark.parametrize(("marked", "wanted"), [('a = find(tags=["|', ["a"]), ('a = find("|', []), ('a = len("|', [])])
def test_a_string_has_the_texts_of_its_place(tools: Tools, marked: str, wanted: list[str]) -> None:
    assert labels(tools, marked) == wanted


def test_a_comparison_wants_the_texts_of_its_other_side() -> None:
    size = Signature(name="size", returns=EnumType(("small", "large")), effect=READ)
    assert labels({"size": size}, 'b = a == "|"', above="a = size()\n") == ["small", "large"]
    assert labels({"size": size}, 'b = a + "|"', above="a = size()\n") == []


def test_the_name_of_an_argument_is_no_place_for_its_value(tools: Tools) -> None:
    assert labels(tools, 'a = find(|order="by name")', "choice") == []
    assert labels(tools, 'a = find(order=|"by name")', "choice") == ['"by name"', '"by size"']


def test_what_needs_quotes_or_brackets_gets_them(tools: Tools) -> None:
    assert accepted(tools, "a = th|", "the mayor") == "a = `the mayor`"
    assert accepted(tools, "a = cities[0].po|", "post code") == 'a = cities[0]["post code"]'
    assert accepted(tools, "a = $|", "$1") == "a = $1"
    assert accepted(tools, 'a = "😋" + ci|', "cities") == 'a = "😋" + cities'


def test_a_hole_of_an_fstring_holds_values(tools: Tools) -> None:
    assert labels(tools, 'a = f"{|') == ["cities", "$1"]
    assert labels(tools, 'a = f"{{|') == []
    assert labels(tools, 'a = f"{cities} |') == []


def test_words_follow_a_value(tools: Tools) -> None:
    assert labels(tools, "a = cities |") == ["and", "or", "not", "in", "if", "else", "when", "after", "catch"]
    assert labels(tools, "a = [cities |") == ["and", "or", "not", "in", "if", "else", "for"]
    assert labels(tools, "find(1) after |") == ["cities", "$1"]
    assert labels(tools, "a |") == []


@pytest.mark.parametrize("marked", ["a = 1 # fi|", "# |", "Thought: fi|"])
def test_nothing_is_proposed_in_comments(tools: Tools, marked: str) -> None:
    assert proposals(tools, marked) == []


def test_a_tool_may_have_a_builtins_place_in_a_comprehension(tools: Tools) -> None:
    assert labels(tools, "a = [mail.send(c.name, |) for c in cities]", "variable", "parameter") == ["text=", "c"]


def shown(tools: Tools, marked: str) -> CallHelp | None:
    analysis, line, _, column = asked(tools, marked)
    return call_help(analysis, line, column)


@pytest.mark.parametrize(
    ("marked", "active"),
    [
        ("a = find(|", 0),
        ("a = find(1, |", 1),
        ("a = find(tags=|", 2),
        ("a = find(1, [1, |", 1),
        ("a = find(1, len([1]), |2)", 2),
        ("a = find(nothing=|", None),
        ("a = find(1, 2, 3, |", None),
    ],
)
def test_the_parameter_at_hand_is_shown(tools: Tools, marked: str, active: int | None) -> None:
    found = shown(tools, marked)
    assert found is not None
    assert found.label.startswith('find(country: str, order?: "by name" | "by size", tags?: list["a"]) -> list')
    assert all(parameter in found.label for parameter in found.parameters)
    assert found.active == active


def test_builtins_have_parameters_too(tools: Tools) -> None:
    found = shown(tools, "a = round(1.5, |")
    assert found == CallHelp(
        "round(number: int | float, digits?: int)", "rounded, half to even", ("number: int | float", "digits?: int"), 1
    )
    assert shown(tools, "a = find(1)|") is None
    assert shown(tools, "a = nothing(|") is None
    assert shown(tools, "a = f(1) # find(|") is None


PIECES = [
    "cities",
    "find",
    "mail",
    "$1",
    "a",
    "=",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ".",
    ",",
    ":",
    '"',
    "'",
    'f"',
    "`",
    " ",
]
PIECES += ["for", "in", "if", "when", "after", "#", "Thought:", "1", "-", "==", "\\", "by name", "😋", "\ud83d", "\0"]


@pytest.mark.slow
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.integers(0, 40))
def test_whatever_is_written_gets_an_answer(line: str, column: int) -> None:
    column = min(column, len(line))
    analysis = Analysis(ABOVE + line, None)
    for item in complete(analysis, line, 3, column):
        assert 0 <= item.start <= item.end <= len(line)
        assert item.start <= column
    found = hover(analysis, line, 3, column)
    assert found is None or found.start <= column <= found.end
    call_help(analysis, line, column)

"""What is told about the word under the cursor."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from llmcc.driver.lsp.analysis import Analysis
from llmcc.driver.lsp.hover import hover
from llmcc.ir.signature import Signature

PLAN = """\
Thought: find the cities
cities = find("Spain", order="by size")
1. mail.send("Ann", f"{cities[0].name} is largest") when len(cities) > 0
names = [c.name for c in cities]
boss = `the mayor`() after $1
return names
"""


def told(tools: Mapping[str, Signature] | None, word: str, plan: str = PLAN) -> str | None:
    """What is told about the first `word`, whose last letter the cursor is on."""
    before = plan[: plan.index(word) + len(word) - 1]
    number = before.count("\n") + 1
    line = plan.split("\n")[number - 1]
    found = hover(Analysis(plan, tools), line, number, len(before) - before.rfind("\n") - 1)
    return None if found is None else found.text


def test_a_tool_shows_all_that_is_known_of_it(tools: Mapping[str, Signature]) -> None:
    kind = '{name: str, people: int, "post code": str}'
    assert told(tools, "= find") == (
        f'```plan\nfind(country: str, order?: "by name" | "by size", tags?: list["a"]) -> list[{kind}]\n```'
        "\n\nCities of a country.\n\nread(atlas), latency 0.2s"
    )
    assert (told(tools, "`the mayor`") or "").startswith("```plan\nthe mayor() -> ")


@pytest.mark.parametrize("word", ["mail", "mail.send"])
def test_each_part_of_a_dotted_name_is_the_tool(tools: Mapping[str, Signature], word: str) -> None:
    assert (told(tools, word) or "").endswith('write("mailbox:{to}")\n\n- `to`: whom')


def test_a_value_shows_its_type_and_when_it_runs(tools: Mapping[str, Signature]) -> None:
    kind = 'list[{name: str, people: int, "post code": str}]'
    wanted = f"```plan\ncities: {kind}\n```\n\nCalls `find`: `read(atlas)`.  \nStep 1 of 3."
    assert told(tools, "\ncities") == wanted
    assert told(tools, "{cities") == wanted
    assert told(tools, "in cities") == wanted


def test_a_write_tells_that_it_waits_for_the_whole_plan(tools: Mapping[str, Signature]) -> None:
    assert told(tools, "\n1") == (
        "```plan\n$1: str | null\n```\n\n"
        'Calls `mail.send`: `write("mailbox:{to}")`.  \n'
        "Only when `len(cities) > 0`; otherwise null.  \n"
        "Waits for `cities`.  \n"
        "Writes, so it runs only when the whole plan has been accepted.  \n"
        "Step 2 of 3."
    )
    assert told(tools, "$1") == told(tools, "\n1")


def test_order_that_was_asked_for_is_told(tools: Mapping[str, Signature]) -> None:
    assert "Waits for `$1`." in (told(tools, "\nboss") or "")


def test_a_plan_with_errors_has_no_steps(tools: Mapping[str, Signature]) -> None:
    plan = PLAN + "x = nothing\n"
    assert "Step" not in (told(tools, "\ncities", plan) or "")
    assert told(tools, "\nx", plan) is not None
    assert "Its statement has errors" in (told(tools, "\nx", plan) or "")


def test_parameters_fields_variables_and_builtins(tools: Mapping[str, Signature]) -> None:
    assert told(tools, "order") == (
        '```plan\norder: "by name" | "by size"\n```\n\noptional, by default `null`; a parameter of `find`'
    )
    assert told(tools, "].name") == "```plan\nname: str\n```\n\na field"
    assert told(tools, "c.name") == "```plan\nname: str\n```\n\na field"
    assert (told(tools, "[c") or "").startswith("```plan\nc: {name: str")
    assert (told(tools, "len") or "").endswith("number of items, fields or characters\n\nbuilt-in, pure")


@pytest.mark.parametrize("word", ["Thought", "the cities", "Spain", "when", "return", "> 0", " is largest"])
def test_the_rest_needs_no_word(tools: Mapping[str, Signature], word: str) -> None:
    assert told(tools, word) is None


def test_without_a_toolbox_tools_are_not_known() -> None:
    assert told(None, "= find") is None
    assert (told(None, "\ncities") or "").startswith("```plan\ncities: any\n```")


def test_a_value_that_comes_later_is_not_told() -> None:
    assert told(None, "= b", "a = b\nb = 1\n") is None


def test_a_map_tells_what_each_item_calls(tools: Mapping[str, Signature]) -> None:
    plan = 'a = find("Spain")\nb = [mail.send(c.name, "hi") for c in a]\n'
    text = told(tools, "\nb", plan) or ""
    assert "For each item, " in text
    assert "Calls `mail.send`" in text
    assert "whole plan" in text

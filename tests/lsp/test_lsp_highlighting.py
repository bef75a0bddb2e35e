"""The TextMate grammar: sample plans cut by a TextMate engine, and the words of the language."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from textmate_grammar.parsers.base import LanguageParser

from llmcc.grammar import KEYWORDS
from llmcc.ir.builtins import BUILTINS

GRAMMAR: dict[str, Any] = json.loads((Path(__file__).parents[2] / "docs/editors/llmcc.tmLanguage.json").read_text())


@cache
def engine() -> LanguageParser:
    return LanguageParser(GRAMMAR)


def colours(plan: str) -> list[tuple[str, str]]:
    """Each piece of a plan that is no space, with its innermost scope."""
    found = engine().parse_string(plan + "\n")
    assert found is not None
    return [(text.strip(), scopes[-1].removesuffix(".llmcc")) for _, text, scopes in found.flatten() if text.strip()]


STRING = "string.quoted.double"
OPEN, CLOSE = "punctuation.definition.string.begin", "punctuation.definition.string.end"


@pytest.mark.parametrize(
    ("plan", "wanted"),
    [
        ("Thought: search if x", [("Thought: search if x", "comment.line.thought")]),
        (
            'a = f("x # 1", in=2)  # why "not"',
            [
                ("a", "variable.other.definition"), ("=", "keyword.operator.assignment"), ("f", "entity.name.function"),
                ("(", "source"), ('"', OPEN), ("x # 1", STRING), ('"', CLOSE), (",", "source"),
                ("in", "variable.parameter"), ("=", "keyword.operator.assignment"), ("2", "constant.numeric"),
                (")", "source"), ('# why "not"', "comment.line.number-sign"),
            ],
        ),
        (
            "12. mail.send($a, ${1})",
            [
                ("12", "entity.name.label.step"), (".", "punctuation.separator.step"),
                ("mail.send", "entity.name.function"), ("(", "source"), ("$a", "variable.other.reference"),
                (",", "source"), ("${1}", "variable.other.reference"), (")", "source"),
            ],
        ),
        (
            'return f"{a.name[-1]} {{b}} \\n"',
            [
                ("return", "keyword.control"), ('f"', OPEN), ("{", "punctuation.section.interpolation.begin"),
                ("a", "variable.other"), (".", "punctuation.accessor"), ("name", "variable.other.member"),
                ("[", "meta.interpolation"), ("-", "keyword.operator"), ("1", "constant.numeric"),
                ("]", "meta.interpolation"), ("}", "punctuation.section.interpolation.end"),
                ("{{", "constant.character.escape.brace"), ("b", "string.interpolated.double"),
                ("}}", "constant.character.escape.brace"), ("\\n", "constant.character.escape"), ('"', CLOSE),
            ],
        ),
        (
            "x = len(y) if y == 1.5e3 and not a.if else null",
            [
                ("x", "variable.other.definition"), ("=", "keyword.operator.assignment"),
                ("len", "support.function.builtin"), ("(", "source"), ("y", "variable.other"), (")", "source"),
                ("if", "keyword.control"), ("y", "variable.other"), ("==", "keyword.operator"),
                ("1.5e3", "constant.numeric"), ("and", "keyword.operator.word"), ("not", "keyword.operator.word"),
                ("a", "variable.other"), (".", "punctuation.accessor"), ("if", "variable.other.member"),
                ("else", "keyword.control"), ("null", "constant.language"),
            ],
        ),
        (
            "join(`send mail`()) <END_OF_PLAN>",
            [
                ("join", "keyword.control"), ("(", "source"), ("`send mail`", "entity.name.function.quoted"),
                ("())", "source"), ("<END_OF_PLAN>", "comment.line.end-of-plan"),
            ],
        ),
    ],
)  # fmt: skip
def test_a_line_gets_its_colours(plan: str, wanted: list[tuple[str, str]]) -> None:
    assert colours(plan) == wanted


@pytest.mark.parametrize("line", ['a = f("x', "a = f('x", 'a = f"{x', 'a = f"{x["y'])
def test_a_string_that_is_not_closed_ends_with_its_line(line: str) -> None:
    assert colours(f"{line}\nb = 1")[-3:] == colours("b = 1")


@pytest.mark.parametrize("word", sorted(KEYWORDS))
def test_a_keyword_is_none_where_it_names_a_field_or_parameter(word: str) -> None:
    assert (word, "variable.other.member") in colours(f"return a.{word}")
    assert (word, "variable.parameter") in colours(f"return f({word}=1)")
    [scope] = {scope for text, scope in colours(f"x = [{word} ]") if text == word}
    assert scope.startswith(("keyword.", "constant.language"))


def alternatives(rule: str) -> list[str]:
    return re.findall(
        r"\w+", GRAMMAR["repository"][rule]["match"].partition("(?=")[0].replace(r"\b", "").replace("\\w", "")
    )


def test_the_words_are_those_of_the_language() -> None:
    words = [word for rule in ("constant", "logic", "control") for word in alternatives(rule)]
    assert sorted(words) == sorted(KEYWORDS)
    assert alternatives("builtin") == list(BUILTINS)


def test_every_rule_is_used_and_every_name_is_ours() -> None:
    text = json.dumps(GRAMMAR)
    assert set(re.findall(r'"include": "#(\w+)"', text)) == set(GRAMMAR["repository"])
    names = re.findall(r'"name": "([\w.-]+)"', text)
    assert [name for name in names if not name.endswith(".llmcc")] == []

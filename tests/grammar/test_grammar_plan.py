"""plan.lark: both engines load it, agree on sentences drawn from it, and on lines that are near misses."""

from __future__ import annotations

import re

import lark
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.lark import from_lark
from llguidance import LLMatcher, LLTokenizer, grammar_from

from llmcc.frontend.parse import parse_plan
from llmcc.grammar import KEYWORDS, load

TEXT = load("plan")
STARTS = ["start", "line", "statement"]
GRAMMAR = lark.Lark(TEXT, parser="lalr", start=STARTS, strict=False)
TOKENIZER = LLTokenizer("byte")
COMPILED = grammar_from("lark", TEXT)

# Words are padded, because the strategy may put two tokens next to each other.
WORDS = {
    name.upper(): st.just(f" {name} ") for name in ["not", "and", "or", "in", "if", "else", "for", "when", "after"]
}
WORDS |= {"CATCH": st.just(" catch "), "RETURN": st.just("return "), "JOIN": st.just(" join ")}
NAMES = {
    "NAME": st.from_regex(r"[a-z_][a-zA-Z0-9_]{0,3}", fullmatch=True).filter(lambda name: name not in KEYWORDS),
    "INT": st.integers(0, 999).map(str),
    "FLOAT": st.from_regex(r"[1-9]\.[0-9]{1,3}(e-?[0-9])?", fullmatch=True),
    "COMMENT": st.from_regex(r"#[a-z é]{0,5}", fullmatch=True),
    "THOUGHT": st.from_regex(r"Thought:[a-z é]{0,5}", fullmatch=True),
    "NULL": st.just("null"),
}
SENTENCES = from_lark(GRAMMAR, start="start", explicit=WORDS | NAMES)


def accepted_by_llguidance(text: str) -> bool:
    matcher = LLMatcher(TOKENIZER, COMPILED)
    tokens = TOKENIZER.tokenize_str(text)
    return matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting()


def accepted_by_lark(text: str, start: str = "start") -> bool:
    try:
        GRAMMAR.parse(text, start=start)
    except lark.UnexpectedInput:
        return False
    return True


def errors(text: str) -> list[str]:
    return [found.code for found in parse_plan(text)[1] if found.severity == "error"]


GOOD = [
    'a = search(query="height of Mount Everest")',
    '1. hotel.search("Rome", in=3, class="first", not=true, None=None)',
    "`Get_Hotel_Reviews(Tips)`(hotel=$1)",
    'x = a.b["c d"][0].d[1:5][:2][1:][:] + $1.x * -3 // 2 % 7 / 2 - ${x}',
    "[search(c.name) for c in xs if c.kind != 'a' and not c.old]",
    "2. [f(x) for x in $1]",
    "4. join()<END_OF_PLAN>",
    "join(a, second=$2,)",
    "Thought: I should look this up",
    "# a comment",
    "<END_OF_PLAN>",
    "x = f\"a {b.c[0]['k'][1:]} {{}} {$1} {${two}} \\n\"  # why",
    "y = f(1) when x == 2 after a, $2 catch null",
    'return {"a": [1, 2.5, -3e-7,], "b": {}, "c": []}',
    "z = not a in b and c not in d or e if f < 3 else g if h else i",
    "x = f(g(a.b(1)), [x for x in xs], (1 + 2) * 3)",
    r'x = "\" \' \\ \/ \b \f \n \r \t \a \v \0 \x41 \u00e9 \ud83d\ude00 \U0001F600 é 😀 # $1"',
    "x = 'it\\'s \"so\"'",
    "x = a . b [ 0 ] . c",
]
BAD = [
    'search("x"',
    "x = 1 2",
    "1. 3",
    "x = a < b < c",
    "x = f()()",
    "x = $1.f()",
    "x = 007",
    "x = 1.",
    "x = .5",
    "x = {a: 1}",
    r'x = "\d"',
    r'x = "\ud800"',
    r'x = "\ude00\ud83d"',
    'x = f"{a + 1}"',
    'x = f"{f(a)}"',
    'x = f"}"',
    "x = f() after 1",
    "f() catch 1 when x",
    "return",
    "join",
    "x == 1",
    'x = "a\x01"',
    "x = [a for a in b for c in d]",
    "x = a[::2]",
    "12",
]


def test_llguidance_takes_the_grammar() -> None:
    assert LLMatcher.validate_grammar(COMPILED, TOKENIZER) == ""


def test_the_grammar_keeps_to_the_shared_subset() -> None:
    rules = "\n".join(line for line in TEXT.splitlines() if not line.startswith("//"))
    assert not re.search(r"\(\?[=!<]|^%(?!ignore)|\\b[^f]|[*+?]\?[^ )|/\\]|^\w+\.\d+:|^\w+\{", rules, re.MULTILINE)


def test_keywords_are_those_of_the_grammar() -> None:
    word = next(rule for rule in re.split(r"\n\n", TEXT) if "\nword:" in rule)
    named = set(re.findall(r"\b[A-Z_]{2,}\b", word.split("word:")[1])) - {"NAME"}
    spelled = {re.search(rf'^{name}: "(\w+)"$', TEXT, re.MULTILINE)[1] for name in named}  # type: ignore[index]
    assert spelled == KEYWORDS


@pytest.mark.parametrize("line", GOOD)
def test_all_accept(line: str) -> None:
    assert accepted_by_lark(line, "line")
    assert accepted_by_llguidance(line)
    assert errors(line) == []


@pytest.mark.parametrize("line", BAD)
def test_all_refuse(line: str) -> None:
    assert not accepted_by_lark(line, "line")
    assert not accepted_by_llguidance(line)
    assert len(errors(line)) == 1


@pytest.mark.parametrize("line", GOOD[:5])
def test_a_statement_can_be_parsed_alone(line: str) -> None:
    assert accepted_by_lark(line, "statement")


def test_an_empty_text_is_a_plan() -> None:
    assert accepted_by_lark("")
    assert accepted_by_llguidance("")
    assert errors("") == []


def test_a_whole_plan_is_a_sentence_with_any_line_ends() -> None:
    for end in ("\n", "\r\n", "\r"):
        text = end.join(GOOD)
        assert accepted_by_lark(text)
        assert accepted_by_llguidance(text)


@pytest.mark.parametrize("word", sorted(KEYWORDS))
def test_a_keyword_names_parameters_and_fields_but_no_value(word: str) -> None:
    assert errors(f"x = f({word}=1).{word}.{word}[0]") == []
    assert errors(f"x = t.{word}({word}=y.{word})") == []
    for line in (
        f"{word} = f()",
        f"x = ${word}",
        f"x = [1 for {word} in xs]",
        f'x = f"{{{word}}}"',
        f"x = {word}.a + 1",
    ):
        if not (word in ("true", "false", "null", "True", "False", "None") and line.endswith("+ 1")):
            assert len(errors(line)) == 1, line


@pytest.mark.slow
@settings(max_examples=60)
@given(SENTENCES)
def test_drawn_sentences_are_read_alike(text: str) -> None:
    # llguidance ignores no space at the start of a text.
    text = text.lstrip(" \t")
    if accepted_by_lark(text):
        assert accepted_by_llguidance(text)
        # What the grammar cannot say: SPEC 4.
        assert set(errors(text)) <= {"E0206", "E0209", "E0108", "E0110", "E0101", "E0102", "E0114"}

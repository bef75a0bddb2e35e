"""Our engine does with the tables of `plan.lark` what Lark's own does: same language, places, expectations."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import lark
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.frontend import plan_parser
from llmcc.frontend.build import Builder
from llmcc.frontend.lalr import Malformed, Parser
from llmcc.frontend.literals import LiteralError
from llmcc.frontend.parse import run_parser
from llmcc.frontend.tables import Tables
from llmcc.grammar import load
from llmcc.testing.mutate import WORDS

_LINE = st.lists(st.sampled_from([word for word in WORDS if "\n" not in word and "\r" not in word]), max_size=12)
_GOOD = st.sampled_from(["a = f(", "[g(x) for x in ", "return ", "1. s('a', k=", "join(a", "a when b", 'f"{a.b[0]} "'])


@cache
def larks() -> Any:
    return lark.Lark(load("plan"), parser="lalr", start="line", maybe_placeholders=False)


def by_lark(text: str) -> tuple[int | None, frozenset[str]] | None:
    """Where Lark stops and what it expects there; None if it accepts."""
    parser = larks().parse_interactive(text)
    try:
        for token in parser.lexer_thread.lex(parser.parser_state):
            parser.feed_token(token)
        parser.feed_eof()
    except lark.UnexpectedInput as error:
        ended = isinstance(error, lark.UnexpectedToken) and error.token.type == "$END"
        return len(text) if ended else error.pos_in_stream, frozenset(parser.accepts())
    return None


@given(st.builds(lambda head, words, gap: gap.join([head, *words]), _GOOD, _LINE, st.sampled_from(["", " "])))
def test_lark_stops_where_we_stop(text: str) -> None:
    try:
        run_parser(text, 1)
        found = None
    except Malformed as error:
        found = error.at, error.expected
    except LiteralError:
        return  # well formed up to here, and Lark knows no more
    assert found == by_lark(text)


def test_a_damaged_cache_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    plan_parser._tables(load("plan"))
    [file] = (tmp_path / "llmcc").iterdir()
    good = file.read_bytes()
    file.write_bytes(good[: len(good) // 2])
    made = plan_parser._tables(load("plan"))
    assert msgspec.json.decode(file.read_bytes(), type=Tables) == made == plan_parser._tables(load("plan"))
    assert Parser(made, Builder()).parse("a = f()", 3).span.line == 3

"""Which resources may be the same, against trying all fillings."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.ir.expr import Check, Const, Expr, Ref
from llmcc.ir.types import STR
from llmcc.optimizer.alias import ANY_RESOURCE, Resource, WriteLog, may_alias, resource

LETTERS = "ab"
TEXTS = st.text(LETTERS, max_size=3)
RESOURCES = st.lists(TEXTS, min_size=1, max_size=3).map(lambda parts: Resource(tuple(parts)))
# Long enough: a text that both can be needs no more than all the letters of both.
FILLINGS = ["".join(text) for n in range(5) for text in product(LETTERS, repeat=n)]
SHORT = st.lists(st.text(LETTERS, max_size=2), min_size=1, max_size=2).map(lambda parts: Resource(tuple(parts)))


def fillings(one: Resource) -> set[str]:
    if one.exact is not None:
        return {one.exact}
    return {one.parts[0] + filling + one.parts[1] for filling in FILLINGS}


@pytest.mark.slow
@given(SHORT, SHORT)
def test_two_resources_may_be_the_same_exactly_if_some_filling_makes_them_so(a: Resource, b: Resource) -> None:
    assert may_alias(a, b) == bool(fillings(a) & fillings(b))


@pytest.mark.slow
@given(RESOURCES, st.lists(TEXTS, min_size=2, max_size=2), RESOURCES)
def test_what_a_pattern_can_be_may_alias_it(one: Resource, texts: list[str], other: Resource) -> None:
    filled = one.parts[0] + "".join(text + part for text, part in zip(texts, one.parts[1:], strict=False))
    assert may_alias(one, Resource((filled,)))
    assert may_alias(one, other) == may_alias(other, one)
    assert may_alias(one, one)
    assert may_alias(one, ANY_RESOURCE)


@pytest.mark.slow
@given(RESOURCES, RESOURCES, st.lists(TEXTS, min_size=2, max_size=2))
def test_filling_holes_only_takes_possibilities_away(one: Resource, other: Resource, texts: list[str]) -> None:
    filled = one.parts[0] + "".join(text + part for text, part in zip(texts, one.parts[1:], strict=False))
    if may_alias(Resource((filled,)), other):
        assert may_alias(one, other)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (Const("DE1"), Const("DE2"), False),
        (Const("DE1"), Const("DE1"), True),
        (Const(1), Const(1.0), True),
        (Const(10**15), Const(1e15), True),
        (Const(1), Const("1"), True),
        (Const(True), Const(False), False),
        (Const(None), Const("x"), True),
        (Ref("x"), Const("DE1"), True),
        (Check(Const("DE1"), STR), Const("DE2"), False),
    ],
)
def test_only_constants_tell_resources_apart(a: Expr, b: Expr, expected: bool) -> None:
    assert may_alias(resource("account:{iban}", {"iban": a}), resource("account:{iban}", {"iban": b})) is expected


def test_families_differ_and_a_star_is_everything() -> None:
    account, mailbox = resource("account:{iban}", {}), resource("mailbox:{to}", {})
    assert not may_alias(account, mailbox)
    assert not may_alias(account, resource("web", {}))
    assert may_alias(resource("*", {}), account)
    assert may_alias(resource("*", {}), resource("web", {}))


@pytest.mark.slow
@given(st.lists(RESOURCES, max_size=8), st.lists(st.tuples(st.integers(0, 8), RESOURCES), max_size=5))
def test_the_log_knows_the_last_write_that_may_have_changed_a_resource(
    written: list[Resource], asked: list[tuple[int, Resource]]
) -> None:
    log = WriteLog()
    for number, one in enumerate([*written, None]):
        for _, read in (entry for entry in asked if entry[0] == number):
            expected = max((i + 1 for i, other in enumerate(written[:number]) if may_alias(other, read)), default=0)
            assert log.last(read) == expected
        if one is not None:
            log.note(one)

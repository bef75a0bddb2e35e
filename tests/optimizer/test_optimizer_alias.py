"""Which resources may be the same, against trying all fillings."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.ir.effects import Effect
from llmcc.ir.expr import Check, Const, Expr, Format, Ref, Scalar
from llmcc.ir.types import STR
from llmcc.ir.values import equal, to_text
from llmcc.optimizer.alias import ANY_RESOURCE, Resource, WriteLog, may_alias, resource
from llmcc.testing.access import filled

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
        (Const(-0.0), Const(0), True),
        (Const(0.5), Const("0.5"), True),
        (Const(1e15), Const("1e+15"), True),
        (Const(1e300), Const(10**300), True),
        (Const(-1e15), Const("-1e+15"), True),
        (Const(1), Const("01"), False),
        (Const("DE1"), Const("de1"), False),
        (Const(True), Const("true"), True),
        (Const(None), Const("null"), True),
        (Format((Const("DE"), Const(1))), Const("DE2"), True),
        (Check(Ref("x"), STR), Const("DE1"), True),
        (Const(True), Const(False), False),
        (Const(None), Const("x"), True),
        (Ref("x"), Const("DE1"), True),
        (Check(Const("DE1"), STR), Const("DE2"), False),
    ],
)
def test_only_constants_tell_resources_apart(a: Expr, b: Expr, expected: bool) -> None:
    assert may_alias(resource("account:{iban}", {"iban": a}), resource("account:{iban}", {"iban": b})) is expected


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text("01e+.")
)
# Pairs of one value in two ways of writing it.
SPELLED = SCALARS.map(lambda one: (one, to_text(one))) | st.integers(-(10**20), 10**20).map(
    lambda one: (one, float(one))
)


@pytest.mark.slow
@given(st.tuples(SCALARS, SCALARS) | SPELLED, st.sampled_from(["account:{p}", "{p}", "a{p}b", "{p}{p}"]))
def test_constants_with_one_text_or_that_are_equal_may_name_one_resource(
    pair: tuple[Scalar, Scalar], pattern: str
) -> None:
    one, other = pair
    a, b = resource(pattern, {"p": Const(one)}), resource(pattern, {"p": Const(other)})
    if to_text(one) == to_text(other) or equal(one, other):
        assert may_alias(a, b)


NAMES = st.sampled_from(["a", "b", "a/b", "", "*"])
PATTERNS = st.sampled_from(
    ["box:{p}", "box:{p}/{q}", "box:{q}/{p}", "box:{p}{q}", "box:a/b", "box:a", "{p}", "{p}{q}", "*{p}", "{p}*", "*"]
)
GIVEN = st.fixed_dictionaries({"p": NAMES, "q": NAMES})


@pytest.mark.slow
@given(PATTERNS, PATTERNS, GIVEN, GIVEN, st.sets(st.sampled_from("pqrs")))
def test_what_turns_out_to_be_one_resource_was_not_told_apart(
    pattern: str, other: str, values: dict[str, str], others: dict[str, str], known: set[str]
) -> None:
    """Two calls whose resources are one when they run; of their arguments only the `known` are constants before."""
    texts = [filled(Effect("write", (p,)), dict(v))[0] for p, v in ((pattern, values), (other, others))]
    first = {name: Const(value) if name in known else Ref(name) for name, value in values.items()}
    second = {name: Const(value) if chr(ord(name) + 2) in known else Ref(name) for name, value in others.items()}
    if texts[0] == texts[1] or "*" in texts:
        assert may_alias(resource(pattern, first), resource(other, second))


def test_a_parameter_that_is_left_out_may_be_anything() -> None:
    for pattern in ("account:{iban}", "account:{bank}/{iban}"):
        assert may_alias(resource(pattern, {"bank": Const("x")}), resource("account:x/1", {}))
    assert not may_alias(resource("account:{bank}/{iban}", {"bank": Const("x")}), resource("account:y/1", {}))


def test_one_family_with_one_parameter_and_with_two() -> None:
    two = resource("account:{bank}/{iban}", {"bank": Const("a"), "iban": Const("b")})
    assert may_alias(resource("account:{iban}", {"iban": Const("a/b")}), two)
    assert may_alias(resource("account:{iban}", {}), two)
    assert not may_alias(resource("account:{iban}", {"iban": Const("a")}), two)


def test_what_may_come_to_say_everything_is_everything() -> None:
    for pattern in ("*", "{p}", "*{p}", "{p}*", "{p}{q}"):
        assert may_alias(resource(pattern, {}), resource("web", {}))
    assert may_alias(resource("{p}", {"p": Const("*")}), resource("web", {}))
    assert not may_alias(resource("{p}", {"p": Const("a*")}), resource("web", {}))


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

"""What a question names of its tools."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.frontend.front import compile_front
from llmcc.frontend.named import MOST, Named, Thing, used_by
from llmcc.ir.effects import Effect
from llmcc.ir.expr import Const
from llmcc.ir.ops import Return
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import FLOAT, STR, EnumType, Field, ListType, RecordType

PARCEL = RecordType((Field("sender", STR), Field("postage", FLOAT)))
READ = Effect("read", ())
TOOLS = {
    one.name: one
    for one in (
        Signature(
            name="gt_wght", parameters=(Parameter("of", STR),), description="How heavy a parcel is.", effect=READ
        ),
        Signature(name="parcelsIn", parameters=(Parameter("depot", STR),), returns=ListType(PARCEL), effect=READ),
        Signature(
            name="fact",
            parameters=(Parameter("of", STR), Parameter("which", EnumType(("height", "width")))),
            effect=READ,
        ),
    )
}


def left_out(question: str, plan: str) -> float:
    module = compile_front(plan, TOOLS).module
    assert module is not None
    return Named(question, TOOLS).left_out(set(used_by(module.ops)))


@pytest.mark.parametrize(
    ("question", "used", "not_used"),
    [
        ("What is the weight of P1?", 'a = gt_wght("P1")\nreturn a', 'a = fact("P1", "width")\nreturn a'),
        ("How wide, I mean what width?", 'a = fact("P1", "width")\nreturn a', 'a = fact("P1", "height")\nreturn a'),
        (
            "Who are the senders in X?",
            'a = parcelsIn("X")\nreturn [each.sender for each in a]',
            'a = parcelsIn("X")\nreturn [each.postage for each in a]',
        ),
        (
            "What is the dearest postage in X?",
            'a = parcelsIn("X")\nreturn sorted(a, by="postage")[0]',
            'a = parcelsIn("X")\nreturn len(a)',
        ),
    ],
)
def test_tools_choices_and_fields_are_named(question: str, used: str, not_used: str) -> None:
    assert left_out(question, used) == 0.0
    assert left_out(question, not_used) > 0.0


@pytest.mark.parametrize(
    ("question", "plan", "missing"),
    [
        ("The top 2 in X?", 'a = parcelsIn("X")\nreturn a[:2]', 0),
        ("The top 2 in X?", 'a = parcelsIn("X")\nreturn a', 1),
        ("Below 3.50 in depot 17?", 'a = parcelsIn("depot 17")\nreturn [each for each in a if each.postage < 3.5]', 0),
        ("Below 3.50 in depot 17?", 'a = parcelsIn("17")\nreturn [each for each in a if each.postage < 35]', 1),
        ("Is P-17 of 2026-11-23, 16:30, lighter than 1,000?", 'a = gt_wght("P-17")\nreturn a', 0),
        ("Is 2 enough?", 'return "no tool can answer this"', 0),
    ],
)
def test_numbers_are_there_to_be_used_unless_no_tool_is(question: str, plan: str, missing: int) -> None:
    assert left_out(question, plan) == missing


@pytest.mark.parametrize(
    ("question", "invented"),
    [
        ("Move it.", 2),
        ("Move it to 7, then to P-450.", 0),
        ("Move it to 7.", 1),
        ("Move seven of them.", 0),
        ("Move it to 7,450.", 0),
        ("Move all seventies of 450.", 1),
    ],
)
def test_numbers_that_a_tool_is_given_come_from_the_question(question: str, invented: int) -> None:
    module = compile_front('a = move(7, 450, true, "8")\nreturn a + 9', None).module
    assert module is not None
    assert Named(question, TOOLS).invented(module.ops) == invented


def test_what_many_things_have_in_common_names_none_of_them() -> None:
    tools = {f"rent_{i}": Signature(name=f"rent_{i}", effect=READ) for i in range(MOST + 1)}
    assert Named("What is the rent?", tools).left_out(set()) == 0.0
    tools.popitem()
    assert Named("What is the rent?", tools).left_out(set()) == 1 / MOST


THINGS: list[Thing] = [
    *(("tool", name) for name in TOOLS),
    *(("text", text) for text in ("height", "width", "sender", "postage")),
    ("number", 2.0),
]


@given(
    st.text() | st.lists(st.sampled_from(["weight", "Width", "parcels", "senders", "of", "P1", "2"])).map(" ".join),
    st.data(),
)
def test_whatever_is_asked_the_more_is_used_the_less_is_left_out(question: str, data: st.DataObject) -> None:
    named = Named(question, TOOLS)
    less = {("tool", "fact")} | data.draw(st.sets(st.sampled_from(THINGS)))
    more = less | data.draw(st.sets(st.sampled_from(THINGS)))
    assert 0.0 <= named.left_out(more) <= named.left_out(less)
    its_numbers = used_by([Return(expr=Const(question))])
    assert named.left_out({*THINGS, *its_numbers}) == 0.0

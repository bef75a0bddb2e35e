"""A planner with an adapter is asked with the words that it was trained on, and held to the grammar of plans first."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planner.data.boxes.draw import box_episode
from planner.data.sample import episode, prompt, samples

import llmcc
from llmcc.driver import cli
from llmcc.driver.adapted import adapted_request, adapter_of, copied_words
from llmcc.driver.commands.named_model import model_named
from llmcc.frontend.constrain import PlanConstraint
from llmcc.frontend.doubt import NOT_ASKED
from llmcc.frontend.front import FrontEnd, compile_front
from llmcc.frontend.named import Named, used_by
from llmcc.runtime.journal.session import runs
from llmcc.runtime.models import ModelError, Request, Scripted
from llmcc.runtime.models.protocol import Choosy
from llmcc.runtime.outcome import CallStarted
from llmcc.testing.clock import run_virtual

ATLAS = Path(__file__).parents[2] / "examples" / "atlas" / "tools.py"


class Trained(Scripted):
    """A scripted model that was adapted, in this process as it seems."""

    constrains = True
    adapter: str | None = "planner-12345678"


@llmcc.tool(effect="read", resource="web", latency="400ms")
async def search(query: str) -> str:
    """Search the web."""
    return f"about {query}"


@llmcc.tool(effect="write", resource="mail", idempotent=False)
async def send(text: str) -> None:
    """Send a mail."""


BOX = llmcc.Toolbox(search, send, examples=[("Shown?", "return 1")])
PLAN = 'a = search("K2")\nreturn a\n'


def ask(planner: Scripted, question: str = "What?", **options: Any) -> llmcc.Answer:
    async def main() -> llmcc.Answer:
        return await llmcc.Agent(BOX, planner=planner, **options).ask(question)

    return run_virtual(main)


@pytest.mark.slow
def test_the_prompt_is_the_one_that_planners_are_trained_on() -> None:
    for sample in samples("train", 0, 8):
        assert adapted_request(sample.question, sample.kit.signatures).prompt == sample.prompt


@settings(max_examples=30)
@given(st.text(min_size=1))
def test_any_question_is_put_as_in_training(question: str) -> None:
    assert adapted_request(question, BOX.signatures).prompt == prompt(question, BOX.signatures)


def test_an_adapted_planner_is_shown_no_examples_and_held_to_lines_of_its_style() -> None:
    model = Trained([PLAN])
    answer = ask(model)
    (request,) = model.requests
    assert (answer.text, answer.problem) == ("about K2", None)
    assert request.adapted
    assert request.prompt == prompt("What?", BOX.signatures)
    assert "Shown?" not in request.prompt
    assert isinstance(request.constraint, PlanConstraint)
    words = copied_words("What?", BOX.signatures)
    styled = PlanConstraint(BOX.signatures, copy_from=words, styled=True)
    assert request.constraint.next_grammar() == styled.next_grammar()
    assert (request.grammar, request.gbnf, request.stop) == (None, None, ())


def test_others_are_asked_as_before() -> None:
    model = Trained([PLAN])
    model.adapter = None
    assert adapter_of(model) is None
    answer = ask(model)
    (request,) = model.requests
    assert not request.adapted
    assert "Shown?" in (request.prompt or "")
    assert isinstance(request.constraint, PlanConstraint)
    assert answer.ways == ()


@pytest.mark.parametrize("options", [{"style": "chat"}, {"dialect": "llmcompiler"}])
def test_what_was_not_trained_is_asked_without_the_adapter(options: dict[str, Any]) -> None:
    model = Trained(["1. search('K2')\nreturn $1\n"] if "dialect" in options else [PLAN])
    answer = ask(model, **options)
    assert answer.text == "about K2"
    assert not model.requests[0].adapted


def test_calls_run_while_an_adapted_planner_writes() -> None:
    news: list[Any] = []
    plan = PLAN.replace("return", "b = " + "a + " * 30 + "a\nreturn")
    answer = ask(Trained([plan], tokens_per_s=10.0), observer=news.append)
    assert answer.problem is None
    first = next(i for i, one in enumerate(news) if isinstance(one, CallStarted))
    assert len(news) - first > 30


def test_what_does_not_compile_is_written_on_within_the_grammar_of_a_line() -> None:
    model = Trained(['a = search("K2")\nb = search(a.title)\nreturn b\n', 'b = search("K3")\nreturn b\n'])
    answer = ask(model)
    first, second = model.requests
    assert (answer.text, answer.repairs, len(answer.outcome.calls)) == ("about K3", 1, 2)
    assert second.adapted
    assert second.prompt == f'{first.prompt}a = search("K2")\n'
    assert isinstance(second.constraint, PlanConstraint)
    grammar = second.constraint.next_grammar()
    assert grammar is not None
    front = FrontEnd(BOX.signatures)
    front.feed('a = search("K2")\n')
    words = copied_words("What?", BOX.signatures)
    assert grammar == PlanConstraint(BOX.signatures, scope=front.scope, copy_from=words, styled=True).next_grammar()


def test_a_plan_that_never_compiles_writes_nothing_and_says_why() -> None:
    answer = ask(Trained(['a = send("x")\nreturn a.b\n', "return nothing\n"]))
    assert answer.problem is not None and "no plan that compiles" in answer.problem
    assert answer.outcome.calls == ()


def test_the_joiner_is_asked_as_it_was_trained_and_a_replan_does_without_the_adapter() -> None:
    model = Trained(['a = search("K2")\njoin(a)\n', "Replan: more", 'b = search("K3")\nreturn [a, b]\n'])
    answer = ask(model)
    assert answer.value == ["about K2", "about K3"]
    assert [request.adapted for request in model.requests] == [True, True, False]
    assert model.requests[1].prompt == "Question: What?\nKnown:\na = about K2\nAnswer:\n"
    assert "Known already:\na = about K2" in (model.requests[2].prompt or "")


def test_answer_and_trace_name_style_and_adapter() -> None:
    answer = ask(Trained([PLAN], name="small"))
    assert answer.ways == ("bare, planner-12345678",)
    told = [(moment.what, moment.text) for moment in answer.moments if moment.what != "wrote"]
    assert told == [("asked", "small with planner-12345678"), ("ended", "accepted, bare, planner-12345678")]


def test_plans_are_kept_apart_from_those_of_another_adapter(tmp_path: Path) -> None:
    cache = llmcc.PlanCache(tmp_path / "plans.json")

    def asked(adapter: str | None) -> str | None:
        model = Trained([PLAN])
        model.adapter = adapter
        return ask(model, plan_cache=cache).from_cache

    assert [asked(name) for name in ("one", "one", None, None, "two")] == [None, "exact", None, "exact", None]


def test_the_command_prints_what_an_adapted_planner_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.invoke(["prompt", "How high is K2?", "--tools", str(ATLAS), "--adapted"]) == 0
    assert capsys.readouterr().out == prompt("How high is K2?", llmcc.load_toolbox(ATLAS).signatures) + "\n"


def test_an_adapter_is_for_a_model_in_this_process(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["ask", "Why?", "--tools", str(ATLAS), "--adapter", "none", "--model", "openai:any"]
    assert cli.invoke(argv) == 2
    assert "--adapter goes with a model in this process" in capsys.readouterr().err


def test_the_option_names_a_file_or_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in ("base", "mine", "none"):
        (tmp_path / f"{name}.gguf").write_text(name)
    monkeypatch.setenv("LLMCC_MODEL", str(tmp_path / "base.gguf"))

    def adapter(option: str | None) -> str | None:
        return adapter_of(model_named(None, None, None, option))

    assert (adapter("none"), adapter(None)) == (None, None)
    assert (adapter(str(tmp_path / "mine.gguf")) or "").startswith("mine-")
    assert (adapter(str(tmp_path / "none.gguf")) or "").startswith("none-")


def test_a_read_that_was_made_is_doubted_until_something_was_written() -> None:
    held = PlanConstraint(BOX.signatures, styled=True)
    assert isinstance(held, Choosy)
    assert not held.doubt('a = search("K2")\n')
    held.accept('a = search("K2")\n')
    assert held.doubt('b = search("K2")\n')
    for line in ('b = search("K3")\n', 'b = search("K2") after a\n', "return a\n"):
        assert not held.doubt(line)
    held.accept('b = send("hello")\n')
    assert not held.doubt('c = search("K2")\n') and not held.doubt('c = send("hi")\n')


def test_a_write_that_was_ordered_is_doubted_whatever_it_waits_for() -> None:
    held = PlanConstraint(BOX.signatures, styled=True)
    held.accept('a = search("K2")\n')
    held.accept('b = send("high") when a == "8611 m"\n')
    for clause in ("", ' when a != "8611 m"', " after b"):
        assert held.doubt(f'c = send("high"){clause}\n')
        assert not held.doubt(f'c = send("low"){clause}\n')
    held.accept('c = send("high") after b\n')  # doubted, and allowed
    assert not held.doubt("return [b, c]\n")


@llmcc.tool(effect="read", resource="web")
async def peaks(country: str) -> list[str]:
    """The highest peaks of a country."""
    return [f"a peak of {country}"]


@pytest.mark.parametrize(
    "end",
    [
        "a == a",
        "len(a) / len(a)",
        "[each for each in a if each not in a]",
        "max(len(a), len(a))",
        "[a[:2], a[:2]]",
        "[[each for each in a][:2], [each for each in a][:2]]",
        "len([each for each in a]) - len([each for each in a])",
        'f"{a[0]} and {a[0]}"',
        "a[0] if len(a) > 1 else a[0]",
        '"never read"',
        "[]",
    ],
)
def test_an_end_that_leaves_something_unread_or_is_always_the_same_is_doubted(end: str) -> None:
    held = PlanConstraint(llmcc.Toolbox(peaks, send).signatures, styled=True)
    held.accept('a = peaks("Nepal")\n')
    assert held.doubt(f"return {end}\n")
    for other in ("return a", "join(a)", "return len(a) - 1", "return [a[:2], a[2:]]", "return [1, 1, len(a)]"):
        assert not held.doubt(f"{other}\n"), other
    held.accept('b = send("hello") when len(a) > 1\n')
    assert not held.doubt("return b\n") and not held.doubt('return "done"\n')


@llmcc.tool(effect="read", resource="web")
async def distance(start: str, end: str, by: Literal["road", "rail", "air"] = "road") -> float:
    """How far it is."""
    return 1.0


def test_a_text_for_two_parameters_is_doubted() -> None:
    held = PlanConstraint(llmcc.Toolbox(distance).signatures, styled=True)
    assert held.doubt('a = distance("Rome", "Rome")\n')
    assert not held.doubt('a = distance("Rome", "Pisa")\n')


def test_an_end_without_what_the_question_names_is_doubted_and_a_copy_goes_on_by_itself() -> None:
    box = llmcc.Toolbox(peaks, distance, send)
    held = PlanConstraint(box.signatures, styled=True, question="How far is it by rail from Rome to Pisa?")
    rail, road = held, held.copy()
    rail.accept('a = distance("Rome", "Pisa", "rail")\n')
    road.accept('a = distance("Rome", "Pisa", "road")\n')
    assert (rail.doubt("return a\n"), road.doubt("return a\n")) == (0.0, NOT_ASKED)
    assert road.doubt('b = peaks("Italy")\n') == 0.0, "it is not over yet"
    assert rail.next_grammar() is not None
    rail.accept("return a\n")
    assert rail.next_grammar() is None and road.next_grammar() is not None


@pytest.mark.slow
def test_right_plans_leave_out_little_of_what_their_questions_name() -> None:
    """Less than those of other questions to the same tools."""
    own = others = 0.0
    for at in range(12):
        drawn = [(one.question, one.plan, one.signatures) for one in box_episode(5, at, 4)]
        for question, plan, signatures in drawn:
            named = Named(question, signatures)
            for _, other, its_signatures in drawn:
                front = compile_front(other, its_signatures)
                assert front.module is not None
                left_out = named.left_out(set(used_by(front.module.ops)))
                own, others = own + left_out * (other == plan), others + left_out * (other != plan) / 3
    assert own < others / 3


@pytest.mark.slow
def test_every_line_of_the_plans_that_planners_are_trained_on_is_meant() -> None:
    plans = [(one.plan, one.kit.signatures) for at in range(12) for one in episode("train", 4, at, 6, composed=0.5)]
    plans += [(one.plan, one.signatures) for at in range(12) for one in box_episode(4, at, 8)]
    for plan, signatures in plans:
        held = PlanConstraint(signatures, styled=True)
        for line in plan.split("\n"):
            assert not held.doubt(f"{line}\n"), (line, plan)
            held.accept(f"{line}\n")


# -- a choice that a tool refuses --------------------------------------------------------------------------------------


@llmcc.tool(effect="read", resource="web")
async def fact(of: str, which: Literal["height", "length", "depth"]) -> int:
    """A number that is known of something."""
    if (of, which) != ("Rhine", "length"):
        raise llmcc.ToolInputError(f'{of} has no "{which}"{"; it has length" if "river" in of else ""}')
    return 1230


FACTS = llmcc.Toolbox(fact, send)
REFUSED = 'a = fact("Rhine", "height")\nreturn a\n'
RIGHT = 'a = fact("Rhine", "length")\nreturn a\n'


async def ask_facts(planner: Scripted, **options: Any) -> llmcc.Answer:
    journal = options.pop("journal", None)
    return await llmcc.Agent(FACTS, planner=planner, **options).ask("How long is the Rhine?", journal=journal)


def choices(request: Request) -> set[str]:
    """What a request's grammar has of the listed choices."""
    assert request.constraint is not None
    grammar = request.constraint.next_grammar()
    assert grammar is not None
    return {one for one in ("height", "length", "depth") if one in grammar.replace("How long", "")}


def test_a_plan_is_written_again_without_the_choice_that_a_tool_refused() -> None:
    planner = Trained([REFUSED, 'a = fact("Rhine", "depth")\nreturn a\n', RIGHT])
    answer = run_virtual(lambda: ask_facts(planner))
    assert (answer.value, answer.problem, answer.replans) == (1230, None, 2)
    assert [choices(request) for request in planner.requests] == [
        {"height", "length", "depth"},
        {"length", "depth"},
        {"length"},
    ]
    assert [request.prompt and request.prompt.endswith("\nPlan:\n") for request in planner.requests] == [True] * 3
    assert answer.plans == (REFUSED, 'a = fact("Rhine", "depth")\nreturn a\n', RIGHT)


def test_where_a_refusal_says_what_there_is_the_choice_is_among_that() -> None:
    planner = Trained([REFUSED.replace("Rhine", "Rhine river"), RIGHT])
    answer = run_virtual(lambda: ask_facts(planner))
    assert (answer.value, answer.replans) == (1230, 1)
    assert choices(planner.requests[1]) == {"length"}


def test_only_so_often_as_plans_may_be_written_again() -> None:
    planner = Trained([REFUSED, REFUSED.replace("height", "depth"), RIGHT])
    answer = run_virtual(lambda: ask_facts(planner, max_replans=1))
    assert answer.problem == 'ToolInputError: Rhine has no "depth"'
    assert answer.replans == 1


def test_what_a_joiner_wants_behind_a_refusal_is_planned_without_the_adapter() -> None:
    joins, more = RIGHT.replace("return a", "join(a)"), 'b = fact("Rhine", "length")\nreturn a + b\n'
    planner = Trained([REFUSED, joins, "Replan: more", more])
    answer = run_virtual(lambda: ask_facts(planner))
    assert (answer.value, answer.problem, answer.replans) == (2460, None, 2)
    assert [request.adapted for request in planner.requests] == [True, True, True, False]
    assert "Known already:\na = 1230" in (planner.requests[3].prompt or "")


@pytest.mark.parametrize(
    "plan",
    [
        'a = send("hello")\nb = fact("Rhine", "height")\nreturn b\n',
        "return 1 / 0\n",
    ],
)
def test_what_has_written_or_was_refused_for_something_else_stands(plan: str) -> None:
    planner = Trained([plan, RIGHT, RIGHT])
    answer = run_virtual(lambda: ask_facts(planner))
    assert answer.problem is not None and answer.replans == 0 and len(planner.requests) == 1


def test_a_question_that_was_cut_off_behind_a_refusal_goes_on_without_the_choice(tmp_path: Path) -> None:
    journal = tmp_path / "runs.db"
    with pytest.raises(ModelError):
        run_virtual(lambda: ask_facts(Trained([REFUSED]), journal=journal))
    (line,) = runs(journal)
    planner = Trained([RIGHT])
    answer = run_virtual(lambda: llmcc.Agent(FACTS, planner=planner).resume(line.run, journal=journal))
    assert (answer.value, answer.replans) == (1230, 1)
    assert [choices(request) for request in planner.requests] == [{"length", "depth"}]

"""The tool `llm`: its result has the type or its call fails with a class, siblings overlap, tokens count."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from llguidance import LLMatcher, LLTokenizer, grammar_from

import llmcc
from llmcc.driver import cli
from llmcc.driver.llm_request import OneGrammar, llm_request, read_answer
from llmcc.driver.prices import Price
from llmcc.driver.spending import keep_to
from llmcc.driver.unpriced import PriceUnknown
from llmcc.frontend.derive_json import json_rules
from llmcc.frontend.notation import written
from llmcc.ir.errors import ToolOutputError
from llmcc.ir.ops import Call
from llmcc.ir.type_text import read_type
from llmcc.ir.types import ANY, FLOAT, INT, NEVER, NULL, STR, EnumType, ListType, Type, union
from llmcc.ir.values import mismatch
from llmcc.runtime.models import Completion, Model, Request, Scripted, StreamBroken, Usage
from llmcc.testing.clock import run_virtual
from llmcc.testing.modules import types
from llmcc.testing.plan_texts import fake_value

BYTES = LLTokenizer("byte")
INHABITED = types().filter(lambda t: "never" not in str(t) and "\\u" not in str(t) and str(t).isprintable())


class Writer:
    """A model that answers each request by a function, after a second; it notes how many it serves at once."""

    name = "writer"

    def __init__(self, answer: Callable[[Request], str], *, constrains: bool = False) -> None:
        self.answer, self.constrains = answer, constrains
        self.requests: list[Request] = []
        self.running = self.most = 0

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Completion]:
        self.requests.append(request)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            text = self.answer(request)

            async def chunks() -> AsyncIterator[str]:
                await trio.sleep(1)
                yield text

            yield Completion(chunks(), Usage(10, 2, 0, 1), finish="stop")
        finally:
            self.running -= 1


def accepts(grammar: str, text: str) -> bool:
    matcher = LLMatcher(BYTES, grammar_from("lark", grammar))
    assert not matcher.get_error()
    tokens = BYTES.tokenize_str(text)
    return bool(matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting())


def run(plan: str, model: Model, *tools: Any, **options: Any) -> llmcc.Outcome:
    program = llmcc.compile(plan, llmcc.Toolbox(llmcc.llm_tool(model), *tools))
    return run_virtual(lambda: llmcc.run(program, **options))


@given(INHABITED, st.data())
def test_an_answer_has_the_type_or_is_refused(wanted: Type, data: st.DataObject) -> None:
    value = st.just(json.dumps(fake_value(wanted, 5)))
    text = data.draw(
        st.text(max_size=20) | st.sampled_from(["null", "[1]", '{"a": 1}', "NaN", "1e999", "```\n1\n```"]) | value
    )
    try:
        found = read_answer(text, wanted)
    except ToolOutputError as error:
        assert str(error)
    else:
        assert mismatch(found, wanted) is None


@given(INHABITED, st.integers(0, 1000))
def test_the_grammar_of_a_type_has_the_values_of_the_type(wanted: Type, salt: int) -> None:
    grammar = written(json_rules(wanted), "llguidance")
    value = fake_value(wanted, salt)
    text = json.dumps(value, ensure_ascii=False)
    assert accepts(grammar, text)
    assert read_answer(text, wanted) == (text if wanted == STR else value)


@pytest.mark.parametrize(
    ("wanted", "inside", "outside"),
    [
        ("int", ["0", "-12"], ["", "1.5", "01", "one", "true"]),
        ("float | null", ["1.5", "2", "1e3", "null"], ["NaN", ".5", "nul"]),
        ('"yes" | "no"', ['"yes"'], ["yes", '"maybe"']),
        ("list[str]", ["[]", '["a", "\\u00e9\\n"]'], ['["a"', "[1]", '["\\ud800"]']),
        ("{a: int, b?: str}", ['{"a": 1}', '{"a": 1, "b": ""}'], ['{"b": ""}', '{"b": "", "a": 1}', "{}"]),
        ("{...: bool}", ["{}", '{"x": true}'], ['{"x": 1}']),
        ("any", ["null", '[{"a": [1, "b"]}]'], ["{a: 1}", "[1,]"]),
    ],
)
def test_a_grammar_has_the_values_of_its_type_and_no_other_texts(
    wanted: str, inside: list[str], outside: list[str]
) -> None:
    grammar = written(json_rules(read_type(wanted)), "llguidance")

    assert [one for one in inside if not accepts(grammar, one)] == []
    assert [one for one in outside if accepts(grammar, one)] == []
    for text in inside:
        read_answer(text, read_type(wanted))


def test_a_type_without_values_has_no_grammar() -> None:
    with pytest.raises(ValueError, match="no value has the type never"):
        json_rules(NEVER)
    outcome = run('return llm("x", type="never")', Writer(lambda _: "1"))
    assert [one.error for one in outcome.errors] == ["ToolInputError"]


def test_a_record_of_many_optional_fields_has_a_small_grammar() -> None:
    wanted = read_type("{" + ", ".join(f"f{i}?: int" for i in range(100)) + "}")
    assert len(written(json_rules(wanted), "llguidance")) < 10_000


@given(
    st.sampled_from([INT, FLOAT, STR, ListType(STR), union(INT, NULL), EnumType(("a", "b")), ANY]), st.text(max_size=12)
)
def test_a_call_gives_a_value_of_its_type_or_fails_with_a_class(wanted: Type, text: str) -> None:
    plan = f'a = llm("x", type={json.dumps(str(wanted))})\nreturn a\n'
    outcome = run(plan, Writer(lambda _: text))
    if outcome.ok:
        assert mismatch(outcome.value, wanted) is None
    else:
        assert [one.error for one in outcome.errors] == ["ToolOutputError"]


def test_siblings_are_asked_at_once() -> None:
    model = Writer(lambda request: "7")
    plan = 'a = [llm("Count", x, type="int") for x in ["p", "q", "r"]]\nreturn sum(a) + llm("Count", "s", type="int")\n'
    outcome = run(plan, model)
    assert (outcome.value, model.most, outcome.elapsed_s) == (28, 4, 1.0)


def test_a_limit_is_kept() -> None:
    model = Writer(lambda request: "7")
    tools = llmcc.Toolbox(llmcc.llm_tool(model, limit=2, latency="1s"))
    program = llmcc.compile('return [llm("Count", x) for x in ["p", "q", "r"]]', tools)
    outcome = run_virtual(lambda: llmcc.run(program))
    assert (outcome.value, model.most, outcome.elapsed_s) == (["7"] * 3, 2, 2.0)


def test_equal_calls_are_one_call_and_calls_that_nobody_needs_none() -> None:
    model = Writer(lambda request: "7")
    outcome = run('a = llm("x")\nb = llm("x")\nc = llm("y")\nreturn [a, b]\n', model)
    assert outcome.value == ["7", "7"] and len(model.requests) == 1


def test_requests_of_siblings_differ_in_their_ends_only() -> None:
    first, second = (llm_request("Sum up", [page], STR, constrains=False, max_tokens=9) for page in ("a\nb", "c"))
    assert first.messages[0] == second.messages[0]
    shared = "Sum up\nWrite plain text.\nData:\n1. "
    assert [one.messages[1].text for one in (first, second)] == [shared + '"a\\nb"', shared + '"c"']


@pytest.mark.parametrize("constrains", [True, False])
def test_the_grammar_goes_to_the_decoder(constrains: bool) -> None:
    model = Writer(lambda request: "3", constrains=constrains)
    assert run('return llm("How many?", type="int")', model).value == 3
    (request,) = model.requests
    grammar = request.constraint.next_grammar() if request.constraint is not None else request.grammar
    assert grammar is not None and grammar.startswith("start: INTEGER")
    assert (request.grammar is None) == constrains and request.temperature == 0


def test_a_local_model_writes_one_line_of_text() -> None:
    model = Writer(lambda request: " fine \n", constrains=True)
    assert run('return llm("Well?")', model).value == "fine"
    (request,) = model.requests
    assert request.constraint is not None and (grammar := request.constraint.next_grammar()) is not None
    assert accepts(grammar, " fine, and you?\n") and accepts(grammar, "é\n")
    assert not any(accepts(grammar, text) for text in ("\n", "  \n", " a", "a\nb\n", "a" * 500 + "\n"))


def test_one_grammar_is_handed_out_once() -> None:
    constraint = OneGrammar("start: A")
    assert constraint.next_grammar() == "start: A"
    constraint.accept("a")
    assert constraint.next_grammar() is None


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("eight", "ToolOutputError"),
        ("8.5", "ToolOutputError"),
        ("8 " * 40, "ToolOutputError"),  # longer than it may be
        (StreamBroken("cut"), "StreamBroken"),
    ],
)
def test_failures_are_failures_of_the_call(answer: Any, error: str) -> None:
    tools = llmcc.Toolbox(llmcc.llm_tool(Scripted([answer]), max_tokens=20))
    program = llmcc.compile('a = llm("x", type="int") catch -1\nb = llm("x", type="int")\nreturn b\n', tools, level=0)
    failing = llmcc.Toolbox(llmcc.llm_tool(Scripted([answer, answer]), max_tokens=20))
    outcome = run_virtual(lambda: llmcc.run(program, failing))
    assert outcome.values["a"] == -1 and [one.error for one in outcome.errors] == [error]


def test_tokens_and_dollars_of_a_run_are_counted() -> None:
    model = Scripted(["7", "8"], name="gpt-4.1")
    agent = llmcc.Agent(
        llmcc.Toolbox(llmcc.llm_tool(model, latency="1s")),
        planner=Scripted(['return [llm("x"), llm("y")]\n'], name="gpt-4.1"),
        budget=llmcc.Budget(prices={"gpt-4.1": Price(input=1e6, output=0.0)}),
    )
    answer = run_virtual(lambda: agent.ask("What?"))
    assert sorted(answer.value) == ["7", "8"]  # type: ignore[arg-type]  # texts
    assert answer.usage.requests == 3 and answer.usage.completion_tokens > 2
    assert answer.usd == answer.usage.prompt_tokens  # a dollar a token, whatever the tool declares


@pytest.mark.parametrize("bound", [{"tokens_in": 10}, {"tokens_out": 1}, {"usd": 0.001}])
def test_a_model_is_asked_no_more_when_a_budget_is_used_up(bound: dict[str, Any]) -> None:
    budget = llmcc.Budget(**bound, prices={"m": Price(input=1e4, output=0)})
    model = Scripted(["7", "8"], name="m")
    outcome = run('a = llm("x")\nb = llm("y", a)\nreturn b\n', model, watch=partial(keep_to, budget))
    assert len(model.requests) == 1
    assert [one.error for one in outcome.errors] == ["OverBudget"]
    assert outcome.values == {"a": "7"} and outcome.usage.requests == 1


class Far(Scripted):
    """A model behind a server."""

    base_url = "http://nowhere"


def test_what_a_hosted_model_without_a_price_costs_is_not_nothing() -> None:
    plan = 'return llm("x")\n'

    def agent(*, cost_usd: float | None = None, **bounds: Any) -> llmcc.Agent:
        toolbox = llmcc.Toolbox(llmcc.llm_tool(Far(["7"], name="dear"), cost_usd=cost_usd))
        return llmcc.Agent(toolbox, planner=Scripted([plan]), budget=llmcc.Budget(**bounds))

    def usd(one: llmcc.Agent) -> float | None:
        return run_virtual(lambda: one.ask("What?")).usd

    with pytest.raises(PriceUnknown, match="price:dear=2/8"):
        agent(usd=1)
    assert usd(agent()) is None
    assert usd(agent(cost_usd=0.25)) == usd(agent(cost_usd=0.25, usd=1)) == 0.25, "what the tool declares stands"
    priced = agent(cost_usd=0.25, usd=100, prices={"dear": Price(input=0, output=1e6)})
    assert usd(priced) == 1, "unless the tokens tell: one, at a dollar"


def test_a_model_that_runs_here_costs_nothing() -> None:
    toolbox = llmcc.Toolbox(llmcc.llm_tool(Scripted(["7"])))
    agent = llmcc.Agent(toolbox, planner=Scripted(['return llm("x")\n']), budget=llmcc.Budget(usd=1))
    assert run_virtual(lambda: agent.ask("What?")).usd == 0


def test_the_command_refuses_dollars_without_a_price(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = tmp_path / "plan.txt"
    told = ["run", str(plan), "--tools", "examples/guarded/tools.py", "--llm", "openai:dear", "--budget", "usd=1"]
    plan.write_text('return llm("Enough?", type="bool")\n')
    assert cli.invoke(told) == 1
    assert "no price of dear is known" in capsys.readouterr().err
    plan.write_text('return stock("pens")\n')
    assert cli.invoke(told) == 0, "it does not ask the model"


def test_a_question_ends_with_its_budget() -> None:
    model = Scripted(["7", "8"], name="m")
    agent = llmcc.Agent(
        llmcc.Toolbox(llmcc.llm_tool(model)),
        planner=Scripted(['a = llm("x")\nb = llm("y", a)\nreturn b\n'], name="free"),
        budget=llmcc.Budget(usd=1, prices={"m": Price(input=1e6, output=0)}),
    )
    answer = run_virtual(lambda: agent.ask("What?"))
    assert len(model.requests) == 1
    # It may be the planner, still writing, that is told.
    assert answer.problem is not None and "the budget of 1 USD" in answer.problem


def test_the_command_line_adds_the_tool(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = tmp_path / "plan.txt"
    plan.write_text('left = stock("paper A4")\nn = llm("Enough?", left, type="bool")\nreturn n\n')
    tools = ["--tools", "examples/guarded/tools.py"]
    assert cli.invoke(["compile", str(plan), *tools, "--llm", "openai:gpt-4.1", "--emit", "bounds"]) == 0
    assert "0.006096" in capsys.readouterr().out  # 1,000 tokens read and 512 written
    assert cli.invoke(["check", str(plan), *tools]) == 1
    assert "E0301" in capsys.readouterr().err
    assert cli.invoke(["check", str(plan), "--llm", "embedded"]) == 2


def test_a_call_is_marked_where_it_reads_what_is_untrusted() -> None:
    @llmcc.tool(effect="read", resource="web", untrusted=True)
    def page(url: str) -> str:
        return url

    plan = 'p = page("x")\na = llm("Sum up", p)\nb = llm("Sum up", "mine")\nreturn [a, b]\n'
    module = llmcc.compile(plan, llmcc.Toolbox(page, llmcc.llm_tool(Scripted([])))).module
    assert {op.name: op.untrusted for op in module.ops if isinstance(op, Call)} == {"p": True, "a": True, "b": False}
    wary = llmcc.Toolbox(llmcc.llm_tool(Scripted([]), untrusted=True))
    assert llmcc.compile('return llm("x")', wary).module.ops[0].untrusted  # type: ignore[union-attr]  # a call


def test_options_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="`max_tokens` is at least 1"):
        llmcc.llm_tool(Scripted([]), max_tokens=0)
    with pytest.raises(TypeError, match="no option 'colour'"):
        llmcc.llm_tool(Scripted([]), colour="red")

"""The cache of plans: what is found is the plan that was kept, with the question's own literals, and nobody else's."""

from __future__ import annotations

import json
import re
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import llmcc
from llmcc.driver import cli
from llmcc.driver.commands import named_model
from llmcc.driver.plan_cache import LONGEST, Hit, PlanCache, PlanCacheError
from llmcc.driver.plan_template import filled, plain, slots_of
from llmcc.driver.question_shape import shape_of
from llmcc.frontend.parse import parse_plan
from llmcc.ir.effects import Effect
from llmcc.ir.signature import Signature
from llmcc.runtime.models import Scripted
from llmcc.testing.clock import run_virtual
from llmcc.testing.plan_texts import plans, toolboxes

BOUGHT: list[Any] = []


@llmcc.tool(effect="write", resource="shop")
async def buy(item: str, count: int) -> str:
    """Order something."""
    BOUGHT.append((item, count))
    if item == "nothing":
        raise llmcc.ToolError("there is no such item")
    return f"{count} {item}"


@llmcc.tool(effect="read", resource="vault", secret=["code"])
async def opened(code: str) -> str:
    """What is in the vault."""
    return "gold"


TOOLS = llmcc.Toolbox(buy, opened)
SIGNATURES = TOOLS.signatures
BUY = 'x = buy("{}", {})\nreturn x\n'


@pytest.fixture(autouse=True)
def nothing_bought() -> None:
    BOUGHT.clear()


@pytest.fixture
def cache(tmp_path: Path) -> PlanCache:
    return PlanCache(tmp_path / "plans.json")


def ask(cache: PlanCache, question: str, *replies: str, toolbox: llmcc.Toolbox = TOOLS) -> tuple[llmcc.Answer, int]:
    """The answer, and how often a model was asked."""
    planner = Scripted(replies)
    agent = llmcc.Agent(toolbox, planner=planner, plan_cache=cache)
    return run_virtual(lambda: agent.ask(question)), len(planner.requests)


LITERALS = st.lists(
    st.integers(0, 10**6) | st.text("abc é", min_size=1, max_size=6) | st.sampled_from([0.5, 2.25, 10.0]),
    min_size=1,
    max_size=4,
)


def asked(words: list[str], literals: list[Any]) -> str:
    """A question with these literals, words between them."""
    told = [f'"{one}"' if isinstance(one, str) else str(one) for one in literals]
    return " ".join(f"{word} {one}" for word, one in zip(words, told, strict=True))


WORDS = st.lists(st.sampled_from(["buy", "of", "and", "it's", "don't", "K2,"]), min_size=4, max_size=4)


@given(WORDS, LITERALS)
def test_a_question_is_its_shape_and_its_literals(words: list[str], literals: list[Any]) -> None:
    shape = shape_of(asked(words[: len(literals)], literals))
    assert list(shape.literals) == literals
    kinds = ["text" if isinstance(one, str) else type(one).__name__ for one in literals]
    assert shape.text == " ".join(f"{word} ⟨{kind}⟩" for word, kind in zip(words, kinds, strict=False))


@given(st.text("ab⟨⟩int12.'\" “”-é", max_size=20))
def test_a_shape_and_its_literals_are_the_question(question: str) -> None:
    shape = shape_of(question)
    left = iter(shape.literals)

    def written(found: re.Match[str]) -> str:
        if found[0] == "⟨⟨":
            return "⟨"
        value = next(left)
        return f'"{value}"' if isinstance(value, str) else str(value)

    quotes = str.maketrans("“”'", '"' * 3)
    again = re.sub("⟨⟨|⟨(int|float|text)⟩", written, shape.text)
    assert re.sub(r"(\.\d*?)0+(?!\d)", r"\1", again.translate(quotes)) == re.sub(
        r"(\.\d*?)0+(?!\d)", r"\1", question.translate(quotes)
    )


def literals_in(plan: str) -> list[Any]:
    """The literals of a plan, found by their text, without the code under test."""
    found = json.loads("[" + ",".join(t for s in parse_plan(plan)[0] for t in _texts(s)) + "]")
    assert isinstance(found, list)
    return found


def _texts(node: Any) -> list[str]:
    import msgspec

    if isinstance(node, dict):
        own = [json.dumps(node["value"])] if node.get("s") == "literal" else []
        return own + [text for key, value in node.items() if key != "span" for text in _texts(value)]
    if isinstance(node, list):
        return [text for one in node for text in _texts(one)]
    return [] if node is None or isinstance(node, str | int | float) else _texts(json.loads(msgspec.json.encode(node)))


@given(st.permutations(["v", "w", "z"]), LITERALS, LITERALS, st.lists(st.integers(0, 3), min_size=1, max_size=6))
def test_a_filled_plan_is_the_plan_with_the_literals_replaced(
    names: list[str], literals: list[Any], others: list[Any], order: list[int]
) -> None:
    chosen = [place % len(literals) for place in order]
    plan = plain("\n".join(f"{names[0]}{'_' * i} = f({json.dumps(literals[p])})" for i, p in enumerate(chosen)))
    slots = slots_of(plan, literals)
    if slots is None:
        plain_texts = [str(one) for one in literals]
        assert len(set(plain_texts)) < len(literals) or set(chosen) != set(range(len(literals)))
        return
    assert slots == tuple(chosen)
    assert filled(plan, slots, literals) == plan
    new = [*others, *range(900_000_0, 900_000_9)][: len(literals)]
    made = filled(plan, slots, new)
    wanted = [str(new[p]) if isinstance(literals[p], str) else new[p] for p in chosen]
    assert literals_in(made) == wanted
    assert made == plain(made)


@settings(max_examples=30)
@given(toolboxes().flatmap(plans), LITERALS)
def test_no_literal_of_another_question_is_left(plan: str, literals: list[Any]) -> None:
    text = plain(plan)
    slots = slots_of(text, literals)
    if slots is not None:
        assert literals_in(text) and all(str(one) in map(str, literals) for one in literals_in(text))


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        ('x = buy("pens", 3)\nreturn x', None),
        ('x = buy("pens", 3)\ny = buy("pens", 3)\nreturn [x, y]', None),
        ('x = buy("3", 3)\ny = f("pens")\nreturn x', None),
        ('x = buy("pens", 4)', "4 is nowhere"),
        ('x = buy("pens")', "3 is not used"),
        ('x = buy("red pens", 3)', "a part is not the literal"),
        ('x = buy("pens", 3)\nreturn x[0]', "0 is nowhere"),
        ('x = buy("pens", 3)\nreturn true', "may be what the planner made of 3"),
        ('pens = buy("pens", 3)\njoin()', "the joiner would read the name"),
        ('x = buy("pens", 3)\njoin(pens_now=x)', "the joiner would read the name"),
        ('x3 = buy("pens", 3)\njoin()', "the joiner would read the name"),
        ('x = buy("pens", 3)\nreturn f"pens: {x}"', "a part is not the literal"),
    ],
)
def test_which_plans_are_for_other_literals_too(plan: str, why: str | None) -> None:
    assert (slots_of(plain(plan), ["pens", 3]) is None) == (why is not None)


def test_equal_literals_cannot_be_told_apart() -> None:
    assert slots_of('x = buy("a", "a")\n', ["a", "a"]) is None
    assert slots_of('x = buy("3", 3)\n', ["3", 3]) is None


def test_a_question_that_was_asked_needs_no_planner(cache: PlanCache) -> None:
    first, models = ask(cache, "Buy 3 of 'pens'", BUY.format("pens", 3))
    assert (first.from_cache, models) == (None, 1)
    again, models = ask(cache, "Buy 3 of 'pens'")
    assert (again.text, again.from_cache, models) == ("3 pens", "exact", 0)
    assert again.plans == (BUY.format("pens", 3),) and again.usage.requests == 0
    alike, models = ask(cache, "Buy 12 of 'red \"ink\"'")
    assert (alike.text, alike.from_cache, models) == ('12 red "ink"', "shape", 0)
    assert BOUGHT == [("pens", 3), ("pens", 3), ('red "ink"', 12)]
    assert alike.problem is alike.cache_problem is None


def test_other_words_are_another_question(cache: PlanCache) -> None:
    ask(cache, "Buy 3 of 'pens'", BUY.format("pens", 3))
    for question in ("Buy 3.0 of 'pens'", "Sell 3 of 'pens'", "Buy 3 of pens", "Buy 'pens' of 3"):
        assert ask(cache, question, "return null\n")[1] == 1


def test_a_literal_that_does_not_fit_is_no_hit(cache: PlanCache) -> None:
    limited = llmcc.Toolbox(llmcc.tool(effect="pure", name="level")(_level))
    ask(cache, "Set 'low'", 'return level("low")\n', toolbox=limited)
    answer, models = ask(cache, "Set 'loud'", 'return level("high")\n', toolbox=limited)
    assert (answer.text, answer.from_cache, models) == ("high", None, 1)


async def _level(to: Any) -> str:
    return str(to)


_level.__annotations__["to"] = __import__("typing").Literal["low", "high"]


@pytest.mark.parametrize(
    "changed",
    [
        {"effect": Effect("write", ("shop", "bank"))},
        {"description": "Order something else."},
        {"returns": SIGNATURES["opened"].parameters[0].type, "idempotent": True},
        {"cost_usd": 0.1},
        {"retries": 1},
    ],
)
def test_a_changed_signature_makes_its_plans_unknown(cache: PlanCache, changed: dict[str, Any]) -> None:
    cache.keep("Buy 3", BUY.format("pens", 3), SIGNATURES, "m")
    other = {**SIGNATURES, "buy": replace(SIGNATURES["buy"], **changed)}
    assert cache.find("Buy 3", SIGNATURES, "m") is not None
    assert cache.find("Buy 3", other, "m") is None


def test_plans_belong_to_their_tools_model_and_owner(cache: PlanCache) -> None:
    cache.keep("Buy 3", BUY.format("pens", 3), SIGNATURES, "m")
    more = {**SIGNATURES, "other": Signature(name="other")}
    other = PlanCache(cache.file, owner="ann")
    turned = dict(reversed(SIGNATURES.items()))
    found = [
        cache.find("Buy 3", more, "m"),
        cache.find("Buy 3", SIGNATURES, "n"),
        other.find("Buy 3", SIGNATURES, "m"),
        cache.find("Buy 3", turned, "m"),
    ]
    assert found == [None, None, None, Hit(BUY.format("pens", 3), "exact")]


@pytest.mark.parametrize(
    ("question", "replies"),
    [
        ("Buy 1 of 'nothing'", [BUY.format("nothing", 1)]),
        ("Buy 1 of 'nothing' now", ['x = buy("nothing", 1)\nreturn 1\n']),
        ("Open 'x'", ['return opened("x")\n']),
        ("Buy 2 of 'pens'", ["x = opened(code=str(2))\njoin()\n", "Replan: more\n", "return x\n"]),
        ("Buy 3 of 'pens'", ["x = sell(1)\n", "x = sell(2)\n"]),
        ("Buy 4 of 'pens'", ["return 'a" + "b" * LONGEST + "'\n"]),
    ],
)
def test_what_is_not_kept(cache: PlanCache, question: str, replies: list[str]) -> None:
    ask(cache, question, *replies)
    assert not cache.file.exists()


def test_a_plan_from_the_cache_keeps_to_the_budget(cache: PlanCache) -> None:
    ask(cache, "Buy 3 of 'pens'", BUY.format("pens", 3))
    planner = Scripted([])
    agent = llmcc.Agent(TOOLS, planner=planner, plan_cache=cache, budget=llmcc.Budget(calls=0))
    answer = run_virtual(lambda: agent.ask("Buy 3 of 'pens'"))
    assert answer.problem is not None and answer.problem.startswith("E0803") and BOUGHT == [("pens", 3)]


def test_a_replan_goes_on_from_a_plan_of_the_cache(cache: PlanCache) -> None:
    ask(cache, "What is 3?", "x = str(3)\njoin()\n", "Answer: three")
    answer, models = ask(cache, "What is 4?", "Replan: also opened", "y = opened(x)\nreturn [x, y]\n")
    assert (answer.value, answer.from_cache, models) == (["4", "gold"], "shape", 2)
    assert answer.plans[0] == "x = str(4)\njoin()\n"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"version": 1, "plans": {"a": 3}}', b"\xff\xfe", b'{"version": 99, "plans": {}}']
)
def test_a_file_of_something_else_is_told_and_left_alone(cache: PlanCache, content: bytes) -> None:
    cache.file.write_bytes(content)
    answer, models = ask(cache, "Buy 3 of 'pens'", BUY.format("pens", 3))
    assert (answer.text, models, answer.from_cache) == ("3 pens", 1, None)
    assert answer.cache_problem is not None and str(cache.file) in answer.cache_problem
    assert cache.file.read_bytes() == content
    with pytest.raises(PlanCacheError):
        cache.keep("Buy 3", BUY.format("pens", 3), SIGNATURES, "m")


def test_slots_that_do_not_fit_are_told(cache: PlanCache) -> None:
    cache.keep("Buy 3 of 'pens'", BUY.format("pens", 3), SIGNATURES, "m")
    text = cache.file.read_text()
    for slots in ("[0,1]", "[0]", "[1,0,1]", "[1,7]", "[1,-1]"):
        cache.file.write_text(text.replace("[1,0]", slots))
        if slots == "[0,1]":
            assert cache.find("Buy 4 of 'ink'", SIGNATURES, "m") is None  # a number where a text is wanted
            continue
        with pytest.raises(PlanCacheError, match="do not fit together"):
            cache.find("Buy 4 of 'ink'", SIGNATURES, "m")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    answer, _ = ask(PlanCache(tmp_path / "no" / "plans.json"), "Buy 3 of 'pens'", BUY.format("pens", 3))
    assert answer.text == "3 pens" and "No such file or directory" in (answer.cache_problem or "")


def test_the_oldest_make_room(tmp_path: Path) -> None:
    cache = PlanCache(tmp_path / "plans.json", most=3)
    for count in range(5):
        cache.keep(f"Buy pens {'again ' * count}", "return null\n", SIGNATURES, "m")
    found = [cache.find(f"Buy pens {'again ' * count}", SIGNATURES, "m") is not None for count in range(5)]
    assert found == [False, False, True, True, True]
    with pytest.raises(ValueError, match="at least 1"):
        PlanCache(tmp_path / "plans.json", most=0)


def _keep_some(file: str, who: int) -> None:
    for count in range(10):
        PlanCache(file).keep(f"{who}: {'again ' * count}", "return null\n", SIGNATURES, "m")


@pytest.mark.slow
def test_processes_that_keep_plans_at_the_same_time_lose_none(tmp_path: Path) -> None:
    file = tmp_path / "plans.json"
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(_keep_some, [str(file)] * 2, range(2)))
    cache = PlanCache(file)
    assert all(cache.find(f"{who}: {'again ' * n}", SIGNATURES, "m") for who in range(2) for n in range(10))
    assert [one.name for one in tmp_path.iterdir()] == ["plans.json"]


def test_the_file_holds_no_questions(cache: PlanCache) -> None:
    cache.keep("Where does Ann hide 'gold'?", "return null\n", SIGNATURES, "m")
    assert "Ann" not in cache.file.read_text() and "gold" not in cache.file.read_text()


def test_the_trace_tells_of_the_cache(cache: PlanCache) -> None:
    first, _ = ask(cache, "Buy 3 of 'pens'", BUY.format("pens", 3))
    again, _ = ask(cache, "Buy 4 of 'pens'")
    assert [(m.what, m.text) for m in first.moments if m.role == "cache"] == [
        ("asked", str(cache.file)),
        ("ended", "no plan"),
    ]
    told = [(m.role, m.what, m.text) for m in again.trace(TOOLS).moments]
    plan = BUY.format("pens", 4)
    assert told == [("cache", "asked", str(cache.file)), ("cache", "wrote", plan), ("cache", "ended", "shape")]


def test_the_command_line_keeps_plans_and_takes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    planner = Scripted(['left = stock("pens")\nreturn left\n'])
    monkeypatch.setattr(named_model, "model_named", lambda *_: nullcontext(planner))
    file = tmp_path / "plans.json"
    options = ["--tools", "examples/guarded/tools.py", "--plan-cache", str(file), "--show-plan"]
    told = []
    for item in ("pens", "paper A4"):
        assert cli.invoke(["ask", f"How many '{item}'?", *options]) == 0
        told.append(capsys.readouterr())
    assert [one.out for one in told] == ["40\n", "3\n"]
    assert ["the plan is from the cache, of a question like this" in one.err for one in told] == [False, True]
    file.write_text("no cache")
    planner._replies.append("return 1\n")
    assert cli.invoke(["ask", "How many?", *options[:-1]]) == 0
    assert f"warning: the cache of plans was not used: {file}: this is no cache" in capsys.readouterr().err

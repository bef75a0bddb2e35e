"""The generator: all it draws is right in every world, repeats itself, and keeps apart what it must."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from llguidance import LLMatcher, LLTokenizer, grammar_from
from planner.data.boxes.apart import just_held_out
from planner.data.boxes.check import Drawn, check_copied
from planner.data.domains import capabilities, domains
from planner.data.entities import entity, trained
from planner.data.kit import MOST_TOOLS, Kit
from planner.data.naming import FAMILIES, HELD_OUT
from planner.data.sample import SPLITS, Sample, Split, Wrong, _asked, check, episode, same
from planner.data.scene import Asked, Scene, Unfit, phrases
from planner.data.shapes import composed_shapes, trained_shapes, unseen_shapes
from planner.data.world import World

from llmcc.driver.adapted import copied_words
from llmcc.frontend.derive_plan import plan_rules
from llmcc.frontend.front import compile_front
from llmcc.frontend.notation import written
from llmcc.ir.escape import quote

EPISODES = st.tuples(st.sampled_from(SPLITS), st.integers(0, 3), st.integers(0, 100_000))


def drawn(split: Split, count: int, seed: int = 7) -> list[Sample]:
    return [sample for index in range(count) for sample in episode(split, seed, index)]


def test_there_are_enough_capabilities_and_shapes() -> None:
    known = [c for name, d in domains().items() for c in capabilities(name) if not d.held_out]
    unseen = [c for name, d in domains().items() for c in capabilities(name) if d.held_out]
    assert len(set(known)) >= 150
    assert len(set(unseen)) >= 60
    assert len(trained_shapes()) >= 25
    assert len(unseen_shapes()) >= 5


def test_every_shape_can_be_asked_in_several_ways() -> None:
    assert phrases().keys() == {*trained_shapes(), *unseen_shapes(), *composed_shapes()}
    assert {shape for shape, forms in phrases().items() if len(set(forms)) < 3} == set()


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(EPISODES)
@example(("shapes", 3, 26208))  # a ratio to a figure that may be 0
def test_a_plan_compiles_without_a_word_and_does_what_is_asked_in_every_world(drawn: tuple[Split, int, int]) -> None:
    for sample in episode(*drawn, questions=3):
        assert compile_front(sample.plan, sample.kit.signatures).diagnostics == ()
        check(sample)  # executes it
        assert 4 <= len(sample.kit.tools) <= MOST_TOOLS
        general = {one.signature.name for c, one in sample.kit.tools.items() if sample.kit.general(c) is not None}
        assert len(general) <= 1
        assert len(sample.kit.signatures) == len(sample.kit.tools) or general


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 3), st.integers(0, 100_000))
def test_what_is_put_together_of_parts_is_right_can_be_written_and_is_no_held_out_shape(seed: int, at: int) -> None:
    for sample in episode("train", seed, at, questions=4, composed=1.0):
        assert sample.shape in composed_shapes()
        check(sample)
        assert just_held_out(sample.plan) is None
        names = re.findall(r"\b[a-z]\b", re.sub(r'"(?:[^"\\]|\\.)*"', "", sample.plan))
        assert all(names.count(line[0]) > 1 for line in sample.plan.split("\n")[:-1]), (
            "something is worked out for nothing"
        )
        check_copied(Drawn(sample.shape, sample.question, sample.plan, sample.kit.signatures))


@given(st.lists(st.tuples(st.integers(0, 2 * MOST_TOOLS), st.booleans()), max_size=4), st.integers(0, 99))
def test_a_kit_has_no_more_tools_than_a_prompt_may_whatever_questions_want(
    wants: list[tuple[int, bool]], seed: int
) -> None:
    rng = Random(seed)
    kit, known = Kit(rng, held_out=False), capabilities("person")
    slots = dict.fromkeys(re.findall(r"\{(\w+)\}", " ".join(phrases()["one"])), "x")
    for count, fits in wants:

        def shape(s: Scene, count: int = count, fits: bool = fits) -> Asked:
            for c in rng.sample(known, min(count, len(known))):
                s.kit.use(c)
            if not fits:
                raise Unfit
            return Asked(slots, lambda w: None)

        _asked(rng, kit, domains()["person"], "one", shape, training=True)
        assert len(kit.tools) <= MOST_TOOLS


@pytest.mark.slow
def test_all_that_is_put_together_turns_up_and_hardly_anything_twice() -> None:
    samples = [s for at in range(40) for s in episode("train", 1, at, questions=8, composed=1.0)]
    assert {s.shape for s in samples} == composed_shapes().keys()
    forms = [re.sub(r"\b[\w.`-]+\(", "f(", re.sub(r'"(?:[^"\\]|\\.)*"|[\d.]+', "x", s.plan)) for s in samples]
    assert len(set(forms)) > len(forms) / 3


@pytest.mark.slow
def test_all_shapes_turn_up_and_all_domains() -> None:
    samples = {split: drawn(split, 2 * len(trained_shapes())) for split in SPLITS}
    assert {s.shape for s in samples["train"]} == trained_shapes().keys() == {s.shape for s in samples["tools"]}
    assert {s.shape for s in samples["shapes"]} == unseen_shapes().keys()
    calls = [sample.plan.count(" = ") for sample in samples["train"]]
    assert min(calls) == 0 and max(calls) >= 8
    held = {name for name, d in domains().items() if d.held_out}
    assert {s.domain for s in samples["tools"]} == held
    assert held.isdisjoint(s.domain for split in ("train", "entities", "shapes") for s in samples[split])


@pytest.mark.slow
def test_some_kits_have_one_tool_for_many_numbers_and_plans_name_what_they_want_of_it() -> None:
    asked = 0
    for index in range(60):
        (sample,) = episode("train", 3, index) or (None,)
        if sample is None:
            continue
        for c in sample.kit.tools:
            told = sample.kit.general(c)
            if told is None:
                continue
            assert told.signature in sample.kit.signatures.values()
            asked += quote(told.named(c)) in sample.plan
    assert asked >= 5


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(EPISODES)
def test_the_same_seed_draws_the_same(drawn: tuple[Split, int, int]) -> None:
    one, other = episode(*drawn, questions=3), episode(*drawn, questions=3)
    assert [(s.prompt, s.plan) for s in one] == [(s.prompt, s.plan) for s in other]


@pytest.mark.slow
def test_training_has_no_tool_name_or_way_to_name_that_is_held_out() -> None:
    assert set(FAMILIES).isdisjoint(HELD_OUT)
    for sample in drawn("train", 40):
        assert sample.kit.family in FAMILIES
        assert not any(domains()[c.domain].held_out for c in sample.kit.tools if c.kind != "convert")


@given(st.integers(), st.sampled_from(sorted({d.names for d in domains().values()})))
def test_no_name_is_in_training_and_in_evaluation(seed: int, way: str) -> None:
    assert trained(entity(Random(seed), way, training=True))
    assert not trained(entity(Random(seed), way, training=False))


@settings(max_examples=10, deadline=None)
@given(EPISODES)
def test_the_prompt_is_the_one_that_llmcc_writes(drawn: tuple[Split, int, int]) -> None:
    for sample in episode(*drawn):
        question = " ".join(sample.question.split())
        assert sample.prompt == f"{sample.kit.header}\n\nQuestion: {question}\nPlan:\n"
        assert sample.prompt.count("\nPlan:\n") == 1


def test_a_plan_that_is_wrong_is_told() -> None:
    sample = next(s for s in drawn("train", 60) if s.shape == "which")
    turned = sample.plan.replace(" > ", " < ")
    with pytest.raises(Wrong, match="which"):
        check(replace(sample, plan=turned))
    with pytest.raises(Wrong, match="E0302"):
        check(replace(sample, plan="return nothing"))


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(EPISODES)
def test_the_grammar_of_plans_lets_every_drawn_plan_through(drawn: tuple[Split, int, int]) -> None:
    tokenizer = LLTokenizer("byte")
    for sample in episode(*drawn):
        grammar = written(plan_rules(sample.kit.signatures, any_order=False), "llguidance")
        matcher = LLMatcher(tokenizer, grammar_from("lark", grammar))
        tokens = tokenizer.tokenize_str(f"{sample.plan}\n")
        assert matcher.try_consume_tokens(tokens) == len(tokens), sample.plan
        assert matcher.is_accepting()


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(EPISODES)
def test_what_llmcc_holds_an_adapted_planner_to_lets_every_plan_of_words_of_its_prompt_through(
    drawn: tuple[Split, int, int],
) -> None:
    for sample in episode(*drawn):
        words = copied_words(sample.question, sample.kit.signatures)
        if all(json.loads(text) in words for text in re.findall(r'"(?:[^"\\]|\\.)*"', sample.plan)):
            # units that only the plan names, and texts with values in them, are no words of the prompt
            check_copied(Drawn(sample.shape, sample.question, sample.plan, sample.kit.signatures))


@given(st.integers(0, 5), st.sampled_from(sorted(domains())), st.text("ab#'é", max_size=8))
def test_a_world_always_says_the_same_and_records_agree_with_facts(seed: int, domain: str, key: str) -> None:
    d = domains()[domain]
    row = World(seed).row(d, key)
    for number in d.numbers:
        assert row[number.name] == World(seed).fact(d, "number", number.name, key)
        assert number.low <= row[number.name] <= number.high
        assert isinstance(row[number.name], int) == number.whole


def test_what_was_set_is_what_is_read() -> None:
    d = domains()["product"]
    world = World(1)
    write, read = (next(c for c in capabilities("product") if c.kind == kind) for kind in ("set", "number"))
    assert write.field == read.field == d.numbers[0].name
    world.do(write, "mug", 77)
    assert world.do(read, "mug") == 77 == world.row(d, "mug")[write.field]
    assert world.written == [["product", "set", write.field, "mug", 77]]


def test_answers_are_the_same_up_to_rounding_and_no_further() -> None:
    assert same(0.1 + 0.2, 0.3) and same(2, 2.0) and same([1, {"a": None}], [1.0, {"a": None}])
    assert not same(True, 1) and not same(None, 0) and not same("1", 1) and not same([1], [1, 1])
    assert not same({"a": 1}, {"b": 1}) and not same(1.0, 1.0001)

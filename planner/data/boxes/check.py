"""What a question of a box must keep: it compiles without a word, runs in every world, and its texts can be copied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from llguidance import LLMatcher, LLTokenizer, grammar_from
from planner.data.boxes.apart import held_out_shape
from planner.data.boxes.play import Play
from planner.data.boxes.read import SLOT, Ask, Box, Word, planned, said
from planner.data.sample import WORLDS, Wrong, outcome, prompt

from llmcc.driver.adapted import copied_words
from llmcc.frontend.constrain import PlanConstraint
from llmcc.frontend.front import compile_front
from llmcc.ir.signature import Signature


@dataclass(frozen=True, slots=True)
class Drawn:
    """A question, its plan, and the tools of the prompt."""

    box: str
    question: str
    plan: str
    signatures: dict[str, Signature]

    @property
    def prompt(self) -> str:
        """What the model reads."""
        return prompt(self.question, self.signatures)

    @classmethod
    def filled(cls, box: Box, say: str, ask: Ask, words: dict[str, Word]) -> Drawn:
        """A question as it is written, over the tools of its box."""
        return cls(box.name, said(say, words), planned(ask.plan, words), box.signatures)


def check(drawn: Drawn) -> None:
    """Raises `Wrong` unless the plan compiles without diagnostics and answers in every world."""
    result = compile_front(drawn.plan, drawn.signatures)
    if result.module is None or result.diagnostics:
        told = "; ".join(f"{d.code} {d.message}" for d in result.diagnostics)
        raise Wrong(f"{drawn.box}: {told}\n{drawn.question}\n{drawn.plan}")
    for seed in range(WORLDS):
        _, failed = outcome(result.module, Play(drawn.signatures, seed).call)
        if failed:
            raise Wrong(f"{drawn.box}: {failed}\n{drawn.question}\n{drawn.plan}")


def check_copied(drawn: Drawn) -> None:
    """Raises `Wrong` unless the grammars that a decoder is held to, line by line, have the plan."""
    held = PlanConstraint(drawn.signatures, copy_from=copied_words(drawn.question, drawn.signatures), styled=True)
    for line in drawn.plan.splitlines(keepends=True):
        grammar, whole = held.next_grammar(), f"{line.rstrip()}\n"
        assert grammar is not None
        tokens = _bytes().tokenize_str(whole)
        taken = LLMatcher(_bytes(), grammar_from("lark", grammar)).try_consume_tokens(tokens)
        if taken != len(tokens):
            told = f"{drawn.box}: the decoder cannot write `{whole[max(0, taken - 12) : taken + 20]}`"
            raise Wrong(f"{told}\n{drawn.question}\n{drawn.plan}")
        held.accept(whole)


def check_ask(box: Box, ask: Ask) -> Iterator[str]:
    """What is wrong with a question before it is filled."""
    if found := held_out_shape(ask.plan):
        yield f"{box.name}: has the shape {found}, which is held out: {ask.say[0]}"
    wanted = {slot for slot in ask.slots() if slot.rstrip("23456789") in box.pools}
    for say in ask.say:
        there = {found[0][1:-1] for found in SLOT.finditer(say)}
        if there != wanted:
            yield f"{box.name}: slots {sorted(there ^ wanted)} are not in both of question and plan: {say}"


@cache
def _bytes() -> LLTokenizer:
    return LLTokenizer("byte")

"""What the planner and the joiner read.

Two forms: plain completion, which small local models follow best (tools, then the examples nearest to the question,
the nearest last), and chat with a short description of the language, for hosted models.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from llmcc.driver.hosted_grammar import HostedGrammar
from llmcc.driver.styles import Example, Style, style
from llmcc.frontend.quote import callee
from llmcc.ir.signature import Signature
from llmcc.ir.types import Type
from llmcc.ir.values import Value, to_text
from llmcc.runtime.models import Constraint, Message, Request

#: How many examples a prompt shows.
SHOWN = 6
#: A value is shown to a model with at most this many characters.
EXCERPT = 1000


def nearest(question: str, examples: Sequence[Example], count: int = SHOWN) -> list[Example]:
    """The `count` examples whose questions share the rarest words with `question`, the nearest last.

    >>> nearest("Which is longer, A or B?", [("Which is longer, C or D?", "x"), ("Who wrote E?", "y")], 1)
    [('Which is longer, C or D?', 'x')]
    """
    bags = [_shape(q) for q, _ in examples]
    known = Counter(word for bag in bags for word in bag)
    wanted = _shape(question)

    def score(bag: set[str]) -> float:
        shared = sum(math.log(1 + len(bags) / known[word]) ** 2 for word in bag & wanted)
        return shared / math.sqrt(len(bag) or 1)

    ranked = sorted(range(len(examples)), key=lambda i: (score(bags[i]), -i))
    return [examples[i] for i in ranked[-count:]]


def _shape(question: str) -> set[str]:
    """What makes a question's shape: its words in small letters and its first, alone and in pairs of neighbours."""
    words = [w.lower() if w[:1].islower() or i == 0 else "" for i, w in enumerate(re.findall(r"\w+", question))]
    pairs = {f"{a} {b}" for a, b in itertools.pairwise(words) if a and b}
    return {w for w in words if w} | pairs


def tool_lines(signatures: Mapping[str, Signature]) -> str:
    """A line a tool: its signature, with the name as a plan calls it, whether it writes, and what it does."""
    return "\n".join(map(_tool_line, signatures.values()))


def _tool_line(one: Signature) -> str:
    line = f"{callee(one.name)}{str(one).removeprefix(one.name)}"
    writes = one.effect is not None and one.effect.writes
    told = ": ".join(filter(None, ("writes" if writes else "", one.description)))
    return f"{line}  # {told}" if told else line


def planner_request(
    question: str,
    signatures: Mapping[str, Signature],
    examples: Sequence[Example],
    *,
    chat: bool,
    constraint: Constraint | None = None,
    grammar: HostedGrammar | None = None,
    values: Mapping[str, Value] | None = None,
    reason: str | None = None,
    complaint: str | None = None,
    types: Mapping[str, Type] | None = None,
    kept: str = "",
    max_tokens: int = 1024,
    written_as: Style | None = None,
) -> Request:
    """The request for a plan.

    Args:
        question: what the user asked.
        signatures: the tools.
        examples: (question, plan) pairs to choose from.
        chat: chat messages for a hosted model, else plain completion.
        constraint: the grammar, line by line, for models that honour it.
        grammar: that of whole plans, for servers that take one.
        values: for a replan: the values that exist already.
        reason: for a replan: why the values do not suffice.
        complaint: for a second attempt: what was wrong with the first.
        types: the types of `values`.
        kept: the lines of the first attempt that stand; what is asked for follows them.
        max_tokens: bound of the plan's length, in tokens.
        written_as: how plans are taught; by default the native style.
    """
    sent = grammar or HostedGrammar()
    taught = written_as or style("native")
    shown = nearest(question, examples or taught.examples)
    known = "\n".join(f"{name} = {excerpt(value)}" for name, value in (values or {}).items())
    if not chat:
        tools = tool_lines(signatures)
        parts = [tools, *(f"Question: {q}\nPlan:\n{p}" for q, p in shown)]
        state = f"Known already:\n{known}\n" if known else ""
        prompt = "\n\n".join([*parts, f"Question: {_line(question)}\n{state}Plan:\n{kept}"])
        return Request(
            prompt=prompt,
            prefix=f"{tools}\n\n",
            constraint=constraint,
            grammar=sent.lark,
            gbnf=sent.gbnf,
            max_tokens=max_tokens,
            stop=() if constraint else ("\n\n", "Question:"),
        )
    system = "\n\n".join([taught.language, "Tools:\n" + tool_lines(signatures)])
    turns = [Message("system", system)]
    for q, p in shown:
        turns += [Message("user", f"Question: {q}"), Message("assistant", p)]
    ask = [f"Question: {_line(question)}"]
    if known:
        typed = "\n".join(_typed(name, value, types or {}) for name, value in (values or {}).items())
        ask.append(f"These values exist already and can be used by name:\n{typed}")
    if reason:
        ask.append(f"They do not suffice: {reason}\nContinue the plan; define new names only.")
    if complaint:
        ask.append(f"Your last plan did not compile:\n{complaint}\n{_rest(kept)}")
    turns.append(Message("user", "\n\n".join(ask)))
    return Request(
        messages=tuple(turns), constraint=constraint, grammar=sent.lark, gbnf=sent.gbnf, max_tokens=max_tokens
    )


def joiner_request(
    question: str,
    values: Mapping[str, Value],
    *,
    chat: bool,
    may_replan: bool,
    max_tokens: int = 512,
    adapted: bool = False,
) -> Request:
    """The request for an answer from values. The model may instead write `Replan: reason`, if `may_replan`.

    `adapted`: it was trained on just these words, needs no example, and never asks for more.
    """
    known = "\n".join(f"{name} = {excerpt(value)}" for name, value in values.items())
    if adapted:
        prompt = f"Question: {_line(question)}\nKnown:\n{known}\nAnswer:\n"
        return Request(prompt=prompt, max_tokens=min(max_tokens, 80), stop=("\n",), adapted=True)
    if not chat:
        prompt = f"{_JOIN_EXAMPLE}\n\nQuestion: {_line(question)}\nKnown:\n{known}\nAnswer:"
        return Request(prompt=prompt, max_tokens=min(max_tokens, 80), stop=("\n",))
    order = "Answer the question from the values alone, in a sentence or two. Start with `Answer:`."
    if may_replan:
        order += " If they do not suffice, write one line `Replan:` and what is missing."
    ask = f"Question: {_line(question)}\n\nValues:\n{known}"
    return Request(messages=(Message("system", order), Message("user", ask)), max_tokens=max_tokens)


def _typed(name: str, value: Value, types: Mapping[str, Type]) -> str:
    kind = f": {types[name]}" if name in types else ""
    return f"{name}{kind} = {excerpt(value)}"


def _rest(kept: str) -> str:
    """What a planner is to write after a plan that did not compile."""
    if not kept.strip():
        return "Write the whole plan again, corrected."
    return f"These lines of it stand, and their calls have started:\n{kept}Write only what follows them, corrected."


_JOIN_EXAMPLE = """\
Question: How long is the Loire?
Known:
a = Loire (river): length 1006 km
Answer: The Loire is 1006 km long.

Question: What is the capital of Peru?
Known:
a = Peru (country): capital Lima
Answer: The capital of Peru is Lima."""


def excerpt(value: Value, limit: int = EXCERPT) -> str:
    """A value's text, cut in the middle if it is too long for a prompt."""
    text = to_text(value)
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]} ...({len(text) - 2 * half} characters left out)... {text[-half:]}"


def _line(text: str) -> str:
    """A user's text as one line, so that it cannot pretend to be another part of the prompt."""
    return " ".join(text.split())

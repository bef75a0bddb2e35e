"""What the models of a question use, counted while they write: a bound that is reached ends the answer there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal, TypeAlias

from llmcc.driver.budget import Budget
from llmcc.driver.prices import may_cost
from llmcc.runtime.models import Completion, Model, Request, Usage

Role: TypeAlias = Literal["planner", "joiner"]
#: Characters of a prompt that are counted as a token where nobody tells.
_CHARACTERS = 4


class Meter:
    """The tokens and dollars of one question.

    Args:
        budget: what may be used.
        tools_used: the tokens of models that tools asked so far, the dollars for tools, and the models among those
            whose price is not known.
        noted: called whenever an answer was counted, however it ended.
    """

    def __init__(
        self,
        budget: Budget,
        tools_used: Callable[[], tuple[Usage, float, list[str]]],
        noted: Callable[[], None] = lambda: None,
    ) -> None:
        self.budget = budget
        #: What planner and joiner used.
        self.usage = Usage()
        #: The part of it that planners used: their prompts and the plans.
        self.planner = Usage()
        #: Dollars for models, as far as prices are known.
        self.models_usd = 0.0
        #: Hosted models without a known price.
        self.unpriced: list[str] = []
        #: Whether tokens are estimated: a server has not told them, or not before its answer was complete.
        self.estimated = False
        self._tools_used = tools_used
        self._noted = noted

    @property
    def known_usd(self) -> float:
        """Dollars for models and tools, as far as prices are known."""
        return self.models_usd + self._tools_used()[1]

    @property
    def all_usage(self) -> Usage:
        """The tokens of all models, those that tools ask included."""
        return self.usage + self._tools_used()[0]

    @property
    def usd(self) -> float | None:
        """Dollars for models and tools; None if a model was used whose price is not known."""
        return None if self.unpriced or self._tools_used()[2] else self.known_usd

    def notes(self) -> Iterator[str]:
        """What keeps the budget from being kept to: an earlier process had none, and asked models without a price."""
        if self.budget.usd is None:
            return
        for name in dict.fromkeys((*self.unpriced, *self._tools_used()[2])):
            yield f"no price of {name} is known: without it the question cost {self.known_usd:.4g} USD"

    def room(self, most: int) -> int:
        """How many tokens a model may write now, at most `most`. Raises `OverBudget` if it may not be asked."""
        return self.budget.room(self.all_usage, self.known_usd, most)

    @contextmanager
    def reading(
        self, role: Role, model: Model, request: Request, completion: Completion
    ) -> Iterator[Callable[[str], None]]:
        """Counts one answer. Call what this gives with each chunk: it raises `OverBudget` once the answer is beyond
        what may be used. However the block is left, what the answer has used by then is added.
        """
        chunks = signs = 0

        def guessed() -> int:
            return max(chunks, signs // _CHARACTERS)

        def count(chunk: str) -> None:
            nonlocal chunks, signs
            chunks += 1
            signs += len(chunk)
            used = _used(request, completion, guessed())
            self.budget.require_kept(self.all_usage + used, self.known_usd + (self._usd_of(model, used) or 0.0))

        try:
            yield count
        finally:
            self._add(role, model, _used(request, completion, guessed()))
            self.estimated = self.estimated or (chunks > 0 and not completion.usage.completion_tokens)
            self._noted()

    def _add(self, role: Role, model: Model, used: Usage) -> None:
        self.usage += used
        if role == "planner":
            self.planner += used
        usd = self._usd_of(model, used)
        self.models_usd += usd or 0.0
        if usd is None and model.name not in self.unpriced:
            self.unpriced.append(model.name)

    def _usd_of(self, model: Model, used: Usage) -> float | None:
        """What an answer costs; nothing, if the model runs here; None: nobody knows."""
        usd = self.budget.model_usd(model.name, used)
        return 0.0 if usd is None and not may_cost(model) else usd


def _used(request: Request, completion: Completion, guessed: int) -> Usage:
    """The tokens of an answer so far. Many servers tell them only at its end, which is not waited for, and some never:
    then what was written is `guessed`, and what was read is too.
    """
    used = completion.usage
    written = used.completion_tokens or guessed
    read = used.prompt_tokens or (_size(request) // _CHARACTERS if guessed else 0)
    return replace(used, prompt_tokens=read, completion_tokens=written)


def _size(request: Request) -> int:
    return sum(len(message.text) for message in request.messages) + len(request.prompt or "")

"""What the models have used that a run's tools ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from llmcc.runtime.models.protocol import Usage

#: A call's key, and which attempt of it.
Attempt: TypeAlias = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Charge:
    """One answer of a model: what it used, and what the signature of the call that asked said it costs, in dollars;
    None where that says nothing and tokens cost money.
    """

    model: str
    usage: Usage
    expected_usd: float | None = 0.0


class Meter:
    """Adds up the usage of one run, by model. A tool that declares `meter` is given that of its call.

    Attributes:
        usage: by the model's name.
        expected_usd: by the model's name, what the signatures of the counted calls said that they cost, in dollars; the
            scheduler has counted that much for them, and the usage says how much it really was.
        undeclared: the models of which some signature says nothing, though their tokens cost money.
        room: how many tokens a model may write now, given the most that it is to write; raises what ends the call if
            it may not be asked at all.

    >>> meter = Meter()
    >>> meter.count("small", Usage(prompt_tokens=5, requests=1))
    >>> meter.count("small", Usage(completion_tokens=2))
    >>> meter.total
    Usage(prompt_tokens=5, completion_tokens=2, cached_tokens=0, requests=1)
    """

    def __init__(self) -> None:
        self.usage: dict[str, Usage] = {}
        self.expected_usd: dict[str, float] = {}
        self.undeclared: set[str] = set()
        self.room: Callable[[int], int] = lambda most: most
        self._calls: dict[Attempt, _CallMeter] = {}
        self._earlier: Mapping[Attempt, Sequence[Charge]] = {}

    def count(self, model: str, usage: Usage, expected_usd: float | None = 0.0) -> None:
        """Counts one answer of a model; see `Charge`."""
        self._use(Charge(model, usage, expected_usd))
        self._expect(model, expected_usd or 0.0)

    @property
    def total(self) -> Usage:
        """The usage of all models."""
        return sum(self.usage.values(), Usage())

    def of_call(self, attempt: Attempt) -> Meter:
        """The meter of one attempt of a call: what it counts is counted here too."""
        made = self._calls[attempt] = _CallMeter(self)
        return made

    def charges(self, attempt: Attempt) -> Sequence[Charge]:
        """What an attempt that is over has counted; told once."""
        made = self._calls.pop(attempt, None)
        return () if made is None else made.charged

    def restore(self, earlier: Mapping[Attempt, Sequence[Charge]]) -> None:
        """Counts what earlier processes of the run have used, by attempts."""
        self._earlier = earlier
        for charges in earlier.values():
            for charge in charges:
                self._use(charge)

    def recalled(self, attempts: Iterable[Attempt]) -> None:
        """The scheduler counts these attempts again, whose ends are known from earlier processes."""
        for attempt in attempts:
            for charge in self._earlier.get(attempt, ()):
                self._expect(charge.model, charge.expected_usd or 0.0)

    def _use(self, charge: Charge) -> None:
        self.usage[charge.model] = self.usage.get(charge.model, Usage()) + charge.usage
        if charge.expected_usd is None:
            self.undeclared.add(charge.model)

    def _expect(self, model: str, usd: float) -> None:
        self.expected_usd[model] = self.expected_usd.get(model, 0.0) + usd


class _CallMeter(Meter):
    """The part of a run's meter that one attempt sees."""

    def __init__(self, run: Meter) -> None:
        super().__init__()
        self.charged: list[Charge] = []
        self._run = run
        self.room = lambda most: run.room(most)

    def count(self, model: str, usage: Usage, expected_usd: float | None = 0.0) -> None:
        super().count(model, usage, expected_usd)
        self._run.count(model, usage, expected_usd)
        self.charged.append(Charge(model, usage, expected_usd))

"""Budgets: what a question or a plan may use.

They are checked before anything runs, as far as the optimizer's bounds go, and kept while it runs: where one is
reached, the run ends with what is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import inf
from typing import Any

import msgspec

from llmcc.driver.prices import PRICES, Price
from llmcc.ir.diagnostics import Diagnostic
from llmcc.ir.errors import LlmccError
from llmcc.ir.ops import Map, Module, ValueOp
from llmcc.ir.signature import Signature
from llmcc.ir.span import Span
from llmcc.optimizer.bounds import Bounds, bounds
from llmcc.optimizer.widths import Widths
from llmcc.runtime.limits import Limits
from llmcc.runtime.models import Usage


class OverBudget(LlmccError):
    """A budget was reached; the text says which."""


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What may be used; None: no bound of its own.

    `calls` of tools, retries not counted; `width`: elements of one map; `usd`: dollars for tools (by their `cost_usd`,
    retries counted) and for models (by `prices`, dollars a million tokens, over those of `llmcc.driver.prices`; a
    hosted model without a price is refused); `seconds` of wall time; `replans`; `tokens_in` that models read and
    `tokens_out` that they write.

    >>> Budget(calls=3).limits(Limits()).max_calls
    3

    Raises:
        ValueError: a bound is below 0.
    """

    calls: int | None = None
    width: int | None = None
    usd: float | None = None
    seconds: float | None = None
    replans: int | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    prices: Mapping[str, Price] = {}

    def __post_init__(self) -> None:
        """Refuses what is no bound."""
        for name in NAMES:
            bound = getattr(self, name)
            if bound is not None and not bound >= 0:
                raise ValueError(f"{name} is at least 0, not {bound}")

    def limits(self, limits: Limits) -> Limits:
        """The limits of a run within the budget: the lower bound of each two."""
        wanted: dict[str, Any] = {
            "max_calls": (self.calls, limits.max_calls),
            "max_fanout": (self.width, limits.max_fanout),
            "max_usd": (self.usd, limits.max_usd),
            "deadline_s": (self.seconds, limits.deadline_s),
        }
        known = {name: [bound for bound in pair if bound is not None] for name, pair in wanted.items()}
        return msgspec.structs.replace(limits, **{name: min(pair) for name, pair in known.items() if pair})

    def model_usd(self, model: str, usage: Usage) -> float | None:
        """What a model's tokens cost, in dollars; None if its price is not known."""
        name = model.removeprefix("openai:")
        price = self.prices.get(name) or PRICES.get(name)
        return None if price is None else price.of(usage)

    def left(self, calls: int, usd: float) -> Budget:
        """The budget for the next plan of a run that has made so many calls and spent so many dollars."""
        left_calls = None if self.calls is None else max(self.calls - calls, 0)
        left_usd = None if self.usd is None else max(self.usd - usd, 0.0)
        return msgspec.structs.replace(self, calls=left_calls, usd=left_usd)

    def room(self, usage: Usage, usd: float, most: int) -> int:
        """How many tokens a model may write now, at most `most`. Takes the same and raises the same as `require`."""
        self.require(usage, usd)
        return most if self.tokens_out is None else min(most, self.tokens_out - usage.completion_tokens)

    def require(self, usage: Usage, usd: float) -> None:
        """Raises `OverBudget` if models have used up what they may, so that they are asked no more.

        Args:
            usage: the tokens of all models so far.
            usd: dollars for models and tools so far.
        """
        spent = {"tokens_in": usage.prompt_tokens, "tokens_out": usage.completion_tokens, "usd": usd}
        for name, used in spent.items():
            bound = getattr(self, name)
            if bound is not None and used >= bound:
                raise OverBudget(f"the budget of {_words(name, bound)} is used up ({_words(name, used)})")

    def require_kept(self, usage: Usage, usd: float) -> None:
        """Raises `OverBudget` if what a model has written by now is beyond what may be used. Arguments as above, those
        of the unfinished answer included. (What it has read is spent before it begins.)
        """
        spent = {"tokens_out": usage.completion_tokens, "usd": usd}
        for name, used in spent.items():
            bound = getattr(self, name)
            if bound is not None and used > bound:
                raise OverBudget(f"the budget of {_words(name, bound)} was used up in the middle of an answer")


#: The bounds by name, as the option `--budget` takes them.
NAMES = tuple(name for name in Budget.__struct_fields__ if name != "prices")


def parse_budget(given: Iterable[str]) -> Budget:
    """A budget from texts such as `calls=20`, and prices from texts such as `price:NAME=2/8`: dollars for a million
    tokens read and written, and if there is a third number, read out of a cache.

    Raises:
        ValueError: one of them is none.

    >>> parse_budget(["usd=0.5", "price:my-model=2/8"]).model_usd("my-model", Usage(1000, 500))
    0.006
    """
    found: dict[str, float] = {}
    prices: dict[str, Price] = {}
    for one in given:
        if one.startswith("price:"):
            name, _, numbers = one.removeprefix("price:").rpartition("=")
            prices[name] = _price(one, numbers)
            continue
        name, _, number = one.partition("=")
        name = name.strip().replace("-", "_")
        if name not in NAMES:
            raise ValueError(f"no budget is called {name!r}: there are {', '.join(NAMES)}")
        try:
            found[name] = float(number) if name in ("usd", "seconds") else int(number)
        except ValueError:
            raise ValueError(f"{one!r} gives no number") from None
    return Budget(**found, prices=prices)  # type: ignore[arg-type]  # each has the type of its field


def _price(given: str, numbers: str) -> Price:
    try:
        usd = [float(number) for number in numbers.split("/")]
    except ValueError:
        usd = []
    if len(usd) not in (2, 3) or not all(0 <= one < inf for one in usd):
        raise ValueError(f"{given!r} gives no price: that is INPUT/OUTPUT, or INPUT/OUTPUT/CACHED")
    return Price(usd[0], usd[1], usd[2] if len(usd) == 3 else None)


def over_budget(
    module: Module, signatures: Mapping[str, Signature], budget: Budget, *, surely: bool = False
) -> list[Diagnostic]:
    """What a plan may use beyond the budget (E0803 to E0806); or, `surely`, what it cannot do without.

    Args:
        module: the plan, its order edges in place.
        signatures: the tools.
        budget: what is left.
        surely: look at the calls that are made at least, if nothing fails and no guard is true.
    """
    fanout = budget.limits(Limits()).max_fanout
    found = bounds(module, signatures, max_fanout=fanout)
    return [*_too_many(found, budget, surely), *_too_wide(module, budget)]


def _too_many(found: Bounds, budget: Budget, surely: bool) -> Iterator[Diagnostic]:
    place = Span(1, 1, 1, 1)
    how = "makes at least" if surely else "may make"
    calls = found.least if surely else found.most
    if budget.calls is not None and calls > budget.calls:
        yield Diagnostic(
            "E0803",
            place,
            f"the plan {how} {calls:,} calls, and the budget allows {budget.calls:,}",
            tuple(f"`{one.tool}`: {one.least if surely else one.most:,}" for one in found.tools),
            "go through parts of the lists, or allow more: `calls=...`",
        )
    usd = sum(one.least * (one.cost_usd or 0.0) for one in found.tools) if surely else found.usd_retried or 0.0
    if budget.usd is not None and usd > budget.usd:
        yield Diagnostic(
            "E0804",
            place,
            f"the plan {'costs at least' if surely else 'may cost'} {usd:.4g} USD, "
            f"and the budget allows {budget.usd:.4g}",
            tuple(f"`{one.tool}`: {one.cost_usd:.4g} USD a call" for one in found.tools if one.cost_usd is not None),
            "allow more: `usd=...`",
        )
    if (
        not surely
        and budget.seconds is not None
        and found.span_s > budget.seconds
        and all(one.known for one in found.tools)
    ):
        yield Diagnostic(
            "E0805",
            place,
            f"the plan takes about {found.span_s:.3g} s, and the budget allows {budget.seconds:.3g}",
            ("its longest chain of calls takes that long by what the tools declare or a profile measured",),
            "allow more: `seconds=...`",
        )


def _too_wide(module: Module, budget: Budget) -> Iterator[Diagnostic]:
    if budget.width is None:
        return
    widths = Widths(Limits().max_fanout)
    widths.learn(module.values)
    for op in _maps(module.values):
        if widths.least(op) > budget.width:
            yield Diagnostic(
                "E0806",
                op.span or Span(1, 1, 1, 1),
                f"the map goes through {widths.least(op):,} elements, and the budget allows {budget.width:,}",
                help="go through a part of the list, or allow more: `width=...`",
            )


def _maps(ops: Iterable[ValueOp]) -> Iterator[Map]:
    for op in ops:
        if isinstance(op, Map):
            yield op
            yield from _maps(op.body)


def _words(name: str, amount: float) -> str:
    if name == "usd":
        return f"{amount:.4g} USD"
    return f"{amount:,.0f} tokens {'read' if name == 'tokens_in' else 'written'}"

"""The arguments of a call: some by place, then others by keyword, in any order; what is required cannot be missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llmcc.frontend.forms import Form, Rules, Use, either, listed, optional, seq
from llmcc.ir.signature import Parameter

#: With more parameters than that, keywords keep the order of their declaration: each order costs rules.
MAX_ANY_ORDER = 4
#: How many further arguments by place are offered.
MAX_FURTHER = 16


def arguments(
    rules: Rules,
    name: str,
    parameters: Sequence[Parameter],
    argument: Callable[[Parameter], Form | None],
    *,
    any_order: bool = True,
    variadic: str | None = None,
    further: Form | None = None,
) -> Form | None:
    """What may stand between the parentheses of a call; None if no call is possible.

    Args:
        rules: gets the rules that are needed, called `name` and something.
        name: different for each tool.
        parameters: the tool's.
        argument: what one parameter may get; None if no value fits.
        any_order: whether keywords may come in any order.
        variadic: the parameter that gathers further arguments by place,
        further: and what each of them is.
    """
    forms = {p.name: argument(p) for p in parameters}
    if any(p.required and forms[p.name] is None for p in parameters):
        return None
    in_any_order = any_order and len(parameters) <= MAX_ANY_ORDER
    return _Arguments(rules, name, parameters, forms, in_any_order, variadic, further).all()


class _Arguments:
    def __init__(
        self,
        rules: Rules,
        name: str,
        parameters: Sequence[Parameter],
        forms: dict[str, Form | None],
        any_order: bool,
        variadic: str | None,
        further: Form | None,
    ) -> None:
        self.rules, self.name, self.parameters, self.forms = rules, name, parameters, forms
        self.variadic, self.further = variadic, further
        self.any_order = any_order
        self.made: dict[frozenset[int], str] = {}

    def all(self) -> Form:
        everything = frozenset(range(len(self.parameters)))
        ways = [way for way in (self.by_place(0), self.by_keyword(everything)) if way is not None]
        if not ways:
            return seq("")
        return either(*ways) if self.required(everything) else optional(either(*ways))

    def required(self, rest: frozenset[int]) -> bool:
        return any(self.parameters[i].required for i in rest)

    def by_place(self, i: int) -> Form | None:
        """The argument of the `i`-th place and all behind it."""
        form = self.forms[self.parameters[i].name] if i < len(self.parameters) else None
        rest = frozenset(range(i + 1, len(self.parameters)))
        if i < len(self.parameters) and self.parameters[i].name == self.variadic:
            if self.further is None:
                return None
            return seq(listed(self.further, MAX_FURTHER), self.followed(rest, [self.by_keyword(rest)]))
        if form is None:
            return None
        return seq(form, self.followed(rest, [self.by_place(i + 1), self.by_keyword(rest)]))

    def by_keyword(self, rest: frozenset[int]) -> Form | None:
        """Keywords for the parameters `rest`, at least one."""
        usable = [i for i in sorted(rest) if self.forms[self.parameters[i].name] is not None]
        usable = [i for i in usable if self.parameters[i].name.isidentifier() and self.parameters[i].name.isascii()]
        if not usable:
            return None
        if rest not in self.made:
            rule = self.made[rest] = f"{self.name}_k{len(self.made)}"
            self.rules[rule] = either(*[one for i in usable if (one := self.keyword(i, rest)) is not None])
        return Use(self.made[rest])

    def keyword(self, i: int, rest: frozenset[int]) -> Form | None:
        parameter = self.parameters[i]
        form = self.forms[parameter.name]
        before = frozenset(j for j in rest if j < i)
        if form is None or (not self.any_order and self.required(before)):
            return None
        left = rest - {i} if self.any_order else frozenset(j for j in rest if j > i)
        return seq(f"{parameter.name}=", form, self.followed(left, [self.by_keyword(left)]))

    def followed(self, rest: frozenset[int], ways: Sequence[Form | None]) -> Form:
        possible = [way for way in ways if way is not None]
        if not possible:
            return seq("")
        more = seq(", ", either(*possible))
        return more if self.required(rest) else optional(more)

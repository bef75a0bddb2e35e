"""Tools: Python functions with a signature that the compiler understands."""

from __future__ import annotations

import functools
import inspect
import keyword
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, overload

import msgspec

from llmcc.ir.effects import EVERYTHING, Effect, holes
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import ANY
from llmcc.ir.values import Value, importable
from llmcc.runtime.docstrings import described
from llmcc.runtime.hints import hints_of, type_of_hint
from llmcc.runtime.inputs import Conversion, conversion
from llmcc.runtime.rules import OPTIONS, check_parameters, fields_of

if TYPE_CHECKING:
    from llmcc.runtime.models import Model

EffectKind: TypeAlias = Literal["pure", "read", "write"]
#: Takes the arguments of several calls, and gives the result of each, or why it failed.
BatchFunction: TypeAlias = Callable[[list[dict[str, Any]]], Any]
SomeBatchFunction = TypeVar("SomeBatchFunction", bound=BatchFunction)

_NAME = re.compile(r"[^`\x00-\x1f\x7f]+")
_GATHERING = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Tool:
    """A function together with its `signature`; calling it calls the function.

    `function` is None for a tool that is only described (in a `tools.json`): enough to compile, not to run. `key` and
    `meter` are parameters of the function, unknown to plans, that take the idempotency key and the run's `Meter`.
    """

    def __init__(
        self,
        signature: Signature,
        function: Callable[..., Any] | None = None,
        key: str | None = None,
        meter: str | None = None,
    ) -> None:
        self.signature = signature
        self.function = function
        self.key = key
        self.meter = meter
        #: The model that the function asks, if it says so: what a call costs depends on that one's price.
        self.asks: Model | None = None
        self.is_async = function is not None and is_async(function)
        #: Makes several calls as one; see `batched`.
        self.batch_function: BatchFunction | None = None
        self._names: dict[str, str] = {}
        self._positional: tuple[str, ...] = ()
        self._conversions: dict[str, Conversion] = {}
        #: Whether the function takes its arguments by the names that the signature shows, as plan values.
        self.direct = True
        if function is not None:
            functools.update_wrapper(self, function)
            self._look_at(function)

    def _look_at(self, function: Callable[..., Any]) -> None:
        hints = hints_of(function)
        parameters = inspect.signature(function).parameters
        self._names = {shown_name(name): name for name in parameters}
        self._positional = tuple(
            shown_name(name) for name, p in parameters.items() if p.kind is inspect.Parameter.POSITIONAL_ONLY
        )
        for name in parameters:
            convert = conversion(hints.get(name, Any))
            if convert is not None:
                self._conversions[shown_name(name)] = convert
        renamed = any(shown != name for shown, name in self._names.items())
        self.direct = not (renamed or self._positional or self._conversions)

    @property
    def name(self) -> str:
        """The name by which plans call the tool."""
        return self.signature.name

    def bind(self, args: Mapping[str, Value]) -> tuple[list[Any], dict[str, Any]]:
        """The positional and keyword arguments for `function`, which are its own to change.

        `args` are by the names that the signature shows; what a hint declares as a class (a dataclass, an enum, a
        model) arrives as an object of it.

        Raises:
            ValueError: an argument cannot be made into what its hint says.
        """
        ready = self.converted(args)
        first = [ready.pop(name) for name in self._positional if name in ready]
        return first, {self._names.get(name, name): value for name, value in ready.items()}

    def converted(self, args: Mapping[str, Value]) -> dict[str, Any]:
        """The arguments as `bind` gives them, but all by the names that the signature shows. Raises like `bind`."""
        return {name: self._converted(name, value) for name, value in args.items()}

    def batched(self, function: SomeBatchFunction) -> SomeBatchFunction:
        """Decorates the function that makes several calls of this tool as one, at most as many as its `batch`.

        It takes a list with the arguments of each call, as a dict by the names that the signature shows (what a plan
        leaves out is absent), and gives a list with one result a call, in the same order. An exception *in* the list is
        the failure of that call; one that is raised fails them all. It may be blocking or `async`. The tool's
        `timeout` is that of a whole batch, which also counts once for its `limit` and `rate`.

        Raises:
            TypeError: the tool has no function for one call, or what is decorated is no function.
            ValueError: the tool declares no `batch`.

        >>> @tool(effect="read", resource="rates", batch=50)
        ... def rate(currency: str) -> float: ...
        >>> @rate.batched
        ... def rates(calls: list[dict[str, str]]) -> list[float | Exception]:
        ...     return [7.46 if call["currency"] == "DKK" else LookupError(call["currency"]) for call in calls]
        >>> rate.signature.batch, rate.batch_function is rates
        (50, True)
        """
        if self.function is None:
            raise TypeError(f"{self.name}: a tool without a function for one call has none for several")
        if self.signature.batch is None:
            raise ValueError(f"{self.name}: how many calls it takes as one is declared by its option `batch`")
        _refuse_what_is_no_function(function, self.name)
        self.batch_function = function
        return function

    def _converted(self, name: str, value: Value) -> Any:
        convert = self._conversions.get(name)
        if convert is None:
            return importable(value) if isinstance(value, list | dict) else value
        try:
            return convert(value)
        except Exception as error:  # a class of the tool's author may refuse in any way it likes
            raise ValueError(f"{name}: {error}") from error

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the function as if it had not been made a tool."""
        if self.function is None:
            raise TypeError(f"the tool {self.name} has a signature but no function")
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        """The signature, in one line."""
        return f"<Tool {self.signature}>"


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...


@overload
def tool(
    *,
    effect: EffectKind | None = None,
    resource: str | Iterable[str] | None = None,
    latency: str | float | None = None,
    cost_usd: float | None = None,
    timeout: str | float | None = None,
    retries: int | None = None,
    retry_on: Iterable[str | type[BaseException]] | None = None,
    limit: int | None = None,
    rate: str | float | None = None,
    burst: int | None = None,
    breaker: int | None = None,
    cooldown: str | float | None = None,
    idempotent: bool = False,
    foldable: bool = False,
    batch: int | None = None,
    prompt: str | None = None,
    untrusted: bool | None = None,
    variadic: str | None = None,
    typed_by: str | None = None,
    secret: Iterable[str] = (),
    key: str | None = None,
    meter: str | None = None,
    name: str | None = None,
) -> Callable[[Callable[..., Any]], Tool]: ...


def tool(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Makes a function, blocking or `async`, a tool that plans can call.

    Its parameters and result are typed by its hints, described by its docstring.

    Args:
        effect: `pure` (same arguments, same result, touches nothing), `read` or `write`. Without it the function is a
            tool, but no plan that calls it compiles.
        resource: what is read or written, a name or several; `{parameter}` in it stands for an argument. `*`, which is
            everything, if nothing is said.
        latency: about how long a call takes: seconds, or a text like "400ms".
        cost_usd: about what a call costs, in dollars.
        timeout: how long a call may take before it fails with `ToolTimeout`.
        retries: how many further attempts a call gets that failed in a way that may pass. A write gets none unless
            it is `idempotent`.
        retry_on: the classes of errors (or their names) after which a call is tried again. Without it the error's
            own `retryable` decides, and errors of connections and timeouts are. An error's `retry_after` (seconds), or
            the header of that name in its `response`, says how long to wait.
        limit: how many calls may run at the same time.
        rate: how many calls may start a second, or a text like "90/min".
        burst: how many of them may start at once; one unless told otherwise.
        breaker: after how many failures in a row the tool is left alone: its calls fail with `CircuitOpen`.
        cooldown: for how long; then one call is let through to see. 30 s unless told otherwise.
        idempotent: whether calling twice does the same as calling once.
        foldable: whether the compiler may call the (pure) tool itself.
        batch: how many calls can be made as one, by a function that is declared with `Tool.batched`.
        prompt: the parameter that a language model reads, if the tool asks one.
        untrusted: whether what it gives was written by somebody who may want to mislead, as a page of the web is.
        variadic: the parameter, a list, that takes all further arguments which are given by place.
        typed_by: the parameter, a text, whose argument names the type of the result (`"list[int]"`). Without it the
            result has the type of the hint.
        secret: the parameters whose arguments llmcc neither writes down nor shows.
        key: the parameter that takes the idempotency key, for an idempotent tool that wants one. Plans do not see it.
            The key is the same whenever the same call of the same run is made again.
        meter: the parameter that takes the run's `llmcc.runtime.meter.Meter`, for a tool that asks a model: what it
            counts there is in the run's usage and budget. Plans do not see it.
        name: how plans call it, if not by the function's name.

    Raises:
        TypeError: the function cannot be a tool (it takes `*args` or `**kwargs`, or is a generator or class).
        ValueError: an option makes no sense.

    >>> @tool(effect="read", resource="web", latency="400ms")
    ... def search(query: str, limit: int = 10) -> list[str]:
    ...     "Search the web."
    ...     return []
    >>> str(search.signature), str(search.signature.effect), search("K2")
    ('search(query: str, limit?: int) -> list[str]', 'read(web)', [])
    """
    if function is not None:
        return _make(function, options)
    return lambda function: _make(function, options)


def _make(function: Callable[..., Any], options: dict[str, Any]) -> Tool:
    return Tool(_signature(function, **options), function, options.get("key"), options.get("meter"))


def _signature(
    function: Callable[..., Any],
    *,
    effect: EffectKind | None = None,
    resource: str | Iterable[str] | None = None,
    idempotent: bool = False,
    foldable: bool = False,
    secret: Iterable[str] = (),
    key: str | None = None,
    meter: str | None = None,
    name: str | None = None,
    **rules: Any,
) -> Signature:
    shown = name if name is not None else getattr(function, "__name__", None)
    if not isinstance(shown, str) or not _NAME.fullmatch(shown):
        raise ValueError(f"a tool needs a name of one line without backticks, not {shown!r}")
    _refuse_what_is_no_function(function, shown)
    hints = hints_of(function)
    summary, notes = described(inspect.getdoc(function) or "")
    declared = inspect.signature(function).parameters
    if key is not None:
        _check_key(shown, declared, key, idempotent)
    if meter is not None:
        _check_hidden(shown, declared, meter, "the meter")
    seen = {name: one for name, one in declared.items() if name not in (key, meter)}
    plain = tuple(_parameter(one, hints, notes) for one in seen.values())
    parameters = with_secrets(shown, plain, secret)
    unknown = rules.keys() - set(OPTIONS)
    if unknown:
        raise TypeError(f"{shown}: a tool has no option {min(unknown)!r}")
    if foldable and effect != "pure":
        raise ValueError(f"{shown}: only a pure tool is foldable")
    made = Signature(
        name=shown,
        parameters=parameters,
        returns=type_of_hint(hints["return"]) if "return" in hints else ANY,
        effect=effect_of(shown, effect, resource, [p.name for p in parameters]),
        idempotent=idempotent,
        description=summary,
        foldable=foldable,
        **fields_of(shown, rules),
    )
    check_parameters(made)
    return made


def _refuse_what_is_no_function(function: Any, name: str) -> None:
    if isinstance(function, type) or not callable(function):
        raise TypeError(f"{name}: a tool is made of a function, not of {function!r}")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"{name}: a generator cannot be a tool; return a list")
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in _GATHERING:
            raise TypeError(f"{name}: a tool names its parameters, and {parameter} does not")


def _parameter(one: inspect.Parameter, hints: dict[str, Any], notes: dict[str, str]) -> Parameter:
    required = one.default is inspect.Parameter.empty
    return Parameter(
        name=shown_name(one.name),
        type=type_of_hint(hints[one.name]) if one.name in hints else ANY,
        required=required,
        default=None if required else _default(one.default),
        description=notes.get(one.name, ""),
    )


def _default(value: object) -> Value:
    try:
        return importable(value)
    except ValueError:
        return None  # known to the function alone, which is enough: what is left out is never passed


def effect_of(
    name: str, kind: str | None, resource: str | Iterable[Any] | None, parameters: Iterable[str]
) -> Effect | None:
    """The effect that a tool declares; None if it declares none.

    Raises:
        ValueError: the declaration makes no sense.
    """
    resources = (resource,) if isinstance(resource, str) else tuple(resource or ())
    if kind is None and not resources:
        return None
    if kind not in ("pure", "read", "write"):
        raise ValueError(f"{name}: the effect is 'pure', 'read' or 'write', not {kind!r}")
    if kind == "pure" and resources:
        raise ValueError(f"{name}: a pure tool touches no resource, so it cannot name {resources[0]!r}")
    known = set(parameters)
    for pattern in resources:
        if not pattern or not isinstance(pattern, str):
            raise ValueError(f"{name}: a resource is a text, not {pattern!r}")
        unknown = [hole for hole in holes(pattern) if hole not in known]
        if unknown:
            raise ValueError(f"{name}: the resource {pattern!r} names {unknown[0]!r}, which is no parameter")
    return Effect(kind, resources or (() if kind == "pure" else (EVERYTHING,)))  # type: ignore[arg-type]


def with_secrets(name: str, parameters: tuple[Parameter, ...], secret: object) -> tuple[Parameter, ...]:
    """The parameters with those marked whose names are given.

    Raises:
        ValueError: one of them is no parameter.
    """
    if isinstance(secret, str) or not isinstance(secret, Iterable):
        raise ValueError(f"{name}: what is secret is a list of parameters, not {secret!r}")
    names = list(secret)
    unknown = [one for one in names if one not in [p.name for p in parameters]]
    if unknown:
        raise ValueError(f"{name}: {unknown[0]!r}, which is to be secret, is no parameter")
    return tuple(msgspec.structs.replace(p, secret=True) if p.name in names else p for p in parameters)


def _check_key(name: str, parameters: Mapping[str, inspect.Parameter], key: str, idempotent: bool) -> None:
    _check_hidden(name, parameters, key, "the idempotency key")
    if not idempotent:
        raise ValueError(f"{name}: only an idempotent tool takes an idempotency key")


def _check_hidden(name: str, parameters: Mapping[str, inspect.Parameter], hidden: str, what: str) -> None:
    if hidden not in parameters or parameters[hidden].kind is inspect.Parameter.POSITIONAL_ONLY:
        raise ValueError(f"{name}: {hidden!r}, which is to take {what}, is no parameter that has a name")


def shown_name(name: str) -> str:
    """A parameter's name as plans write it: `from_` is `from`, which Python could not say.

    >>> shown_name("from_"), shown_name("size_"), shown_name("to")
    ('from', 'size_', 'to')
    """
    return name[:-1] if name.endswith("_") and keyword.iskeyword(name[:-1]) else name


def is_async(function: Any) -> bool:
    """Whether calling the function gives something to await, as far as that can be seen before."""
    while isinstance(function, functools.partial):
        function = function.func
    # An object may be called by an asynchronous method of its class.
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)

"""Whether a value fits where a type is wanted: surely, perhaps (then it is checked when the plan runs), or never."""

from __future__ import annotations

from llmcc.frontend import infer
from llmcc.frontend.context import Context, Typed, describe, replacing
from llmcc.frontend.interpolate import text_of
from llmcc.frontend.quote import shown, string
from llmcc.ir.diagnostics import Fix
from llmcc.ir.expr import Check, Cond, Const, DictOf, Expr, ListOf, Ref
from llmcc.ir.types import (
    ANY,
    FLOAT,
    INT,
    NULL,
    STR,
    EnumType,
    ListType,
    RecordType,
    Type,
    certain,
    nullable,
    options,
    without_null,
)
from llmcc.ir.values import mismatch


def fit(cx: Context, value: Typed, want: Type, what: str, *notes: object, check: bool = True) -> Expr:
    """The expression to use where a value of type `want` is wanted; reports what can never fit.

    `what` says in messages what wants it ("`query` of `search`"). With `check`, what may fit is put into a `Check`.
    """
    if value.broken or want == ANY:
        return value.expr
    if isinstance(value.expr, Const):
        return _constant(cx, value, want, what, notes)
    if value.as_text and not certain(value.type, want) and infer.may_fit(STR, want):
        return text_of(cx, value)
    inside = _parts(cx, value, want, what, notes, check)
    if inside is not None:
        return inside
    if certain(value.type, want):
        return value.expr
    if not infer.may_fit(without_null(value.type), want):
        _wrong_type(cx, value, want, what, notes)
    elif NULL in options(value.type) and not nullable(want):
        null(cx, value, f"{what} wants {want}")
    return Check(value.expr, want) if check else value.expr


def null(cx: Context, value: Typed, why: str) -> None:
    """Reports that a value may be null where it must not be."""
    name = describe(value.expr)
    example = name.strip("`") if name.startswith("`") else "x"
    binding = cx.scope.find(value.expr.name) if isinstance(value.expr, Ref) else None
    guarded = binding is not None and binding.guard is not None and binding.span is not None
    notes = [f"it is null if the condition in line {binding.span.line} is false"] if guarded else []  # type: ignore[union-attr]
    cx.report(
        "E0407",
        value.span,
        f"{name} may be null",
        why,
        *notes,
        help=f"add `when {example} != null` to the statement, or write `{example} if {example} != null else ...`",
    )


def _constant(cx: Context, value: Typed, want: Type, what: str, notes: tuple[object, ...]) -> Expr:
    assert isinstance(value.expr, Const)
    constant = value.expr.value
    wrong = mismatch(constant, want)
    if wrong is None:
        return value.expr
    if isinstance(constant, str) and (choices := _choices(want)):
        near = cx.suggester.closest(constant, choices)
        fix = replacing(value.span, string(near.only)) if near.only is not None else None
        listed = ", ".join(map(string, choices[:12])) + (", ..." if len(choices) > 12 else "")
        message = f"{what} cannot be {shown(constant)}"
        cx.report("E0409", value.span, message, f"it is one of {listed}", help=near.help, fix=fix)
        return value.expr
    if constant is None:
        help = "leave the argument out" if what.startswith("`") else None
        cx.report("E0401", value.span, f"{what} wants {want}, not null", *notes, help=help)
        return value.expr
    if infer.may_fit(value.type, want):
        cx.report("E0401", value.span, f"{what} wants {want}, and {wrong}", *notes)
        return value.expr
    _wrong_type(cx, value, want, what, notes)
    return value.expr


def _choices(want: Type) -> list[str]:
    """The values of an enumeration, if no other text fits."""
    if any(o in (STR, ANY) for o in options(want)):
        return []
    return [v for o in options(want) if isinstance(o, EnumType) for v in o.values]


def _parts(cx: Context, value: Typed, want: Type, what: str, notes: tuple[object, ...], check: bool) -> Expr | None:
    """Lists, records and conditionals that are written out are judged part by part, so that the place is exact."""
    expr = value.expr
    if isinstance(expr, Cond) and value.parts:
        then, other = (fit(cx, part, want, what, *notes, check=check) for part in value.parts)
        return Cond(expr.test, then, other)
    if isinstance(expr, ListOf) and (lists := [o for o in options(want) if isinstance(o, ListType)]):
        if len(lists) > 1:
            return None
        inner = f"an item of {what}"
        return ListOf(tuple(fit(cx, part, lists[0].element, inner, *notes, check=check) for part in value.parts))
    if isinstance(expr, DictOf) and (records := [o for o in options(want) if isinstance(o, RecordType)]):
        return _record(cx, value, records[0], what, notes, check) if len(records) == 1 else None
    return None


def _record(cx: Context, value: Typed, want: RecordType, what: str, notes: tuple[object, ...], check: bool) -> Expr:
    assert isinstance(value.expr, DictOf)
    given = {key for key, _ in value.expr.entries}
    extra = [key for key in given if all(f.name != key for f in want.fields)]
    for field in want.fields:
        if not field.required or field.name in given:
            continue
        near = [key for key in extra if field.name in cx.suggester.closest(key, [field.name]).words]
        help = f"did you mean it by {shown(near[0])}?" if near else None
        cx.report("E0401", value.span, f"{what} lacks the field {shown(field.name)}", *notes, help=help)
    entries = []
    for (key, expr), part in zip(value.expr.entries, value.parts, strict=True):
        wanted = want.field(key)
        inner = f"{shown(key)} of {what}"
        entries.append((key, expr if wanted is None else fit(cx, part, wanted.type, inner, *notes, check=check)))
    return DictOf(tuple(entries))


def _wrong_type(cx: Context, value: Typed, want: Type, what: str, notes: tuple[object, ...]) -> None:
    help, fix = _mend(cx, value, want)
    message = f"{what} wants {want}, not {value.type}"
    cx.report("E0401", value.span, message, *notes, help=help, fix=fix)


def _mend(cx: Context, value: Typed, want: Type) -> tuple[str | None, Fix | None]:
    constant = value.expr.value if isinstance(value.expr, Const) else None
    if constant is not None:
        return _mend_constant(cx, value, constant, want)
    name = describe(value.expr)
    shape = name.strip("`") if name.startswith("`") else "..."
    if infer.may_fit(STR, want) and infer.is_scalar(value.type):
        return f"write `str({shape})`", None
    if want in (INT, FLOAT) and infer.may_be(value.type, STR, INT, FLOAT):
        return f"write `{want}({shape})`", None
    if isinstance(value.type, ListType) and infer.may_fit(value.type.element, want):
        return f"take one item, `{shape}[0]`, or call once for each: `[... for item in {shape}]`", None
    if isinstance(value.type, RecordType) and shape != "...":
        fields = [f.name for f in value.type.fields if infer.may_fit(f.type, want)]
        return (f"take one of its fields: {', '.join(f'`{shape}.{f}`' for f in fields[:4])}" if fields else None), None
    if isinstance(want, ListType) and infer.may_fit(value.type, want.element):
        return f"write a list: `[{shape}]`", None
    return None, None


def _mend_constant(cx: Context, value: Typed, constant: object, want: Type) -> tuple[str | None, Fix | None]:
    if isinstance(constant, int) and str(constant) in cx.scope:
        step = f"${constant}"
        return f"the value of step {constant} is written `{step}`", replacing(value.span, step)
    if isinstance(constant, int | float) and infer.may_fit(STR, want):
        quoted = string("true" if constant is True else "false" if constant is False else str(constant))
        return f"quote it: `{quoted}`", replacing(value.span, quoted)
    if not isinstance(constant, str):
        return None, None
    if constant.lstrip("$") in cx.scope and infer.may_fit(cx.scope.bindings[constant.lstrip("$")].type, want):
        bare = constant if not constant.isdigit() else f"${constant}"
        return f"without quotes it is the value: `{bare}`", replacing(value.span, bare)
    unquoted = constant.strip()
    for kind, read in ((INT, int), (FLOAT, float)):
        if infer.may_fit(kind, want) and unquoted.replace(".", "", 1).lstrip("-").isascii() and _reads(unquoted, read):
            return f"write the number without quotes: `{unquoted}`", replacing(value.span, unquoted)
    return None, None


def _reads(text: str, read: type[int] | type[float]) -> bool:
    digits = text.removeprefix("-").replace(".", "", 1 if read is float else 0)
    return 0 < len(digits) < 30 and digits.isdigit() and digits.isascii() and not text.endswith(".")

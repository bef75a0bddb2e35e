"""Lowers expressions without calls: literals, references, paths, operators, conditionals, f-strings."""

from __future__ import annotations

from llmcc.frontend import infer, syntax
from llmcc.frontend.calls import has_call
from llmcc.frontend.context import Context, Rule, Typed, broken, describe, replacing
from llmcc.frontend.fit import null
from llmcc.frontend.interpolate import interpolated, warn_of_plain_reference
from llmcc.frontend.names import resolve
from llmcc.frontend.quote import shown
from llmcc.ir.expr import Binary, Cond, Const, DictOf, Expr, Format, Index, ListOf, Slice, Unary
from llmcc.ir.types import (
    ANY,
    ANY_LIST,
    INT,
    STR,
    Field,
    ListType,
    RecordType,
    Type,
    nullable,
    options,
    union,
    without_null,
)
from llmcc.ir.values import MAX_BITS


def literal(cx: Context, node: syntax.Literal) -> Typed:
    """A constant; in the dialect `llmcompiler` a string may hold references."""
    value = node.value
    if isinstance(value, str) and "$" in value and cx.dialect == "llmcompiler":
        found = interpolated(cx, node, value)
        if found is not None:
            return found
    if isinstance(value, str) and ("$" in value or "{" in value):
        warn_of_plain_reference(cx, node, value)
    if type(value) is int and value.bit_length() > MAX_BITS:
        cx.report("E0802", node.span, f"this integer has more than {MAX_BITS:,} bits")
        return broken(node.span)
    return Typed(expr=Const(value), type=infer.of_constant(value), span=node.span)


def reference(cx: Context, node: syntax.Reference) -> Typed:
    """A value of the plan or a variable."""
    return resolve(cx, node)


def list_literal(cx: Context, node: syntax.ListLiteral) -> Typed:
    """`[a, b]`."""
    parts = tuple(map(cx.lower, node.items))
    kind = ListType(union(*(p.type for p in parts))) if parts else ANY_LIST
    return Typed(expr=ListOf(tuple(p.expr for p in parts)), type=kind, span=node.span, parts=parts)


def dict_literal(cx: Context, node: syntax.DictLiteral) -> Typed:
    """`{"a": x}`."""
    seen: dict[str, Typed] = {}
    for key, value in node.entries:
        name = str(key.value)
        lowered = cx.lower(value)
        if name in seen:
            cx.report("E0310", key.span, f"the key {shown(name)} stands here twice", help="keep one of the two")
            continue
        seen[name] = lowered
    kind = RecordType(tuple(Field(name, part.type) for name, part in seen.items()))
    entries = tuple((name, part.expr) for name, part in seen.items())
    return Typed(expr=DictOf(entries), type=kind, span=node.span, parts=tuple(seen.values()))


def narrowed(cx: Context, expr: Expr, kind: Type) -> Type:
    """The type of `expr`, without null where a condition around it rules that out."""
    if kind != ANY and nullable(kind) and expr in cx.facts.present:
        return without_null(kind)
    return kind


def attribute(cx: Context, node: syntax.Attribute) -> Typed:
    """`base.name`."""
    base = cx.lower(node.base)
    return _field(cx, base, node.name, syntax.Literal(node.name_span, node.name), node)


def subscript(cx: Context, node: syntax.Subscript) -> Typed:
    """`base[index]`."""
    base = cx.lower(node.base)
    if isinstance(node.index, syntax.Literal) and isinstance(node.index.value, str):
        return _field(cx, base, node.index.value, node.index, node)
    index = cx.lower(node.index)
    if base.broken or index.broken:
        return broken(node.span)
    expr = Index(base.expr, index.expr)
    found = infer.item(base.type, index.type)
    if found.type is None:
        _no_item(cx, base, index)
        return broken(node.span)
    if found.null:
        null(cx, base, "null has no items")
        return broken(node.span)
    return Typed(expr=expr, type=narrowed(cx, expr, found.type), span=node.span)


def _field(cx: Context, base: Typed, name: str, key: syntax.Literal, node: syntax.Expression) -> Typed:
    if base.broken:
        return broken(node.span)
    expr = Index(base.expr, Const(name))
    found = infer.field(base.type, name)
    if found.type is None:
        _no_field(cx, base, name, key, quoted=isinstance(node, syntax.Subscript))
        return broken(node.span)
    if found.null:
        null(cx, base, "null has no fields")
        return broken(node.span)
    return Typed(expr=expr, type=narrowed(cx, expr, found.type), span=node.span)


def _no_field(cx: Context, base: Typed, name: str, key: syntax.Literal, *, quoted: bool) -> None:
    fields = [f.name for o in options(base.type) if isinstance(o, RecordType) for f in o.fields]
    who = describe(base.expr)
    if fields:
        near = cx.suggester.closest(name, fields)
        plain = near.only is not None and (quoted or near.only.isidentifier())
        fix = replacing(key.span, f'"{near.only}"' if quoted else near.only) if near.only and plain else None
        note = f"it has {', '.join(map(shown, fields[:12]))}" + (", ..." if len(fields) > 12 else "")
        cx.report("E0402", key.span, f"{who} has no field {shown(name)}", note, help=near.help, fix=fix)
        return
    help = None
    if infer.may_be(base.type, ANY_LIST):
        shape = who.strip("`") if who.startswith("`") else "xs"
        help = f"an item of it may have that field: `{shape}[0].{name}`, or `[item.{name} for item in {shape}]`"
    cx.report("E0403", key.span, f"{who} is {_a(base.type)}, which has no fields", help=help)


def _a(kind: Type) -> str:
    """`a list[str]`, `an int`."""
    text = str(kind)
    return f"{'an' if text[0] in 'aeiou' else 'a'} {text}"


def _no_item(cx: Context, base: Typed, index: Typed) -> None:
    who = describe(base.expr)
    if infer.item(base.type, INT).type is None and infer.item(base.type, STR).type is None:
        cx.report("E0403", base.span, f"{who} is {_a(base.type)}, which has no items")
        return
    wanted = "an int" if infer.item(base.type, STR).type is None else "the name of a field"
    cx.report("E0403", index.span, f"an index of {who} is {wanted}, not {_a(index.type)}", f"it is {_a(base.type)}")


def slice_of(cx: Context, node: syntax.SliceOf) -> Typed:
    """`base[start:stop]`."""
    base = cx.lower(node.base)
    bounds = [None if bound is None else cx.lower(bound) for bound in (node.start, node.stop)]
    for bound in bounds:
        if bound is None or bound.broken:
            continue
        if not infer.may_fit(bound.type, INT):
            cx.report("E0403", bound.span, f"the bound of a slice is an int, not {_a(bound.type)}")
        elif bound.type != ANY and nullable(bound.type):
            null(cx, bound, "the bound of a slice is an int")
    if base.broken:
        return base
    found = infer.part(base.type)
    if found.type is None:
        cx.report("E0403", base.span, f"{describe(base.expr)} is {_a(base.type)}, which has no slices")
        return broken(node.span)
    if found.null:
        null(cx, base, "null has no slices")
        return broken(node.span)
    start, stop = (None if bound is None else bound.expr for bound in bounds)
    return Typed(expr=Slice(base.expr, start, stop), type=found.type, span=node.span)


def condition(cx: Context, node: syntax.Expression) -> Typed:
    """An expression that is used as a condition."""
    test = cx.lower(node)
    if test.broken:
        return test
    found = infer.condition(test.type)
    if found.type is not None and not found.null:
        return test
    if found.null:
        null(cx, test, "a condition is true or false")
        return broken(node.span)
    who = describe(test.expr)
    shape = who.strip("`") if who.startswith("`") else "..."
    cx.report(
        "E0406",
        node.span,
        f"a condition is true or false, and this is {_a(test.type)}",
        help=_as_bool(test.type, shape),
    )
    return broken(node.span)


def _as_bool(kind: Type, shape: str) -> str:
    if infer.may_be(kind, ANY_LIST, STR) or isinstance(kind, RecordType):
        return f"write `len({shape}) > 0`"
    return f"compare it: `{shape} != 0`" if infer.may_be(kind, INT) else f"compare it: `{shape} == ...`"


def unary(cx: Context, node: syntax.UnaryOp) -> Typed:
    """`not x` and `-x`; a minus before a number belongs to the number."""
    if node.op == "not":
        test = condition(cx, node.operand)
        return test if test.broken else Typed(expr=Unary("not", test.expr), type=test.type, span=node.span)
    value = cx.lower(node.operand)
    if value.broken:
        return value
    if isinstance(value.expr, Const) and type(value.expr.value) in (int, float):
        return Typed(expr=Const(-value.expr.value), type=value.type, span=node.span)  # type: ignore[operator]
    found = infer.unary("-", value.type)
    if found.type is None:
        cx.report("E0404", node.span, f"`-` of {_a(value.type)}", help=_operand_help(value.type))
        return broken(node.span)
    if found.null:
        null(cx, value, "null has no negative")
        return broken(node.span)
    return Typed(expr=Unary("-", value.expr), type=found.type, span=node.span)


def _operand_help(kind: Type) -> str | None:
    return "`float(...)` or `int(...)` reads a number from text" if infer.may_be(kind, STR) else None


def binary(cx: Context, node: syntax.BinaryOperation) -> Typed:
    """`left op right`."""
    if node.op in ("and", "or"):
        return _junction(cx, node)
    left, right = cx.lower(node.left), cx.lower(node.right)
    if left.broken or right.broken:
        return broken(node.span)
    found = infer.binary(node.op, left.type, right.type)
    if found.type is None:
        _wrong_operands(cx, node, left, right)
        return broken(node.span)
    if found.null:
        null(cx, left if nullable(left.type) and left.type != ANY else right, f"`{node.op}` does not take null")
        return broken(node.span)
    return Typed(expr=Binary(node.op, left.expr, right.expr), type=found.type, span=node.span)


def _junction(cx: Context, node: syntax.BinaryOperation) -> Typed:
    left = condition(cx, node.left)
    proceed = node.op == "and"
    test = left.expr
    guard = None
    if has_call(node.right, cx) and not left.broken:
        test = cx.shared(test, node.left.span)
        guard = test if proceed else Unary("not", test)
    with cx.branch(guard, cx.facts if left.broken else cx.facts.assume(left.expr, proceed)):
        right = condition(cx, node.right)
    if left.broken or right.broken:
        return broken(node.span)
    found = infer.binary(node.op, left.type, right.type)
    return Typed(expr=Binary(node.op, test, right.expr), type=found.type or ANY, span=node.span)


def _wrong_operands(cx: Context, node: syntax.BinaryOperation, left: Typed, right: Typed) -> None:
    if node.op in ("==", "!="):
        result = "false" if node.op == "==" else "true"
        cx.report(
            "E0405",
            node.span,
            f"{left.type} and {right.type} are never equal, so this is always {result}",
            help=_operand_help(left.type) if infer.may_be(right.type, INT) else None,
        )
        return
    help = _operand_help(left.type if infer.may_be(left.type, STR) else right.type)
    texts = infer.may_be(left.type, STR) or infer.may_be(right.type, STR)
    if node.op in ("in", "not in"):
        help = "`str(...)` makes a text of a value" if infer.may_be(right.type, STR) else None
    elif node.op == "+" and texts:
        help = 'to build a text, write f"...{value}..." or `str(...)`'
    cx.report("E0404", node.span, f"`{node.op}` of {_a(left.type)} and {_a(right.type)}", help=help)


def conditional(cx: Context, node: syntax.Conditional) -> Typed:
    """`then if test else other`: the calls of a side run only if it is chosen."""
    first = condition(cx, node.test)
    test = first.expr
    calls = not first.broken and (has_call(node.then, cx) or has_call(node.other, cx))
    if calls:
        test = cx.shared(test, node.test.span)
    known = (cx.facts, cx.facts) if first.broken else (cx.facts.assume(first.expr), cx.facts.assume(first.expr, False))
    with cx.branch(test if calls else None, known[0]):
        then = cx.lower(node.then)
    with cx.branch(Unary("not", test) if calls else None, known[1]):
        other = cx.lower(node.other)
    if first.broken or then.broken or other.broken:
        return broken(node.span)
    kind = union(then.type, other.type)
    return Typed(expr=Cond(test, then.expr, other.expr), type=kind, span=node.span, parts=(then, other))


def fstring(cx: Context, node: syntax.FString) -> Typed:
    """`f"... {reference} ..."`: its literals are text and nothing else."""
    parts: list[Expr] = []
    wrong = False
    for part in node.parts:
        if isinstance(part, syntax.Literal):
            parts.append(Const(part.value))
            continue
        value = cx.lower(part)
        wrong = wrong or value.broken
        parts.append(value.expr)
    if wrong:
        return broken(node.span)
    if all(isinstance(part, Const) for part in parts):
        text = "".join(str(part.value) for part in parts if isinstance(part, Const))
        return Typed(expr=Const(text), type=STR, span=node.span)
    return Typed(expr=Format(tuple(parts)), type=STR, span=node.span)


RULES: dict[type[syntax.Node], Rule] = {
    syntax.Literal: literal,
    syntax.Reference: reference,
    syntax.ListLiteral: list_literal,
    syntax.DictLiteral: dict_literal,
    syntax.Attribute: attribute,
    syntax.Subscript: subscript,
    syntax.SliceOf: slice_of,
    syntax.UnaryOp: unary,
    syntax.BinaryOperation: binary,
    syntax.Conditional: conditional,
    syntax.FString: fstring,
}

"""Prints modules as text or JSON. `llmcc.ir.parser` reads both back to an equal module; `ir.lark` is the grammar.

One op stands on one line; what is None, or empty, is left out:

    plan {dialect = 1, ordered = true} {
      %peaks = call search(query = "peaks", limit = 3) : list[{name: str}] {effect = read(web), at = 1:1-34}
      %texts = map %p : {name: str} in %peaks : list[str] {ordered = false, at = 2:1-40} [
        %texts.1 = call describe(name = %p.name) : str {effect = pure, when = %p.name != ""}
      ] keep %p.name != "" yield %texts.1
      join(texts = %texts) {at = 3:1-12}
    }
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from llmcc.ir import expr as e
from llmcc.ir.escape import quote
from llmcc.ir.ops import Call, Compute, Join, Map, Module, Op, Return, ValueOp

_VALUE = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+)(?:\.[0-9]+)*")
_TOOL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_ARGUMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+")
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: Integers with more bits are printed in base 16: the time that takes does not grow with the square of their length.
_LONGEST_DECIMAL = 4096

# How strongly an expression's parts hold together; one that holds less than its place asks for gets parentheses.
_COND, _OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _NEGATIVE, _NUMBER, _POSTFIX = range(10)
_STRENGTH = {"or": _OR, "and": _AND, "+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "//": _PRODUCT, "%": _PRODUCT}


def print_module(module: Module) -> str:
    """The module as text, with a newline at the end."""
    head = f"plan {{dialect = {module.dialect}, ordered = {_flag(module.ordered)}}} {{"
    return "\n".join([head, *(line for op in module.ops for line in _lines(op, "  ")), "}", ""])


def to_json(module: Module) -> bytes:
    """The module as JSON, in UTF-8, on one line; the module must be well-formed, as JSON knows no infinite numbers.

    Its structure is that of `llmcc.ir.ops`, each node with its kind under `op` (ops), `e` (expressions) or `t` (types).
    """
    return msgspec.json.encode(module)


def print_op(op: Op) -> str:
    """One op as text, without a newline at the end (a map takes several lines)."""
    return "\n".join(_lines(op, ""))


def print_name(name: str) -> str:
    """A reference to a value: `%everest`, `%3.1`, `%"an odd name"`."""
    return "%" + (name if _VALUE.fullmatch(name) else quote(name))


def print_expr(expr: e.Expr) -> str:
    """An expression as text.

    >>> x, two = e.Ref("x"), e.Const(2)
    >>> print_expr(e.Binary("*", e.Binary("+", x, two), e.Index(x, e.Const("size"))))
    '(%x + 2) * %x.size'
    """
    return _at(_COND, expr)


def _lines(op: Op, indent: str) -> Iterator[str]:
    match op:
        case Join(args=args):
            yield f"{indent}join({_arguments(args)}){_attributes(op)}"
        case Return(expr=answer):
            yield f"{indent}return {print_expr(answer)}{_attributes(op)}"
        case Compute(expr=expr):
            yield f"{indent}{print_name(op.name)} = expr {print_expr(expr)} : {op.type}{_attributes(op)}"
        case Call(tool=tool, args=args):
            call = f"{_plain(_TOOL, tool)}({_arguments(args)})"
            yield f"{indent}{print_name(op.name)} = call {call} : {op.type}{_attributes(op)}"
        case Map():
            yield from _map_lines(op, indent)


def _map_lines(op: Map, indent: str) -> Iterator[str]:
    over = f"{print_name(op.var)} : {op.var_type} in {print_expr(op.source)}"
    yield f"{indent}{print_name(op.name)} = map {over} : {op.type}{_attributes(op)} ["
    for inner in op.body:
        yield from _lines(inner, indent + "  ")
    keep = "" if op.keep is None else f"keep {print_expr(op.keep)} "
    yield f"{indent}] {keep}yield {print_expr(op.result)}"


def _attributes(op: Op) -> str:
    found = list(_value_attributes(op)) if not isinstance(op, Join | Return) else []
    if op.span is not None:
        found.append(f"at = {op.span}")
    if not isinstance(op, Join | Return):
        found += [f"{key} = {v!r}" for key, v in (("step", op.step), ("priority", op.priority)) if v is not None]
    return f" {{{', '.join(found)}}}" if found else ""


def _value_attributes(op: ValueOp) -> Iterator[str]:
    if isinstance(op, Call):
        yield f"effect = {op.effect}"
        if op.batch is not None:
            yield f"batch = {op.batch}"
        if op.untrusted:
            yield "untrusted = true"
    if isinstance(op, Map):
        yield f"ordered = {_flag(op.ordered)}"
    if op.guard is not None:
        yield f"when = {print_expr(op.guard)}"
    if op.after:
        yield f"after = [{', '.join(map(print_name, op.after))}]"
    if op.catch is not None:
        yield f"catch = {print_expr(op.catch)}"


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _plain(form: re.Pattern[str], name: str) -> str:
    return name if form.fullmatch(name) else quote(name)


def _arguments(args: tuple[tuple[str, e.Expr], ...]) -> str:
    return ", ".join(f"{_plain(_ARGUMENT, name)} = {print_expr(expr)}" for name, expr in args)


def _at(least: int, expr: e.Expr) -> str:
    strength, text = _written(expr)
    return text if strength >= least else f"({text})"


def _listed(exprs: tuple[e.Expr, ...]) -> str:
    return ", ".join([_at(_COND, x) for x in exprs])


def _written(expr: e.Expr) -> tuple[int, str]:
    match expr:
        case e.Const(value):
            return _constant(value)
        case e.Ref(name):
            return _POSTFIX, print_name(name)
        case e.ListOf(items):
            return _POSTFIX, f"[{_listed(items)}]"
        case e.DictOf(entries):
            return _POSTFIX, "{" + ", ".join([f"{quote(k)}: {_at(_COND, v)}" for k, v in entries]) + "}"
        case e.Index(base, e.Const(str(field))) if _FIELD.fullmatch(field):
            return _POSTFIX, f"{_at(_POSTFIX, base)}.{field}"
        case e.Index(base, index):
            return _POSTFIX, f"{_at(_POSTFIX, base)}[{_at(_COND, index)}]"
        case e.Slice(base, start, stop):
            bounds = ["" if bound is None else _at(_COND, bound) for bound in (start, stop)]
            return _POSTFIX, f"{_at(_POSTFIX, base)}[{':'.join(bounds)}]"
        case e.Unary("not", operand):
            return _NOT, f"not {_at(_NOT, operand)}"
        case e.Unary("-", operand):
            # `-1` is the constant; the negative of the constant 1 is `-(1)`.
            return _NEGATIVE, f"-{_at(_POSTFIX if isinstance(operand, e.Const) else _NEGATIVE, operand)}"
        case e.Binary(op, left, right):
            strength = _STRENGTH.get(op, _COMPARE)
            first = strength + 1 if strength == _COMPARE else strength
            return strength, f"{_at(first, left)} {op} {_at(strength + 1, right)}"
        case e.Cond(test, then, other):
            return _COND, f"{_at(_OR, then)} if {_at(_OR, test)} else {_at(_COND, other)}"
        case e.Format(parts):
            return _POSTFIX, f"format({_listed(parts)})"
        case e.Builtin(name, args):
            return _POSTFIX, f"{name}({_listed(args)})"
        case e.Comprehension(element, name, source, condition):
            over = f"{print_name(name)} in {_at(_OR, source)}"
            where = "" if condition is None else f" if {_at(_OR, condition)}"
            return _POSTFIX, f"[{_at(_COND, element)} for {over}{where}]"
        case e.Check(operand, wanted):
            return _POSTFIX, f"check({_at(_COND, operand)}, {wanted})"
    raise TypeError(f"no expression: {expr!r}")


def _constant(value: e.Scalar) -> tuple[int, str]:
    if value is None:
        return _POSTFIX, "null"
    if isinstance(value, bool):
        return _POSTFIX, _flag(value)
    if isinstance(value, str):
        return _POSTFIX, quote(value)
    if isinstance(value, int) and value.bit_length() > _LONGEST_DECIMAL:
        return _NUMBER, hex(value)
    return _NUMBER, repr(value)

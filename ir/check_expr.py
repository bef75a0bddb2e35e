"""What the verifier has to know of an expression and of a type, found in one walk that does not recurse."""

from __future__ import annotations

import math

import msgspec

from llmcc.ir.builtins import BUILTINS
from llmcc.ir.expr import Builtin, Check, Comprehension, Const, DictOf, Expr, Ref, children
from llmcc.ir.types import EnumType, ListType, RecordType, Type, UnionType, union
from llmcc.ir.values import MAX_BITS

MAX_DEPTH = 200


class Findings(msgspec.Struct, frozen=True):
    """The names an expression takes from outside (`free`) and binds itself (`bound`), and what is wrong with it."""

    free: dict[str, None]
    bound: dict[str, None]
    wrong: list[tuple[str, str]]


def look(expr: Expr) -> Findings:
    """Walks through an expression. `wrong` holds pairs of an invariant (see `llmcc.ir.verify`) and a text."""
    if type(expr) is Ref:
        return Findings({expr.name: None}, {}, [])
    found = Findings({}, {}, [])
    # A node to look at with its depth, or the comprehensions' variables that are in scope from here on.
    stack: list[tuple[Expr, int] | frozenset[str]] = [(expr, 1)]
    bound: frozenset[str] = frozenset()
    while stack:
        entry = stack.pop()
        if isinstance(entry, frozenset):
            bound = entry
            continue
        node, depth = entry
        if depth > MAX_DEPTH:
            found.wrong.append(("I11", f"an expression is more than {MAX_DEPTH} nodes deep"))
            return found
        _look_at(node, bound, found)
        if type(node) is Comprehension:
            inside = (node.element,) if node.condition is None else (node.condition, node.element)
            stack.append(bound)
            stack.extend((part, depth + 1) for part in reversed(inside))
            stack.append(bound | {node.name})
            stack.append((node.source, depth + 1))
        else:
            stack.extend((part, depth + 1) for part in reversed(children(node)))
    return found


def _look_at(node: Expr, bound: frozenset[str], found: Findings) -> None:
    match node:
        case Const(value):
            _note(found, "I08", constant_fault(value))
        case Ref(name) if name not in bound:
            found.free[name] = None
        case DictOf(entries):
            keys = [key for key, _ in entries]
            _note(found, "I09", "a record has a key twice" if len(set(keys)) != len(keys) else None)
            for key in keys:
                _note(found, "I09", constant_fault(key))
        case Builtin(name) if name not in BUILTINS:
            found.wrong.append(("I10", f"there is no built-in {name}"))
        case Builtin(name, args) if not BUILTINS[name].accepts_count(len(args)):
            found.wrong.append(("I10", f"{name} takes no {len(args)} arguments"))
        case Comprehension(_, name):
            _note(found, "I01", f"%{name} is bound again inside its comprehension" if name in bound else None)
            _note(found, "I01", None if name else "a name is empty")
            found.bound[name] = None
        case Check(_, type_):
            _note(found, "I12", type_fault(type_))


def _note(found: Findings, invariant: str, text: str | None) -> None:
    if text:
        found.wrong.append((invariant, text))


def constant_fault(value: object) -> str | None:
    """Why `value` is no constant of the language, or None if it is one."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int):
        return f"an int has more than {MAX_BITS} bits" if value.bit_length() > MAX_BITS else None
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{value} is not finite"
    if isinstance(value, str):
        lone = not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value)
        return "a text holds a lone surrogate" if lone else None
    return f"a {type(value).__name__} is no constant"


def type_fault(type_: Type) -> str | None:
    """Why a type is not in its one right form, or None if it is."""
    stack = [type_]
    while stack:
        match stack.pop():
            case UnionType(options) as t:
                if union(*options) != t:
                    return f"the union {t} is not in the form that `union` makes"
                stack.extend(options)
            case EnumType(values) as t:
                if union(t) != t or not values:
                    return f"the enum {t} has no values, or one twice"
            case ListType(element):
                stack.append(element)
            case RecordType(fields, rest):
                if len({f.name for f in fields}) != len(fields):
                    return "a record type has a field twice"
                stack.extend(f.type for f in fields)
                stack.extend([] if rest is None else [rest])
    return None

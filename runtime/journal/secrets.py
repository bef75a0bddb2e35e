"""What is not written down: arguments that a tool marks secret, and plans that hold one.

A digest stands for the arguments of each call, so that a resumed run can tell that it makes the same call. Where one
of them is secret, it is keyed with 32 random bytes from a file beside the journal (`runs.db.key`, readable by its owner
only): who has the journal alone cannot find the secret by trying values.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

from llmcc.ir.expr import Const, Expr, Index, Slice, children, refs
from llmcc.ir.ops import Call, Compute, Map, Module, ValueOp, inner, operands
from llmcc.ir.secrets import Secrets
from llmcc.ir.signature import Signature
from llmcc.ir.values import Value, canonical
from llmcc.runtime.journal.errors import JournalError

_KEY_SIZE = 32


def key_path(journal: Path) -> Path:
    """Where the key of a journal is."""
    return journal.with_name(f"{journal.name}.key")


class Redaction:
    """Digests of arguments, and arguments without their secrets. The key is read, or made, when it is first needed."""

    def __init__(self, journal: Path, signatures: Mapping[str, Signature]) -> None:
        self._path = key_path(journal)
        self._secrets = Secrets(signatures)
        self._key: bytes | None = None

    def digest(self, tool: str, args: Mapping[str, Value]) -> str:
        """A word for a call: equal for equal arguments."""
        marked = self._secrets.marked.get(tool, frozenset())
        key = b"" if marked.isdisjoint(args) else self._secret_key()
        return blake2b(f"{tool}\n{canonical(dict(args))}".encode(), key=key, digest_size=16).hexdigest()

    def shown(self, tool: str, args: Mapping[str, Value]) -> dict[str, Value]:
        """The arguments as they may be written down."""
        self._secrets.note(tool, args)
        return self._secrets.args(tool, args)

    def _secret_key(self) -> bytes:
        if self._key is None:
            self._key = _read_key(self._path)
        return self._key


def _read_key(path: Path) -> bytes:
    """The key in a file, which is made if it is not there. Its text must never be seen half-written."""
    try:
        if not path.exists():
            made = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
            number = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(number, "wb") as file:
                file.write(secrets.token_bytes(_KEY_SIZE))
                file.flush()
                os.fsync(number)
            try:
                os.link(made, path)  # fails if another process was quicker, whose key then counts
            except FileExistsError:
                pass
            finally:
                made.unlink()
        key = path.read_bytes()
    except OSError as error:
        raise JournalError(f"{path}: {error.strerror or error}") from error
    if len(key) != _KEY_SIZE:
        raise JournalError(f"{path}: this is not the key that was written")
    return key


def holds_secrets(module: Module, signatures: Mapping[str, Signature]) -> bool:
    """Whether a secret argument is made of constants of the plan, so that its text must not be written down."""
    return makes_secrets(module, Secrets(signatures))


def makes_secrets(module: Module, secrets: Secrets) -> bool:
    """`holds_secrets`, for what `secrets` say is marked."""
    ops: dict[str, ValueOp] = {}
    _collect(module.values, ops)
    wanted = [expr for op in ops.values() if isinstance(op, Call) for expr in _secret_arguments(op, secrets)]
    seen: set[str] = set()
    while wanted:
        expr = wanted.pop()
        if _has_content(expr):
            return True
        for name in set(refs(expr)) - seen:
            seen.add(name)
            wanted.extend(_made_of(name, ops))
    return False


def _has_content(expr: Expr) -> bool:
    """Whether a constant is part of what the expression gives, and not only says where to look."""
    if isinstance(expr, Index | Slice):
        return _has_content(children(expr)[0])
    return isinstance(expr, Const) or any(map(_has_content, children(expr)))


def _made_of(name: str, ops: Mapping[str, ValueOp]) -> tuple[Expr, ...]:
    """What a value is computed from in the plan itself; a tool's result is not the plan's."""
    op = ops.get(name)
    if op is None:
        return tuple(one.source for one in ops.values() if isinstance(one, Map) and one.var == name)
    catch = () if op.catch is None else (op.catch,)
    if isinstance(op, Compute):
        return (*operands(op), *catch)
    return (*inner(op), op.source, *catch) if isinstance(op, Map) else catch


def _secret_arguments(op: Call, secrets: Secrets) -> list[Expr]:
    hidden = secrets.marked.get(op.tool, frozenset())
    return [expr for name, expr in op.args if name in hidden]


def _collect(values: tuple[ValueOp, ...], ops: dict[str, ValueOp]) -> None:
    for op in values:
        ops[op.name] = op
        if isinstance(op, Map):
            _collect(op.body, ops)

"""Whatever the validator accepts means the same: random edits of drawn plans, and a look at what the accepted ones do.

    LLMCC_EDITS=10000 pytest tests/optimizer/test_optimizer_edits.py -q

tries as many.
"""

from __future__ import annotations

import copy
import os
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmcc.ir.ops import Module
from llmcc.ir.parser import from_json
from llmcc.ir.printer import to_json
from llmcc.ir.verify import VerificationError, verify
from llmcc.optimizer.validate import ValidationError, validate
from llmcc.testing.modules import modules
from llmcc.testing.opportunities import opportunities
from llmcc.testing.worlds import differ

EDITS = int(os.environ.get("LLMCC_EDITS", "300"))


class Edits:
    """Random edits of a module's JSON."""

    def __init__(self, draw: st.DrawFn, module: Module) -> None:
        self.draw = draw
        self.tree: dict[str, Any] = msgspec.json.decode(to_json(module))
        self.levels: list[list[Any]] = []
        self.exprs: list[tuple[Any, Any]] = []  # where an expression stands: a container, and its key there
        self.ops: list[dict[str, Any]] = []
        self.look(self.tree["ops"])

    def look(self, ops: list[Any]) -> None:
        self.levels.append(ops)
        self.ops += [op for op in ops if "name" in op]
        self.find(ops)
        for op in ops:
            if "body" in op:
                self.look(op["body"])

    def find(self, node: Any) -> None:
        for key, part in list(node.items() if isinstance(node, dict) else enumerate(node)):
            if isinstance(part, dict) and "e" in part:
                self.exprs.append((node, key))
            if isinstance(part, dict | list) and key != "body":
                self.find(part)

    def pick(self, choices: list[Any]) -> Any:
        return choices[self.draw(st.integers(0, len(choices) - 1))]

    def some_expr(self) -> Any:
        container, key = self.pick(self.exprs)
        return copy.deepcopy(container[key]) or {"e": "const", "value": True}  # another edit may have taken it out

    def apply(self) -> None:
        """One edit."""
        kind = self.draw(st.integers(0, 5))
        level = self.pick(self.levels)
        if kind <= 1 and self.exprs:
            container, key = self.pick(self.exprs)
            container[key] = self.some_expr()
        elif kind == 2 and level:
            level.remove(self.pick(level))
        elif kind == 3 and level:
            moved = self.pick(level)
            if "name" not in moved:
                return
            level.remove(moved)
            target = self.pick(self.levels)
            target.insert(self.draw(st.integers(0, len(target))), moved)
        elif kind == 4 and self.ops:
            self.pick(self.ops)[self.pick(["guard", "catch", "keep"])] = None
        elif self.ops and self.exprs:
            self.pick(self.ops)[self.pick(["guard", "catch"])] = self.some_expr()


@st.composite
def edits(draw: st.DrawFn) -> tuple[Module, Module]:
    """A module, and what random edits have made of it."""
    module = draw(opportunities() | modules(max_ops=6, depth=1))
    edits = Edits(draw, module)
    for _ in range(draw(st.integers(1, 2))):
        edits.apply()
    return module, from_json(msgspec.json.encode(edits.tree))


@pytest.mark.slow
@settings(max_examples=EDITS, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(edits())
def test_what_is_accepted_means_the_same(pair: tuple[Module, Module]) -> None:
    before, after = pair
    try:
        verify(after)
        validate(before, after)
    except (VerificationError, ValidationError):
        return
    assert not differ(before, after, 40)

"""What may follow a plan that ends with a `return`: another plan, once the end is known."""

from __future__ import annotations

from tests.runtime.test_runtime_state import Driver, call, done, finish, keys

from llmcc.ir.expr import Ref
from llmcc.ir.ops import Return
from llmcc.runtime import events as ev


def test_behind_a_return_that_is_known_another_plan_may_follow_and_take_its_names() -> None:
    d = Driver()
    d.add(call("a"), Return(expr=Ref("a")))
    d.tell(ev.PlanAccepted())
    (known,) = d.tell(ev.CallFailed("a", "ToolInputError", "no such thing"))
    assert isinstance(known, ev.EndKnown) and known.failed is not None and known.failed.op == "a"
    d.tell(ev.StatementsWithdrawn(("a",)))
    assert keys(d.add(call("a"), Return(expr=Ref("a")))) == ["a~2"]
    assert d.tell(ev.PlanAccepted()) == []
    assert d.tell(done("a~2", 5)) == [ev.EndKnown(5)]
    assert finish(d.tell(ev.PlanEnded())).answer == 5

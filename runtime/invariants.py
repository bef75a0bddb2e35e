"""What is always true of the scheduler between two events. Tests check it after each one.

1. An op waits exactly for those of its prerequisites that are not over (while it recovers: for those of its `catch`).
2. An op is done exactly if its frame has a value for it, failed exactly if it has a failure, and never both.
3. The calls that run are the ones with slots, those of a batch with one together: no tool and not the run has more than
   its limit.
4. No call waits while its tool and the run have a slot for it, unless more events follow at once.
5. No op that writes is ready, runs, is open or has run unless its plan is accepted.
6. A map has no more elements under way than its window, and has opened no element twice.
7. The number of unfinished ops of each region is right.
8. A run that is finished runs nothing and has nothing unfinished; one that stops starts nothing.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from llmcc.ir.expr import refs
from llmcc.ir.ops import Call, ValueOp
from llmcc.runtime.nodes import Node, Region, prerequisites, writes
from llmcc.runtime.ready import call_of

if TYPE_CHECKING:
    from llmcc.runtime.state import Machine


def validate(machine: Machine) -> None:
    """Raises `AssertionError` with a text if one of the invariants above does not hold."""
    live = [node for node in machine.nodes.values() if node.state != "withdrawn"]
    for node in live:
        _check_waiting(node)
        _check_value(node)
        _check_accepted(machine, node)
        _check_map(node)
    _check_slots(machine, live)
    for region in [machine.top, *(r for node in live if node.elements for r in node.elements.regions)]:
        _check_region(region)
    _check_end(machine)


def _require(holds: bool, invariant: int, text: str) -> None:
    if not holds:
        raise AssertionError(f"invariant {invariant} of the scheduler does not hold: {text}")


def _check_waiting(node: Node) -> None:
    names: list[str] = []
    if node.state == "waiting":
        names = prerequisites(node.op)
    elif node.state == "recovering":
        assert isinstance(node.op, ValueOp) and node.op.catch is not None
        names = refs(node.op.catch)
    pending = [name for name in names if name in node.region.nodes and not node.region.nodes[name].over]
    _require(node.unmet == len(pending), 1, f"{node.story()}; it should wait for {pending}")
    _require(node.state not in ("waiting", "recovering") or node.unmet > 0, 1, f"nothing holds it back: {node.story()}")


def _check_value(node: Node) -> None:
    if not isinstance(node.op, ValueOp):
        return
    frame, name = node.region.frame, node.op.name
    _require((node.state == "done") == (name in frame.values), 2, node.story())
    _require((node.state == "failed") == (name in frame.failures), 2, node.story())


def _check_accepted(machine: Machine, node: Node) -> None:
    if not isinstance(node.op, ValueOp) or not writes(node.op) or node.plan <= machine.accepted:
        return
    touched = {"ready", "running", "open"} & {state for _, state in node.history}
    _require(not touched, 5, node.story())


def _check_slots(machine: Machine, live: list[Node]) -> None:
    queue, limits = machine.queue, machine.limits
    running = {node.key for node in live if node.state == "running"}
    withdrawn = {key for key, node in queue.running.items() if node.state == "withdrawn"}
    _require(running | withdrawn == set(queue.running), 3, f"{running} against {set(queue.running)}")
    _require(limits.max_running is None or len(queue.running) <= limits.max_running, 3, f"{len(queue.running)} run")
    limited = {name: one.limit for name, one in machine.signatures.items() if one.limit is not None}
    slots = {
        (call_of(node).tool, node.key if node.batch is None else node.batch.name) for node in queue.running.values()
    }
    tools = Counter(tool for tool, _ in slots if tool in limited)
    _require(tools == +queue.slots.taken, 3, f"{tools} against {queue.slots.taken}")
    for tool, count in tools.items():
        _require(count <= limited[tool], 3, f"{count} slots of {tool}")
    ready = Counter(node.key for node in live if node.state == "ready")
    _require(ready == Counter(node.key for node in queue.waiting()), 4, "a ready call is not in the queue once")
    _require(machine.more or not queue.startable, 4, f"{[node.key for node in queue.waiting()]} wait")


def _check_map(node: Node) -> None:
    run = node.elements
    if run is None:
        return
    _require(0 <= run.under_way <= run.window, 6, node.story())
    _require(len(run.regions) <= len(run.values), 6, node.story())
    _require(run.under_way == sum(region.unfinished > 0 for region in run.regions), 6, node.story())


def _check_region(region: Region) -> None:
    unfinished = sum(not node.over for node in region.nodes.values())
    _require(
        region.unfinished == unfinished, 7, f"{region.prefix or 'the plan'}: {region.unfinished}, not {unfinished}"
    )


def _check_end(machine: Machine) -> None:
    if machine.phase == "finished":
        _require(machine.top.unfinished == 0 and not machine.queue.running, 8, "something is left")
    if machine.stop_reason is not None:
        waiting = [node.key for node in machine.queue.waiting()]
        _require(not waiting and not machine.held, 8, f"{waiting} could still start")
        calls = [node for node in machine.queue.running.values() if isinstance(node.op, Call)]
        _require(len(calls) == len(machine.queue.running), 8, "something runs that is no call")

"""What the scheduler does about calls: it starts those that may start, and takes note of how they ended."""

from __future__ import annotations

from llmcc.ir import errors
from llmcc.ir.call_text import call_text
from llmcc.ir.frame import DependencyFailed, Failure, check_result
from llmcc.ir.ops import Call
from llmcc.runtime import events as ev
from llmcc.runtime.beginnings import Beginnings
from llmcc.runtime.nodes import Node
from llmcc.runtime.progress import IllegalTransition


class Calls(Beginnings):
    """The part of the machine that knows of calls."""

    def _call_finished(self, event: ev.CallFinished) -> None:
        queue = self.queue
        node = queue.running.pop(event.key, None) or self._running(event.key, event)
        op: Call = node.op  # type: ignore[assignment]  # nothing else runs
        self.more = event.more
        self.events += 1
        if op.tool in self._counted:
            queue.release_slot(node, op)
        if node.state == "withdrawn":
            return
        try:
            value = check_result(op, event.value)
        except Exception as error:
            return self._fail_call(node, op, type(error).__name__, str(error))
        region = node.region
        region.frame.values[op.name] = value
        self._over(node, region, "done")

    def _call_failed(self, event: ev.CallFailed) -> None:
        node = self._running(event.key, event)
        assert isinstance(node.op, Call)
        if event.retryable and (event.delay_s or 0.0) <= self.limits.delay_max_s and self._may_retry(node, node.op):
            node.attempt += 1
            self._start(node, event.delay_s)
            return
        self.queue.release(node, node.op)
        if node.state != "withdrawn":
            self._fail_call(node, node.op, event.error, event.message)

    def _fail_call(self, node: Node, op: Call, error: str, message: str) -> None:
        assert node.args is not None
        call = call_text(op.tool, node.args, self.signatures.get(op.tool))
        self._fail(node, DependencyFailed(Failure(error, message, op.name, op.span, call)))

    def _may_retry(self, node: Node, op: Call) -> bool:
        signature = self.signatures.get(op.tool)
        if signature is None or node.attempt > signature.retries:
            return False
        if node.state != "running" or self.stop_reason is not None:
            return False
        return (not op.effect.writes or signature.idempotent) and self._pay(op.tool)

    def _call_cancelled(self, event: ev.CallCancelled) -> None:
        node = self._running(event.key, event)
        if node.state == "running" and self.stop_reason is None:
            raise IllegalTransition(f"nobody asked to cancel this call; {node.story()}")
        assert isinstance(node.op, Call)
        self.queue.release(node, node.op)
        if node.state != "withdrawn":
            self._fail(node, errors.Cancelled(self.stop_reason))

    def _running(self, key: str, event: ev.Event) -> Node:
        node = self.queue.running.get(key)
        if node is not None:
            return node
        story = self.nodes[key].story() if key in self.nodes else f"{key}: there never was such a call"
        raise IllegalTransition(f"{type(event).__name__} for a call that does not run; {story}")

    def _start_ready(self) -> None:
        event, out = self.events, self._out
        for node in self.queue.take():
            node.state = "running"
            node.started = event
            if node.batch is not None:
                self._start(node)
                continue
            op: Call = node.op  # type: ignore[assignment]  # nothing else starts
            out.append(ev.StartCall(node.key, op.name, op.tool, node.args, 1))  # type: ignore[arg-type]  # set

    def _start(self, node: Node, delay_s: float | None = None) -> None:
        op: Call = node.op  # type: ignore[assignment]  # nothing else starts
        assert node.args is not None
        batch = node.batch.name if node.batch is not None and node.batch.size > 1 else None
        self._out.append(ev.StartCall(node.key, op.name, op.tool, node.args, node.attempt, delay_s, batch))

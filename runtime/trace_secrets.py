"""What of a run's secrets would be in its trace, left out. Without constants of its plan a trace may not replay."""

from __future__ import annotations

import msgspec

from llmcc.ir.ops import Module, Op, ValueOp
from llmcc.ir.secrets import Secrets
from llmcc.runtime import events as ev
from llmcc.runtime.journal.secrets import makes_secrets
from llmcc.runtime.spans import Moment


class Hidden:
    """The parts of a trace as they may be written down.

    Attributes:
        ops: those of the plan.
        plan: its text; empty if it holds a secret, however that is written there.
    """

    def __init__(self, secrets: Secrets, ops: tuple[Op, ...], plan: str) -> None:
        self._secrets = secrets
        values = tuple(op for op in ops if isinstance(op, ValueOp))
        self._in_plan = bool(secrets.marked) and makes_secrets(Module(values), secrets)
        self.ops = tuple(map(secrets.op, ops)) if secrets.marked else ops
        self.plan = "" if self._in_plan else secrets.text(plan)

    def event(self, event: ev.Event) -> ev.Event:
        """An event of the log."""
        secrets = self._secrets
        if not secrets.marked:
            return event
        match event:
            case ev.StatementAdded(op=op):
                return msgspec.structs.replace(event, op=secrets.op(op))
            case ev.MapBegun(op=begun):
                return msgspec.structs.replace(event, op=secrets.op(begun))
            case ev.MapGrew(elements=elements):
                return msgspec.structs.replace(event, elements=secrets.expr(elements))
            case ev.CallFinished(value=value):
                return msgspec.structs.replace(event, value=secrets.value(value))
            case ev.CallFailed(message=message):
                return msgspec.structs.replace(event, message=secrets.text(message))
            case ev.Cancelled(reason=reason) | ev.PlanRejected(reason=reason):
                return msgspec.structs.replace(event, reason=secrets.text(reason))
        return event

    def moments(self, moments: tuple[Moment, ...]) -> tuple[Moment, ...]:
        """What models did, without what they wrote if there is a secret in it: it came in pieces."""
        silent = {"planner", "cache"} if self._in_plan else set()
        for role in {moment.role for moment in moments}:
            text = "".join(one.text for one in moments if one.role == role and one.what == "wrote")
            if self._secrets.text(text) != text:
                silent.add(role)
        return tuple(Moment(one.at_s, one.role, one.what) if _is_of(one, silent) else one for one in moments)


def _is_of(moment: Moment, roles: set[str]) -> bool:
    return moment.what == "wrote" and moment.role in roles

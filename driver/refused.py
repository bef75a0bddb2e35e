"""What tools would not take for a question: one of the values that they list. A trained planner is not told why; the
choice is taken out of the list, and it writes the plan again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from llmcc.ir.expr import Const
from llmcc.ir.frame import Failure
from llmcc.ir.ops import Call, ValueOp
from llmcc.ir.signature import Signature
from llmcc.ir.types import EnumType


class Refused:
    """The choices that tools have refused.

    >>> from llmcc.ir.effects import Effect
    >>> from llmcc.ir.signature import Parameter
    >>> from llmcc.ir.types import FLOAT
    >>> size = Parameter("unit", EnumType(("m", "kg", "s")))
    >>> tool = Signature(name="size", parameters=(size,), effect=Effect("read"))
    >>> op = Call(name="a", type=FLOAT, tool="size", args=(("unit", Const("kg")),), effect=Effect("read"))
    >>> refused = Refused({"size": tool})
    >>> refused.note(Failure("ToolInputError", 'a river has no "kg"', "a"), {"a": op})
    True
    >>> refused.signatures["size"].parameters[0].type.values
    ('m', 's')
    >>> refused.note(Failure("ToolInputError", 'it has no "m", but it has s', "a"), {"a": op})
    False
    """

    def __init__(self, signatures: Mapping[str, Signature]) -> None:
        #: The tools, without the choices that were refused.
        self.signatures: Mapping[str, Signature] = signatures

    def note(self, failed: Failure, ops: Mapping[str, ValueOp]) -> bool:
        """Takes out what a call was refused for: a listed value among its arguments that its error names. If that names
        others of the list, they are what there is.

        Returns:
            Whether something was taken out, and there is something left to choose.
        """
        op = ops.get(failed.op)
        if not isinstance(op, Call) or failed.error != "ToolInputError":
            return False
        tool = self.signatures[op.tool]
        types = {p.name: p.type for p in tool.parameters}
        fewer: dict[str, EnumType] = {}
        for name, value in op.args:
            listed = types.get(name)
            if isinstance(value, Const) and isinstance(listed, EnumType) and len(listed.values) > 1:
                named = [one for one in listed.values if re.search(rf"(?<!\w){re.escape(one)}(?!\w)", failed.message)]
                if value.value in named:
                    left = named if len(named) > 1 else listed.values
                    fewer[name] = EnumType(tuple(one for one in left if one != value.value))
        if not fewer:
            return False
        parameters = tuple(msgspec.structs.replace(p, type=fewer.get(p.name, p.type)) for p in tool.parameters)
        changed = msgspec.structs.replace(tool, parameters=parameters)
        self.signatures = {**self.signatures, op.tool: changed}
        return True

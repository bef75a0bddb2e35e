"""Faults that a seed decides: which calls fail, and how."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import trio

from llmcc.ir.errors import ToolError
from llmcc.ir.signature import Signature
from llmcc.ir.values import Value, canonical
from llmcc.runtime.faults import retryable
from llmcc.testing.oddities import ERRORS, JUNK

Kind: TypeAlias = Literal["error", "odd", "hang", "junk", "lost", "flaky"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Fault:
    """What befalls one call: `kind`, and for `odd` and `junk` which of them."""

    kind: Kind
    which: str = ""

    async def strike(self) -> object:
        """Behaves as the tool does that has this fault. `lost` and `flaky` are for the caller to time."""
        match self.kind:
            case "hang":
                await trio.sleep_forever()
            case "junk":
                return JUNK[self.which]()
            case "odd":
                raise ERRORS[self.which]()
            case "lost" | "flaky":
                raise ConnectionError("the answer was lost, by design")
        raise ToolError("fails by design")


@dataclass(frozen=True, slots=True)
class Faults:
    """Which calls fail: `share` of them (0 to 1), drawn by `seed`, each with one of the `kinds`.

    A call's fault depends on its tool and arguments alone, so it is the same whenever the call happens.

    | kind | the tool |
    |---|---|
    | `error` | raises `ToolError` |
    | `odd` | raises anything, `KeyboardInterrupt` and groups included |
    | `hang` | never answers, and is timed out |
    | `junk` | returns what is no plan value |
    | `lost` | does its work, then raises `ConnectionError` |
    | `flaky` | raises `ConnectionError` the first time; only tools that are retried have this fault |

    >>> Faults(share=1.0, kinds=("hang",)).of(Signature(name="f"), {})
    Fault(kind='hang', which='')
    """

    share: float = 0.0
    seed: int = 0
    kinds: tuple[Kind, ...] = KINDS

    def of(self, signature: Signature, args: dict[str, Value]) -> Fault | None:
        """The fault of a call; None if it works."""
        drawn = random.Random(f"{self.seed} {signature.name}({canonical(args)})")
        kinds = [kind for kind in self.kinds if kind != "flaky" or is_retried(signature)]
        if drawn.random() >= self.share or not kinds:
            return None
        kind = drawn.choice(kinds)
        choices = {"odd": list(ERRORS), "junk": list(JUNK)}.get(kind)
        return Fault(kind, drawn.choice(choices) if choices else "")


def is_retried(signature: Signature) -> bool:
    """Whether a call of the tool gets another attempt after a `ConnectionError`."""
    writes = signature.effect is not None and signature.effect.writes
    passing = retryable(ConnectionError(), signature.retry_on)
    return signature.retries > 0 and passing and (not writes or signature.idempotent)

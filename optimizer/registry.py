"""The passes by name, and the pipelines of the levels. A new pass is its file, a line here, and its golden cases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import msgspec

from llmcc.ir.ops import Module
from llmcc.ir.signature import Signature
from llmcc.optimizer.forward import Forward
from llmcc.optimizer.passes.batch_calls import BatchCalls
from llmcc.optimizer.passes.fold_constants import FoldConstants
from llmcc.optimizer.passes.hoist_invariant import HoistInvariant
from llmcc.optimizer.passes.merge_duplicates import MergeDuplicates
from llmcc.optimizer.passes.order_effects import OrderEffects
from llmcc.optimizer.passes.remove_dead import RemoveDead
from llmcc.optimizer.passes.schedule import Schedule
from llmcc.optimizer.passes.share_prefix import SharePrefix
from llmcc.optimizer.passes.simplify import Simplify
from llmcc.optimizer.passes.sink_guards import SinkGuards


class Pass(Protocol):
    """A frozen object whose fields are the pass's options. A call gives the same object if it changes nothing."""

    def __call__(self, module: Module, signatures: Mapping[str, Signature]) -> Module:
        """The module after the pass; `signatures` (by tool) tell what the tools cost."""


@runtime_checkable
class ForwardPass(Pass, Protocol):
    """A pass that looks only backwards, so that it can also be run while a plan streams in."""

    def forward(self) -> Forward:
        """The state of the pass before the first op."""


class Entry(msgspec.Struct, frozen=True):
    """A pass in the registry: its class and what it does, in a line."""

    kind: type[Pass]
    summary: str


PASSES: dict[str, Entry] = {
    "fold-constants": Entry(FoldConstants, "computes what is known before the plan runs"),
    "simplify": Entry(Simplify, "writes expressions in a simpler form of the same value"),
    "hoist-invariant": Entry(HoistInvariant, "runs once, before a map, what is the same for all its elements"),
    "merge-duplicates": Entry(MergeDuplicates, "makes one call of calls that cannot differ"),
    "remove-dead": Entry(RemoveDead, "removes what nobody needs and changes nothing"),
    "sink-guards": Entry(SinkGuards, "lets costly calls wait for the conditions under which they are needed"),
    "order-effects": Entry(OrderEffects, "writes the order of conflicting calls into the ops"),
    "batch-calls": Entry(BatchCalls, "allows calls that can start together to be made as one"),
    "schedule": Entry(Schedule, "writes each op's parallel step and its path to the end"),
    "share-prefix": Entry(SharePrefix, "lets calls of a model whose prompts begin alike start next to each other"),
}

#: What each level runs. Every level gives a module that can be run. The order of the passes:
#: - `fold-constants` first: what it finds out makes guards, sources and arguments simple for all others;
#: - `simplify` then, because equal things have to look equal to be merged, and lists show that they have elements;
#: - `hoist-invariant` before `merge-duplicates`, which compares calls of one level;
#: - `remove-dead` after those two, which leave names that nobody uses;
#: - `sink-guards` when all uses are gone that do not count, and before the order is written down: it moves calls;
#: - `order-effects`, `batch-calls`, `schedule` and `share-prefix` last: they describe what there is.
LEVELS: dict[int, str] = {
    0: "order-effects,schedule",
    1: "fold-constants,simplify,remove-dead,order-effects,schedule",
    2: "fold-constants,simplify,hoist-invariant,merge-duplicates,remove-dead,sink-guards,order-effects,batch-calls,"
    "schedule,share-prefix",
}

#: What runs while a plan streams in.
ONLINE = "fold-constants,simplify,merge-duplicates,order-effects"

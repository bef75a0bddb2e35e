"""llmcc: a compiler and runtime for the plans that language models write.

A plan is a set of tool calls that depend on each other. llmcc parses it while it is being written, checks it, finds
which calls are independent and which are redundant, and runs it with everything in parallel that may be.

    program = llmcc.compile(text, llmcc.load_toolbox("tools.py"))
    outcome = llmcc.run_sync(program)
    print(outcome.value)

Names are imported when they are first used, so that `import llmcc` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmcc.driver import aio
    from llmcc.driver.agent import Agent, Answer
    from llmcc.driver.budget import Budget
    from llmcc.driver.execute import run, run_sync
    from llmcc.driver.journaled import resume, resume_sync
    from llmcc.driver.llm_tool import llm_tool
    from llmcc.driver.plan_cache import PlanCache, PlanCacheError
    from llmcc.driver.program import CompileError, Program, compile
    from llmcc.frontend.limits import SourceLimits
    from llmcc.ir.diagnostics import Diagnostic
    from llmcc.ir.errors import (
        LimitExceeded,
        LlmccError,
        ToolError,
        ToolInputError,
        ToolMissing,
        ToolOutputError,
        ToolTimeout,
    )
    from llmcc.runtime import models
    from llmcc.runtime.journal.errors import CallsInDoubt, JournalDamaged, JournalError, RunTaken
    from llmcc.runtime.outcome import Outcome
    from llmcc.runtime.replay import ReplayError, replay
    from llmcc.runtime.toolbox import Toolbox, load_toolbox
    from llmcc.runtime.tools import Tool, tool
    from llmcc.runtime.trace import Trace, TraceError

__version__ = "0.1.0"

_MODULES = {"aio": "llmcc.driver.aio", "models": "llmcc.runtime.models"}
_HOMES = {
    "Agent": "llmcc.driver.agent",
    "Answer": "llmcc.driver.agent",
    "Budget": "llmcc.driver.budget",
    "run": "llmcc.driver.execute",
    "run_sync": "llmcc.driver.execute",
    "llm_tool": "llmcc.driver.llm_tool",
    "resume": "llmcc.driver.journaled",
    "resume_sync": "llmcc.driver.journaled",
    "PlanCache": "llmcc.driver.plan_cache",
    "PlanCacheError": "llmcc.driver.plan_cache",
    "CompileError": "llmcc.driver.program",
    "Program": "llmcc.driver.program",
    "compile": "llmcc.driver.program",
    "SourceLimits": "llmcc.frontend.limits",
    "Diagnostic": "llmcc.ir.diagnostics",
    "LimitExceeded": "llmcc.ir.errors",
    "LlmccError": "llmcc.ir.errors",
    "ToolError": "llmcc.ir.errors",
    "ToolInputError": "llmcc.ir.errors",
    "ToolMissing": "llmcc.ir.errors",
    "ToolOutputError": "llmcc.ir.errors",
    "ToolTimeout": "llmcc.ir.errors",
    "CallsInDoubt": "llmcc.runtime.journal.errors",
    "JournalDamaged": "llmcc.runtime.journal.errors",
    "JournalError": "llmcc.runtime.journal.errors",
    "RunTaken": "llmcc.runtime.journal.errors",
    "Outcome": "llmcc.runtime.outcome",
    "Toolbox": "llmcc.runtime.toolbox",
    "load_toolbox": "llmcc.runtime.toolbox",
    "Tool": "llmcc.runtime.tools",
    "tool": "llmcc.runtime.tools",
    "ReplayError": "llmcc.runtime.replay",
    "replay": "llmcc.runtime.replay",
    "Trace": "llmcc.runtime.trace",
    "TraceError": "llmcc.runtime.trace",
}

__all__ = [
    "Agent",
    "Answer",
    "Budget",
    "CallsInDoubt",
    "CompileError",
    "Diagnostic",
    "JournalDamaged",
    "JournalError",
    "LimitExceeded",
    "LlmccError",
    "Outcome",
    "PlanCache",
    "PlanCacheError",
    "Program",
    "ReplayError",
    "RunTaken",
    "SourceLimits",
    "Tool",
    "ToolError",
    "ToolInputError",
    "ToolMissing",
    "ToolOutputError",
    "ToolTimeout",
    "Toolbox",
    "Trace",
    "TraceError",
    "aio",
    "compile",
    "llm_tool",
    "load_toolbox",
    "models",
    "replay",
    "resume",
    "resume_sync",
    "run",
    "run_sync",
    "tool",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'llmcc' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

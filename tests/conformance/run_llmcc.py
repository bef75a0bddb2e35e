"""Runs a plan with the suite's tools through llmcc, for run.py: prints the answer (or failure) and the calls as JSON.

Usage: run_llmcc.py PLAN DIALECT [TOOLS.json]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from conformance_cases import Results, ToolFailed

import llmcc
from llmcc.ir.errors import ToolError
from llmcc.runtime.toolfile import read_toolfile
from llmcc.runtime.tools import Tool


def toolbox(file: Path, results: Results) -> llmcc.Toolbox:
    """The tools of a file, which return what the table says."""
    return llmcc.Toolbox(*(Tool(tool.signature, _function(tool.name, results)) for tool in read_toolfile(file)))


def _function(name: str, results: Results) -> Any:
    async def function(**args: Any) -> Any:
        try:
            return results.call(name, args)
        except ToolFailed as error:
            raise ToolError(str(error)) from error

    return function


def main(plan: str, dialect: str, tools: str | None = None) -> None:
    """Runs one plan, unoptimized, so that every call that the plan means is made."""
    results = Results("world" if tools is None else Path(tools).stem)
    box = llmcc.Toolbox() if tools is None else toolbox(Path(tools), results)
    text = Path(plan).read_bytes().decode("utf-8")
    program = llmcc.compile(text, box, dialect=dialect, level=0)  # type: ignore[arg-type]  # the suite has no other
    outcome = llmcc.run_sync(program)
    failed = outcome.failed
    print(
        json.dumps({"answer": outcome.value, "error": None if failed is None else failed.error, "calls": results.calls})
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

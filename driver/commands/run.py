"""`llmcc run`: a plan is compiled and executed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import click
import msgspec

from llmcc.driver.commands.common import (
    budget_option,
    catalog_option,
    dialect_option,
    llm_option,
    open_profile,
    open_toolbox,
    profile_option,
    read_source,
    show_diagnostics,
    show_doubts,
    source_argument,
    tools_option,
    trace_option,
)
from llmcc.driver.commands.watching import all_of, shown
from llmcc.driver.execute import ordered, run_sync, to_the_end
from llmcc.driver.program import CompileError, Program, compile
from llmcc.driver.spending import keep_to
from llmcc.ir.frame import Failure
from llmcc.ir.ops import Module, calls_in
from llmcc.ir.values import to_text
from llmcc.runtime.limits import Limits
from llmcc.runtime.outcome import Outcome
from llmcc.runtime.profile import Profile
from llmcc.runtime.profile_file import add_to_file, check_target
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.trace import Trace
from llmcc.runtime.trace_file import check_target as check_trace_target


@click.command("run")
@source_argument
@tools_option
@catalog_option
@llm_option
@profile_option
@click.option("--profile-out", metavar="FILE", help="Add what the calls took to this file.")
@trace_option
@dialect_option
@click.option("-O", "level", type=click.IntRange(0, 2), default=2, show_default=True, help="How much to optimize.")
@click.option("--json", "as_json", is_flag=True, help="Print values and calls as one JSON object.")
@click.option("--deadline", type=click.FloatRange(min=0), metavar="SECONDS", help="Stop the run after this time.")
@click.option("--max-calls", type=click.IntRange(min=0), metavar="N", help="Calls the run may make.")
@budget_option
@click.option("--journal", metavar="FILE", help="Write the run down here, so that `llmcc resume` can go on with it.")
@click.option("--concurrency", type=click.IntRange(min=1), metavar="N", help="Calls at the same time.")
def command(
    source: str,
    tools: str | None,
    catalog: str | None,
    llm: str | None,
    profile: str | None,
    profile_out: str | None,
    trace: str | None,
    dialect: str,
    level: int,
    as_json: bool,
    deadline: float | None,
    max_calls: int | None,
    budget: Any,
    journal: str | None,
    concurrency: int | None,
) -> int:
    """Compile and run PLAN (a file, or - for standard input); print its answer. Exits 1 if something failed."""
    if tools is None:
        raise click.UsageError("a plan needs its tools to run: --tools FILE")
    name, text = read_source(source)
    toolbox = open_toolbox(tools, catalog, llm)
    if profile_out is not None:
        check_target(profile_out)  # now, and not after the calls are made
    if trace is not None:
        check_trace_target(trace)
    try:
        program = compile(
            text,
            toolbox,
            dialect=dialect,  # type: ignore[arg-type]  # click has checked it
            level=level,
            name=name,
            profile=open_profile(profile),
        )
    except CompileError as error:
        show_diagnostics(error.diagnostics, text, name)
        return 1
    show_diagnostics(program.diagnostics, text, name)
    show_doubts(program)
    given = {"deadline_s": deadline, "max_calls": max_calls, "max_running": concurrency}
    asked: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    limits = asked
    if budget is not None:
        if not within(ordered(program.module, toolbox), toolbox, budget, text, name):
            return 1
        limits = bounded(asked, budget)
    seen = Profile()
    runs: list[Any] = []
    keep = None if budget is None else partial(keep_to, budget)
    with shown(as_json=as_json) as board:
        options: dict[str, Any] = {
            "observer": all_of(board, None if profile_out is None else seen),
            "watch": all_of(runs.append, keep, None if board is None else board.watch),
        }
        try:
            if journal is None:
                outcome = run_sync(program, **options, **limits)
            else:
                kept = {} if budget is None else {"budget": msgspec.to_builtins(budget), "limits": asked}
                files = {"tools": None if llm else tools, "catalog": catalog}
                outcome = _journaled(program, journal, limits, options, options_kept=kept, **files)
        except KeyboardInterrupt:
            if trace is not None and runs:
                Trace.of(runs[0].outcome(), program).save(trace)
            raise
    tell(outcome, name, as_json=as_json)
    if journal is not None and outcome.run is not None and outcome.stopped is not None:
        click.echo(how_to_resume(outcome.run, journal), err=True)
    if profile_out is not None:
        add_to_file(seen, profile_out)
    if trace is not None:
        Trace.of(outcome, program).save(trace)
    return 0 if outcome.ok else 1


def bounded(limits: dict[str, Any], budget: Any) -> dict[str, Any]:
    """The limits of a run within a budget, those that differ from the usual ones."""
    within, usual = budget.limits(Limits(**limits)), Limits()
    names = Limits.__struct_fields__
    return {key: getattr(within, key) for key in names if getattr(within, key) != getattr(usual, key)} | {
        key: getattr(within, key) for key in limits
    }


def within(module: Module, toolbox: Toolbox, budget: Any, text: str, name: str) -> bool:
    """Whether the plan keeps to the budget, or is to run all the same: that is asked where there is somebody to ask.

    Raises:
        PriceUnknown: nobody knows whether it does.
    """
    from llmcc.driver.budget import over_budget
    from llmcc.driver.unpriced import require_prices

    called = {call.tool for call in calls_in(module.ops)}
    require_prices(budget, (), [tool for name, tool in toolbox.items() if name in called])
    found = over_budget(module, toolbox.signatures, budget)
    show_diagnostics(found, text, name)
    if not found or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return not found
    return click.confirm("Run it all the same, as far as the budget goes?", err=True)


def _journaled(
    program: Program,
    journal: str,
    limits: dict[str, Any],
    options: dict[str, Any],
    *,
    tools: str | None,
    catalog: str | None,
    options_kept: dict[str, Any],
) -> Outcome:
    from llmcc.driver import journaled

    toolbox = program.toolbox
    assert toolbox is not None
    module = ordered(program.module, toolbox)
    files: dict[str, Any] = {"tools": tools, "catalog": catalog}
    session = journaled.begin(program, module, toolbox, journal, limits, options=options_kept, **files)
    bounds = Limits(**limits)
    with resumable(session.run, journal):
        return to_the_end(partial(journaled.execute, session, module, toolbox, limits=bounds, **options))


@contextmanager
def resumable(run: str, journal: str) -> Iterator[None]:
    """Says, when Ctrl-C ends the block, how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo(how_to_resume(run, journal), err=True)
        raise


def how_to_resume(run: str, journal: str) -> str:
    """The line that says how to go on with a run."""
    return f"run {run[:8]} is not over; go on with: llmcc resume {run[:8]} --journal {journal}"


def tell(outcome: Outcome, name: str, *, as_json: bool) -> None:
    """Prints an outcome: its answer, failures to stderr; or all of it as JSON."""
    if as_json:
        click.echo(json.dumps(to_json(outcome), ensure_ascii=False, indent=2))
        return
    for failure in outcome.errors:
        click.echo(f"error: {outcome.secrets.text(_failure_line(failure, name))}", err=True)
    for key in outcome.abandoned:
        click.echo(f"warning: {key} did not stop when told to and may still be running", err=True)
    if outcome.failed is None:
        click.echo(to_text(outcome.value))


def _failure_line(failure: Failure, name: str) -> str:
    place = f"{name}:{failure.span.line}:{failure.span.column}: " if failure.span is not None else ""
    call = f"\n  in {failure.call}" if failure.call else ""
    return f"{place}{failure.op}: {failure.error}: {failure.message}{call}"


def to_json(outcome: Outcome) -> dict[str, Any]:
    """An outcome as `--json` prints it; times in seconds since the run's start. The answer is the plan's, whatever it
    gives; of all else the secrets are left out.
    """
    shown = outcome.secrets
    return {
        "value": outcome.value,
        "values": shown.value(outcome.values),
        "ok": outcome.ok,
        "errors": [shown.value(_failure(f)) for f in outcome.errors],
        "calls": [
            {
                "key": call.key,
                "tool": call.tool,
                "args": shown.args(call.tool, call.args),
                "started_s": round(call.started_s, 6),
                "ended_s": round(call.ended_s, 6),
                "attempts": call.attempts,
                "status": call.status,
                "error": None if call.error is None else shown.value(_failure(call.error)),
            }
            for call in sorted(outcome.calls, key=lambda call: (call.started_s, call.key))
        ],
        "usage": {
            "requests": outcome.usage.requests,
            "prompt_tokens": outcome.usage.prompt_tokens,
            "completion_tokens": outcome.usage.completion_tokens,
            "cached_tokens": outcome.usage.cached_tokens,
        },
        "elapsed_s": round(outcome.elapsed_s, 6),
        "abandoned": list(outcome.abandoned),
        **({} if outcome.run is None else {"run": outcome.run, "stopped": outcome.stopped}),
    }


def _failure(failure: Failure) -> dict[str, Any]:
    return {
        "error": failure.error,
        "message": failure.message,
        "op": failure.op,
        "at": None if failure.span is None else str(failure.span),
        "call": failure.call or None,
    }

"""Runs plans on the runtime under a drawn schedule, and compares what comes out with the sequential interpreter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from llmcc.driver.program import compile
from llmcc.ir.frame import Failure
from llmcc.ir.ops import Module
from llmcc.ir.printer import print_module
from llmcc.ir.values import Value, canonical
from llmcc.optimizer.manager import optimize
from llmcc.runtime.executor import run_module
from llmcc.runtime.limits import Limits
from llmcc.runtime.outcome import Outcome
from llmcc.runtime.toolbox import Toolbox
from llmcc.testing import report
from llmcc.testing.access import Access, Accesses, writes_by_resource
from llmcc.testing.clock import run_virtual
from llmcc.testing.faulty import Faults
from llmcc.testing.recorder import Recorder, Tools, fresh
from llmcc.testing.reference import Plan, Reference, reference_run
from llmcc.testing.schedule import Schedule


class NotEquivalent(AssertionError):
    """A run differs from the reference. `run` holds plan, schedule and calls; `differences` says what differs."""

    def __init__(self, differences: Iterable[str], run: report.Run) -> None:
        self.differences = tuple(differences)
        self.run = run
        super().__init__("; ".join(self.differences))


def simulate(
    program: Plan,
    tools: Tools,
    *,
    schedule: Schedule | None = None,
    faults: Faults | None = None,
    limits: Limits | None = None,
) -> Outcome:
    """Runs a plan on the runtime, on the virtual clock, under a schedule and with faults.

    Args:
        program: a plan's text (compiled at the highest level), a compiled program, or IR.
        tools: a function that makes a toolbox with its state anew, or a toolbox without state, or simulated tools, or
            signatures, which are simulated.
        schedule: the order of tasks, the latencies and the bound of calls at the same time.
        faults: which calls fail, and how.
        limits: further bounds of the run.

    Raises:
        CompileError: the text has errors.

    >>> import llmcc
    >>> box = llmcc.Toolbox(llmcc.tool(effect="read", name="now")(lambda: 1))
    >>> outcome = simulate("a = now()\\nreturn a", box, schedule=Schedule(7))
    >>> outcome.value, outcome.elapsed_s > 0
    (1, True)
    """
    outcome, _, _ = _Simulation(program, tools, faults, limits).run(schedule or Schedule(0))
    return outcome


def assert_equivalent(
    program: Plan,
    tools: Tools,
    *,
    schedule: Schedule | None = None,
    faults: Faults | None = None,
    limits: Limits | None = None,
) -> Outcome:
    """Runs a plan as `simulate` does and as the sequential interpreter does; takes the same arguments.

    Returns:
        The runtime's outcome, for further checks.

    Raises:
        NotEquivalent: two conflicting calls overlapped; or the answer, a value, a failure, or the order of the writes
            to some resource is not the reference's.
        CompileError: the text has errors.
    """
    return Case(program, tools, faults=faults, limits=limits).check(schedule or Schedule(0))


class Case:
    """A plan and its tools, compiled and interpreted once, to be checked under many schedules.

    Takes the arguments of `assert_equivalent` but for the schedule, and raises like it; a `SimulatedTools` or a toolbox
    that a function makes is made anew for each run.
    """

    def __init__(
        self, program: Plan, tools: Tools, *, faults: Faults | None = None, limits: Limits | None = None
    ) -> None:
        report.forget()  # what ran before is not what fails here
        self._simulation = _Simulation(program, tools, faults, limits)
        self._expected = reference_run(program, tools, faults=faults, limits=limits)

    def check(self, schedule: Schedule) -> Outcome:
        """Runs the plan under a schedule, and compares. Returns and raises like `assert_equivalent`."""
        outcome, accesses, run = self._simulation.run(schedule)
        calls = self._expected.calls
        found = [*_races(accesses.races), *_results(self._expected, outcome), *_orders(calls, run.calls)]
        if found:
            raise NotEquivalent(found, run)
        return outcome


class _Simulation:
    """A plan and its tools, compiled once; the tools are made anew for each run."""

    def __init__(self, program: Plan, tools: Tools, faults: Faults | None, limits: Limits | None) -> None:
        self._tools = tools
        self._faults = faults or Faults()
        self._limits = limits or Limits()
        self._shown = _shown(program)
        self._module = _compiled(program, fresh(tools))

    def run(self, schedule: Schedule) -> tuple[Outcome, Accesses, report.Run]:
        """What came of it, what was accessed, and what a reader wants to see of both."""
        recorder = Recorder(fresh(self._tools), schedule, self._faults)
        run = report.Run(self._shown, schedule, self._faults, recorder.accesses.all)
        report.note(run)
        toolbox, limits, seed = recorder.toolbox(), self._limits, schedule.seed
        if schedule.max_running is not None:
            limits = msgspec.structs.replace(limits, max_running=schedule.max_running)
        outcome = run_virtual(lambda: run_module(self._module, toolbox, limits=limits, seed=seed), seed=seed)
        return outcome, recorder.accesses, run


def _compiled(program: Plan, toolbox: Toolbox) -> Module:
    if isinstance(program, str):
        program = compile(program, toolbox)
    module = program if isinstance(program, Module) else program.module
    if module.ordered:
        return module
    return optimize(module, passes="order-effects", signatures=toolbox.signatures)


def _shown(program: Plan) -> str:
    if isinstance(program, str):
        return program
    return print_module(program) if isinstance(program, Module) else program.text


def _races(races: Iterable[tuple[Access, Access]]) -> Iterator[str]:
    for one, other in races:
        yield f"{one} and {other} conflict, and ran at the same time"


def _results(expected: Reference, outcome: Outcome) -> Iterator[str]:
    if _told(outcome.failed) != _told(expected.failed):
        yield f"the answer fails with {_told(outcome.failed)}, not with {_told(expected.failed)}"
    elif canonical(outcome.value) != canonical(expected.value):
        yield f"the answer is {_value(outcome.value)}, not {_value(expected.value)}"
    # What the optimizer has removed has no value; what is there must be right.
    for name, value in outcome.values.items():
        if name in expected.failures:
            yield f"{name} is {_value(value)}, and should have failed: {_told(expected.failures[name])}"
        elif name in expected.values and canonical(value) != canonical(expected.values[name]):
            yield f"{name} is {_value(value)}, not {_value(expected.values[name])}"
    known = {_told(failure) for failure in expected.failures.values()}
    for failure in outcome.errors:
        if failure.op in expected.values and _told(failure) not in known:
            yield f"{failure.op} fails with {_told(failure)}, and should be {_value(expected.values[failure.op])}"


def _orders(expected: Iterable[Access], got: Iterable[Access]) -> Iterator[str]:
    wanted, found = _writes(expected), _writes(got)
    for resource in sorted(wanted.keys() | found.keys()):
        if wanted.get(resource, []) != found.get(resource, []):
            yield (
                f"the writes to {resource} are [{', '.join(found.get(resource, []))}], "
                f"not [{', '.join(wanted.get(resource, []))}]"
            )


def _writes(calls: Iterable[Access]) -> dict[str, list[str]]:
    return writes_by_resource((call.resources, str(call)) for call in calls if call.kind == "write")


def _told(failure: Failure | None) -> str:
    return "nothing" if failure is None else f"{failure.error}: {failure.message}"


def _value(value: Value) -> str:
    text = canonical(value)
    return text if len(text) <= 200 else f"{text[:199]}…"

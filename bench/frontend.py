"""How fast the front end is, beside two other compilers in Python, how it grows, what it keeps, and how it starts.

    python bench/frontend.py            a table
    python bench/frontend.py --json     the same figures

All times are CPU times of this process (or of a child), the median of several rounds. A round runs every measurement
once, so that a busy moment of the machine falls on all of them alike.
"""

from __future__ import annotations

import compileall
import gc
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import sqlglot
import xdsl
from measuring import cpu, exponent, options, report
from xdsl.context import Context
from xdsl.dialects import builtin, test
from xdsl.parser import Parser

import llmcc
from llmcc.frontend.front import FrontEnd, compile_front
from llmcc.frontend.parse import parse_plan
from llmcc.testing.fuzz import TOOLS

GROWTH = (100, 300, 1_000, 3_000, 10_000)
LINES = 1_000
#: What is to be reached (unit in the figure's name).
TARGETS = {
    "line_over_xdsl": 1.0,
    "growth_exponent": 1.05,
    "memory_bytes_a_statement": 2048.0,
    "first_statement_ms": 1.0,
    "check_cpu_ms": 150.0,
}
PLAN = (
    'a = search("height of K2", limit=3)\nb = search("height of Denali")\nd = math(f"{a[0].height_m} - 1")\nreturn d\n'
)


def plan(lines: int) -> str:
    """A plan of searches, calculations, f-strings and conditions, four lines at a time."""
    return "".join(
        f'a{i} = search(query="height of mountain {i}", limit={i % 10 + 1})\n'
        f'b{i} = search("height of hill {i}")\n'
        f'd{i} = math(f"{{a{i}[0].height_m}} - {{b{i}[0].height_m}}")\n'
        f"e{i} = d{i} * 2 + a{i}[0].height_m if d{i} > {i} else len(b{i}[0].title)\n"
        for i in range(lines // 4)
    )


def ops(count: int, *, attributes: bool) -> str:
    """A module of the dialect `test` with as many ops: each with two operands, or as much as a line of `plan` says."""
    if not attributes:
        lines = [f'%v{i} = "test.op"(%v{i - 1}, %v{i - 2}) : (i32, i32) -> i32' for i in range(2, count)]
        return "\n".join(
            ["builtin.module {", '%v0 = "test.op"() : () -> i32', '%v1 = "test.op"() : () -> i32', *lines, "}"]
        )
    lines = []
    for i in range(count // 4):
        lines += [
            f'%a{i} = "test.op"() {{tool = "search", query = "height of mountain {i}", limit = {i} : i64}} : () -> f64',
            f'%b{i} = "test.op"() {{tool = "search", query = "height of hill {i}"}} : () -> f64',
            f'%d{i} = "test.op"(%a{i}, %b{i}) {{tool = "math", text = "{{}} - {{}}"}} : (f64, f64) -> f64',
            f'%e{i} = "test.op"(%d{i}, %a{i}, %b{i}) {{op = "choose"}} : (f64, f64, f64) -> f64',
        ]
    return "\n".join(["builtin.module {", *lines, "}"])


def sql(lines: int) -> str:
    """As many queries, one a line."""
    return "\n".join(
        f"SELECT a.height - b.height FROM a, b WHERE a.name = 'hill {i}' AND b.x > {i};" for i in range(lines)
    )


def xdsl_runner(text: str) -> Callable[[], object]:
    """Parses and verifies a module."""
    context = Context()
    context.load_dialect(builtin.Builtin)
    context.load_dialect(test.Test)
    return lambda: Parser(context, text).parse_module().verify()


def speeds(rounds: int) -> dict[str, float]:
    """Microseconds a line or op."""
    text, query = plan(LINES), sql(LINES)
    assert not [found for found in compile_front(text, TOOLS).diagnostics if found.code != "W0290"]
    runs: dict[str, Callable[[], object]] = {
        "line_us": lambda: compile_front(text, TOOLS),
        "parse_line_us": lambda: parse_plan(text),
        "xdsl_op_us": xdsl_runner(ops(LINES, attributes=False)),
        "xdsl_op_with_attributes_us": xdsl_runner(ops(LINES, attributes=True)),
        "sqlglot_line_us": lambda: sqlglot.parse(query),
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    for function in runs.values():
        function()
    for _ in range(rounds):
        for name, function in runs.items():
            times[name].append(cpu(function))
    found = {name: statistics.median(times[name]) / LINES * 1e6 for name in runs}
    ratios = [ours / theirs for ours, theirs in zip(times["line_us"], times["xdsl_op_us"], strict=True)]
    return {**found, "line_over_xdsl": statistics.median(ratios)}


def growth(rounds: int) -> dict[str, float]:
    """The exponent of time over lines, and the time a line."""
    texts = {lines: plan(lines) for lines in GROWTH}
    times: dict[int, list[float]] = {lines: [] for lines in GROWTH}
    for _ in range(rounds):
        for lines, text in texts.items():
            # Small texts several times: the clock is coarse.
            repeats = max(1, 2_000 // lines)
            times[lines].append(cpu(lambda t=text, n=repeats: [compile_front(t, TOOLS) for _ in range(n)]) / repeats)  # type: ignore[misc]
    medians = {lines: statistics.median(found) for lines, found in times.items()}
    a_line = {f"line_us_of_{lines}": seconds / lines * 1e6 for lines, seconds in medians.items()}
    return {"growth_exponent": exponent(medians.keys(), medians.values()), **a_line}


def memory() -> dict[str, float]:
    """The peak of what is allocated while a text is compiled (tracemalloc), a statement; the text is there before."""
    text = plan(10_000)
    gc.collect()
    tracemalloc.start()
    result = compile_front(text, TOOLS)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    count = len(result.statements)
    return {"memory_bytes_a_statement": peak / count, "memory_kept_bytes_a_statement": kept / count}


def first_statement(rounds: int) -> dict[str, float]:
    """From the chunk with the first newline to its ops, in milliseconds; the parser has been used before."""
    times = []
    for number in range(rounds * 20):
        front = FrontEnd(TOOLS)
        front.feed(f'a = search(query="height of {number}", limit=3)')
        start = time.perf_counter()
        [lowered] = front.feed("\n")
        times.append(time.perf_counter() - start)
        assert lowered.ops
    return {"first_statement_ms": statistics.median(times) * 1e3}


def start_up(rounds: int) -> dict[str, float]:
    """CPU time of whole processes: `llmcc check`, and a Python that does nothing; bytecode is compiled before."""
    for folder in [Path(llmcc.__file__).parent, *(Path(path) for path in sorted(_packages()))]:
        compileall.compile_dir(folder, quiet=2)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "plan.txt"
        file.write_text(PLAN)
        check = [sys.executable, "-m", "llmcc", "check", str(file)]
        commands = {"check_cpu_ms": check, "bare_python_cpu_ms": [sys.executable, "-c", "pass"]}
        found: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds + 1):
            for name, command in commands.items():
                before = _children()
                subprocess.run(command, check=True, capture_output=True)
                found[name].append(_children() - before)
        # The first one has filled the caches.
        return {name: statistics.median(times[1:]) * 1e3 for name, times in found.items()}


def _children() -> float:
    """The seconds of CPU that processes started here have used, in microseconds' steps (`os.times` counts in ticks)."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _packages() -> set[str]:
    links = Path(llmcc.__file__).parent
    return {str(path.resolve()) for path in links.iterdir() if path.is_dir() and path.name != "__pycache__"}


def main() -> int:
    """Measures, prints, and returns 1 if a target is missed."""
    given = options(__doc__, rounds=7).parse_args()
    figures = {
        **speeds(given.rounds),
        **growth(given.rounds),
        **memory(),
        **first_statement(given.rounds),
        **start_up(given.rounds),
    }
    versions = {"xdsl": xdsl.__version__, "sqlglot": sqlglot.__version__}
    return report(figures, TARGETS, versions, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())

"""`--trace` and `llmcc trace`: from a run to a drawing, golden, and what happens with files that are none."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
import trio
from click.testing import CliRunner

import llmcc
from llmcc.driver import cli
from llmcc.driver.trace_chart import chart
from llmcc.ir.render import columns
from llmcc.runtime.limits import Limits
from llmcc.runtime.models import Scripted
from llmcc.runtime.outcome import Outcome
from llmcc.runtime.replay import replay
from llmcc.runtime.trace import Trace
from llmcc.testing.clock import run_virtual

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "docs" / "sample-trace.json"
GOLDEN = Path(__file__).parent / "golden_trace"
PLAN = """\
leads = search("cheap hotels in Porto")
rate = exchange("USD")
offers = [price(name) for name in leads]
best = min(offers)
booking = book(leads[0], best) when best < 90
note = send(booking) catch "not sent"
return {"hotel": leads[0], "dollars": best * rate, "mail": note}
"""


class Shop:
    """The tools of the sample: slow, limited, and shaky at first."""

    def __init__(self) -> None:
        self.asked = 0

        @llmcc.tool(effect="read", resource="web")
        async def search(query: str) -> list[str]:
            await trio.sleep(0.8)
            return ["Aliança", "Bolhão", "Cedofeita", "Douro"]

        @llmcc.tool(effect="read", resource="rates", retries=2)
        async def exchange(currency: str) -> float:
            self.asked += 1
            await trio.sleep(0.3)
            if self.asked == 1:
                raise ConnectionError("the exchange hung up")
            return 1.25

        @llmcc.tool(effect="read", resource="prices", limit=2)
        async def price(name: str) -> int:
            await trio.sleep(0.1 * len(name))
            return 40 + 5 * len(name)

        @llmcc.tool(effect="write", resource="bookings")
        async def book(name: str, price: int) -> str:
            await trio.sleep(0.5)
            return f"booked {name} for {price}"

        @llmcc.tool(effect="write", resource="mail")
        async def send(text: str | None) -> str:
            await trio.sleep(0.2)
            raise llmcc.ToolError("the mailbox is full")

        self.toolbox = llmcc.Toolbox(search, exchange, price, book, send)


def sample() -> Trace:
    program = llmcc.compile(PLAN, Shop().toolbox)
    outcome = run_virtual(lambda: llmcc.run(program, seed=7))
    return msgspec.structs.replace(Trace.of(outcome, program), began_at=0.0)


def asked() -> tuple[llmcc.Answer, Trace]:
    shop = Shop()
    planner = Scripted(["a = nothing(3)\n", PLAN], first_token_s=0.2, tokens_per_s=40)

    async def main() -> llmcc.Answer:
        return await llmcc.Agent(shop.toolbox, planner=planner, limits=Limits(backoff_s=0.0)).ask("Where to?")

    answer = run_virtual(main)
    return answer, answer.trace(shop.toolbox)


def test_the_sample_is_what_a_run_gives_today(update_golden: bool) -> None:
    trace = sample()
    if update_golden:
        trace.save(SAMPLE)
    kept = Trace.load(SAMPLE)
    assert kept.timeline == trace.timeline
    assert replay(kept).value == {"hotel": "Aliança", "dollars": 81.25, "mail": "not sent"}


@pytest.mark.parametrize("width", [80, 120])
def test_the_drawing(width: int, update_golden: bool) -> None:
    text = chart(sample(), width=width)
    compare(f"run_{width}.txt", text, update_golden)
    assert all(columns(line) <= width for line in text.splitlines()[:9])


def test_the_drawing_of_a_question(update_golden: bool) -> None:
    answer, trace = asked()
    assert (answer.problem, answer.repairs) == (None, 1)
    compare("ask.txt", chart(trace), update_golden)


def compare(name: str, text: str, update_golden: bool) -> None:
    if update_golden:
        (GOLDEN / name).write_text(text)
    assert text == (GOLDEN / name).read_text()


def test_columns_are_aligned_whatever_the_names_are() -> None:
    async def find(x: str) -> str:
        await trio.sleep(1)
        return x

    toolbox = llmcc.Toolbox(llmcc.tool(effect="pure", name="найти 高さ é\u0301 and more of it")(find))
    program = llmcc.compile(
        'a = `найти 高さ é\u0301 and more of it`("x")\nb = `найти 高さ é\u0301 and more of it`(a)\n', toolbox
    )
    outcome = run_virtual(lambda: llmcc.run(program))
    head, *rows = chart(Trace.of(outcome, program), width=90).splitlines()[:3]
    bars = [columns(row[: row.index("#")]) for row in rows]
    assert bars[0] == columns(head[: head.index("0 s")])
    assert all(columns(row) <= 90 for row in (head, *rows))


def test_a_drawing_is_bounded_and_keeps_the_critical_path() -> None:
    trace = sample()
    lines = chart(trace, lines=3).splitlines()
    assert sum(line.startswith("*") for line in lines) == 3
    assert f"  and {len(trace.timeline.calls) - 3} more, " in "\n".join(lines)
    assert len(chart(trace, lines=0).splitlines()) > len(lines)


def test_an_empty_run_is_drawn_too() -> None:
    program = llmcc.compile("return 1\n", Shop().toolbox)
    outcome = run_virtual(lambda: llmcc.run(program))
    assert chart(Trace.of(outcome, program)).endswith(
        "makespan 0 s, work 0 s, 0 calls, 0.00 at the same time on average, at most 0\n"
    )


def test_calls_of_a_streamed_plan_start_while_the_planner_writes() -> None:
    answer, trace = asked()
    ended = [moment.at_s for moment in trace.moments if moment.what == "ended"]
    assert [moment.text for moment in trace.moments if moment.what == "ended"] == ["refused", "accepted"]
    written = "".join(moment.text for moment in trace.moments if moment.what == "wrote")
    assert written.endswith(PLAN)
    starts = {span.op: span for span in trace.timeline.calls}
    assert starts["leads"].start_s < ended[-1]
    assert replay(trace).values == answer.outcome.values


def test_a_write_that_is_ready_while_the_planner_writes_is_held() -> None:
    shop = Shop()
    planner = Scripted(['b = book("Douro", 1)\na = search("y")\nreturn a\n'], tokens_per_s=10)

    async def main() -> llmcc.Answer:
        return await llmcc.Agent(shop.toolbox, planner=planner).ask("Where to?")

    trace = run_virtual(main).trace(shop.toolbox)
    (held,) = next(span.waits for span in trace.timeline.calls if span.op == "b")
    (ended,) = [moment.at_s for moment in trace.moments if moment.what == "ended"]
    assert str(held) == "held for acceptance"
    assert held.end_s == pytest.approx(ended)
    assert "held for acceptance" in chart(trace)


def llmcc_cli(*argv: str) -> tuple[int, str, str]:
    import click

    code = 0

    def main() -> None:
        nonlocal code
        code = cli.invoke(list(argv))

    result = CliRunner().invoke(click.Command("llmcc", callback=main), [], catch_exceptions=False)
    return code, result.stdout, result.stderr


def test_a_run_writes_its_trace_and_the_command_draws_it(tmp_path: Path) -> None:
    file = str(tmp_path / "out.json")
    plan, tools = "examples/guarded/plan.txt", "examples/guarded/tools.py"
    code, out, _ = llmcc_cli("run", str(ROOT / plan), "--tools", str(ROOT / tools), "--trace", file)
    assert (code, json.loads(out)["after"]) == (0, 28)
    code, out, _ = llmcc_cli("trace", file)
    assert code == 0 and "critical path: " in out and "\x1b" not in out
    code, out, _ = llmcc_cli("trace", file, "--replay")
    assert (code, out.split(": ")[1]) == (0, "same order, same values\n")
    code, out, _ = llmcc_cli("trace", file, "--json")
    told = json.loads(out)
    assert {call["key"] for call in told["calls"]} == {"left", "rule", "order", "now"}
    assert told["critical"][-1] == "now"


def test_a_failed_run_writes_its_trace_too(tmp_path: Path) -> None:
    file, plan = tmp_path / "out.json", tmp_path / "plan.txt"
    plan.write_text('a = geocode("Atlantis")\nreturn a\n')
    code, _, err = llmcc_cli("run", str(plan), "--tools", str(ROOT / "examples/chain/tools.py"), "--trace", str(file))
    assert code == 1 and "no city" in err
    assert [span.status for span in Trace.load(file).timeline.calls] == ["failed"]


def test_a_trace_that_cannot_be_written_is_said_before_anything_runs(tmp_path: Path) -> None:
    plan, tools = str(ROOT / "examples/guarded/plan.txt"), str(ROOT / "examples/guarded/tools.py")
    code, out, err = llmcc_cli("run", plan, "--tools", tools, "--trace", str(tmp_path / "no" / "t.json"))
    assert (code, out) == (1, "") and "there is no folder" in err
    code, out, err = llmcc_cli("run", plan, "--tools", tools, "--trace", str(tmp_path))
    assert (code, out) == (1, "") and "this is a folder" in err


@pytest.mark.parametrize("content", ["", "no json", '{"traceEvents": []}', '{"llmcc": {"version": 9}}'])
@pytest.mark.parametrize("option", [(), ("--json",), ("--replay",)])
def test_a_file_that_is_no_trace_is_an_error(tmp_path: Path, content: str, option: tuple[str, ...]) -> None:
    file = tmp_path / "bad.json"
    file.write_text(content)
    code, out, err = llmcc_cli("trace", str(file), *option)
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {file}: ") and "Traceback" not in err


def test_what_is_left_out_is_named(tmp_path: Path) -> None:
    program = llmcc.compile(PLAN, Shop().toolbox)
    outcome: Outcome = run_virtual(lambda: llmcc.run(program, seed=7))
    file = tmp_path / "cut.json"
    Trace.of(outcome, program, value_limit=20).save(file)
    assert json.loads(llmcc_cli("trace", str(file), "--json")[1])["truncated"] == {"booking": 24, "leads": 42}
    code, _, err = llmcc_cli("trace", str(file), "--replay")
    assert code == 1 and "leads (" in err

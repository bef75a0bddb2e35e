"""The evaluation judges by what plans do: right ones pass however they are written, wrong ones do not."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planner.evaluate.__main__ import chosen, rows_of
from planner.evaluate.groups import GROUPS, tasks
from planner.evaluate.package import ask
from planner.evaluate.report import Row, failures, table, wilson
from planner.evaluate.task import Task, judge, run
from planner.evaluate.write import prompt_of
from planner.freeform.tasks import BOXES

from llmcc.runtime.models import Scripted

FREEFORM = list(tasks("freeform"))


def task_of(question: str) -> Task:
    return next(task for task in FREEFORM if question in task.question)


@pytest.mark.slow
def test_there_are_enough_questions_and_their_references_are_right() -> None:
    pytest.importorskip("pint")
    everything = {group: list(tasks(group)) for group in GROUPS}
    assert sum(map(len, everything.values())) >= 300
    assert len(everything["freeform"]) >= 60
    for group, found in everything.items():
        assert len({task.name for task in found}) == len(found), group
        for task in found:
            assert [ref for ref in task.references if not judge(task, ref).right] == [], task.question


def test_every_box_of_tools_is_asked_about_and_no_question_twice() -> None:
    assert {task.name.split()[0] for task in FREEFORM} == BOXES.keys()
    assert len({task.question for task in FREEFORM}) == len(FREEFORM)


@pytest.mark.slow
def test_in_some_world_each_guard_and_each_catch_matters() -> None:
    for task in FREEFORM:
        for clause in (r" when .*", r" catch .*"):
            without = re.sub(clause, "", task.references[0])
            if without != task.references[0]:
                assert not judge(task, without).right, task.question


@pytest.mark.slow
def test_hand_written_questions_have_worlds_in_which_they_can_be_answered() -> None:
    for task in FREEFORM:
        assert any(failed is None for _, _, failed, _ in run(task, task.references[0])), task.question


def test_how_a_plan_is_written_does_not_count() -> None:
    task = task_of("three baguettes and a spelt loaf")
    assert judge(task, '1. bread_price(kind="spelt")\n2. bread_price("baguette")\nreturn $1 + $2 + $2 + $2').right
    assert judge(task, 'return bread_price("spelt") + 3 * bread_price("baguette")  # all in one').right


def test_what_a_plan_answers_and_writes_counts() -> None:
    task = task_of("Take risotto off Monday's menu")
    first, second = 'strike("risotto", "Monday")', 'put_up_notice("no risotto today")'
    assert judge(task, f"a = {first}\nb = {second}\nreturn 1").right  # nothing is asked, so any answer will do
    assert "writes" in judge(task, f"a = {second}\nb = {first}\nreturn b").reason
    assert "writes" in judge(task, f"a = {first}\nreturn a").reason
    task = task_of("Any rye left?")
    assert judge(task, "return 7").reason.startswith("answers 7, not ")
    assert judge(task, 'a = loaves_left("rye")\njoin(a)').reason == "ends with join, not with return"
    verdict = judge(task, 'a = loaf("rye")\nreturn a')
    assert (verdict.compiles, verdict.right) == (False, False) and verdict.reason.startswith("E0301: ")
    assert judge(task, "return 1 / 0").reason.startswith("fails: ")


def test_a_lucky_guess_is_wrong_in_another_world() -> None:
    task = task_of("Which do we have more packs of")
    right = [judge(task, f'return "{name}"').right for name in ("Lunestra", "Plavix")]
    assert right == [False, False]


def test_the_prompt_without_examples_is_short() -> None:
    task = FREEFORM[0]
    assert prompt_of(task, "bare").endswith(f"\n\nQuestion: {task.question}\nPlan:\n")
    assert prompt_of(task, "bare").count("Question:") == 1 < prompt_of(task, "native").count("Question:")


@pytest.mark.slow
def test_the_package_is_asked_with_all_that_it_does_about_a_plan() -> None:
    task = task_of("Any rye left?")
    model = Scripted(['a = loaves_lft("rye")\nreturn a\n'])
    written = ask(model, task)
    assert written.text == 'a = loaves_left("rye")\nreturn a\n' and judge(task, written.text).right  # it was mended
    assert written.tokens > 5 and 0 < written.first_line_s <= written.whole_s
    model = Scripted(['a = loaves_left("rye")\nreturn a.count\n', "return a\n"])
    assert judge(task, ask(model, task).text).right and len(model.requests) == 2  # the rest was asked for again
    assert not judge(task, ask(Scripted(["return x\n", "return y\n"]), task).text).compiles
    assert ask(Scripted(['a = loaves_left("rye")\njoin(a)\n']), task).text.endswith("join(a)\n")  # nobody joins


def test_a_limit_takes_from_all_over_a_group() -> None:
    some = list(chosen(["freeform"], 8))
    assert len(some) == 8 == len({task.name for task in some})
    assert len({task.name.split()[0] for task in some}) >= 5


@given(st.integers(0, 400), st.integers(1, 400))
def test_an_interval_holds_the_share_and_narrows_with_more_questions(right: int, total: int) -> None:
    right = min(right, total)
    low, high = wilson(right, total)
    assert 0 <= low <= right / total <= high <= 1
    more = wilson(4 * right, 4 * total)
    assert more[1] - more[0] < high - low


def row(name: str, *, right: bool, group: str = "tools") -> Row:
    texts = {"way": "w", "group": group, "name": name, "question": "Q?", "plan": "return 1", "reference": "return 2"}
    return msgspec.convert(
        texts
        | {"compiles": True, "right": right, "reason": "answers 1, not 2"}
        | {"prompt_tokens": 9, "tokens": 3, "first_line_s": 0.5, "whole_s": 1.0},
        Row,
    )


def test_what_was_measured_is_read_again_but_for_a_line_that_was_cut_off(tmp_path: Path) -> None:
    rows = [row("a", right=True), row("b", right=False)]
    lines = [msgspec.json.encode(one) + b"\n" for one in rows]
    file = tmp_path / "rows.jsonl"
    assert rows_of(file) == []
    file.write_bytes(b"".join(lines))
    assert rows_of(file) == rows
    file.write_bytes(lines[0] + lines[1][:20])
    assert rows_of(file) == rows[:1]


def test_the_table_counts_and_failures_come_from_all_groups() -> None:
    rows = [row(f"{i}", right=i % 4 == 0) for i in range(8)] + [row("x", right=False, group="atlas")]
    shown = table(rows, GROUPS)
    assert "| w | unseen tools | 8 | 2 (25%) | 7% to 59% | 8 | 0.50 s | 1.00 s |" in shown
    assert "| w | all | 9 | 2 (22%) |" in shown
    told = failures(rows, 3)
    assert told.count("answers 1, not 2") == 3 and "[atlas, x; w] Q?" in told

"""The batches of the local engine, decoded by a toy: its next token depends on all tokens that a sequence holds.

So whatever is mixed up (sequences, places, copies, what was given up) changes a text.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from llmcc.runtime.models.engine.schedule import Schedule
from llmcc.runtime.models.engine.steps import Copy, Cut, Limits, Order, Step


def chosen(tokens: list[int], limit: int) -> list[int]:
    """The toy model: what follows `tokens`; sometimes several, as grammars force, and none at the end."""
    mixed = 7
    for place, token in enumerate(tokens):
        mixed = (mixed * 1000003 + token * 31 + place) % 2147483647
    if mixed % 11 == 0:
        return []
    count = 1 + mixed // 11 % 9 if mixed % 5 == 0 else 1
    return [(mixed + i) % 3 for i in range(count)][:limit]


@dataclass
class Job:
    prompt: list[int]
    most: int
    priority: float = 0.0
    text: list[int] = field(default_factory=list)

    def proceed(self, tokens: list[int], cells: int) -> list[int]:
        return chosen(tokens, min(self.most - len(self.text), cells - len(tokens)))

    def alone(self, cells: int) -> list[int]:
        job = Job(self.prompt, self.most)
        while more := job.proceed(job.prompt + job.text, cells):
            job.text += more
        return job.text


@dataclass
class Toy:
    """A memory of cells, each with a token, its place and the sequences that hold it; as llama.cpp's."""

    limits: Limits
    cells: list[tuple[int, int, set[int]]] = field(default_factory=list)
    decoded: int = 0

    def sequence(self, number: int) -> list[int]:
        held = sorted((place, token) for place, token, owners in self.cells if number in owners)
        assert [place for place, _ in held] == list(range(len(held)))
        return [token for _, token in held]

    def do(self, order: Order) -> None:
        match order:
            case Copy(source, target, start, stop):
                assert len(self.sequence(source)) >= stop
                for place, _, owners in self.cells:
                    if source in owners and start <= place < stop:
                        owners.add(target)
            case Cut(number, length):
                for place, _, owners in self.cells:
                    if place >= length:
                        owners.discard(number)
        self.cells = [cell for cell in self.cells if cell[2]]

    def decode(self, step: Step, *, stop_after: int | None = None) -> dict[object, list[int]]:
        """The rows that want a choice, with all that their sequences hold; some tokens only, if it is interrupted."""
        for order in step.orders:
            self.do(order)
        tokens = [(row, row.start + i, token) for row in step.rows for i, token in enumerate(row.tokens)]
        assert 1 <= len(tokens) <= self.limits.batch
        for row, place, token in tokens[:stop_after]:
            self.cells.append((place, token, {row.sequence}))
            self.decoded += 1
        assert len(self.cells) <= self.limits.cells
        return {row.key: self.sequence(row.sequence) for row in step.rows if row.chooses}


@dataclass
class World:
    limits: Limits
    jobs: dict[int, Job] = field(default_factory=dict)
    running: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.schedule = Schedule(self.limits)
        self.toy = Toy(self.limits)

    def submit(self, job: Job) -> int:
        key = len(self.jobs)
        self.jobs[key] = job
        self.running.add(key)
        self.schedule.submit(key, job.prompt, job.priority)
        return key

    def cancel(self, key: int) -> None:
        if key in self.running:
            self.running.remove(key)
            self.schedule.end(key)

    def step(self, *, interrupted: int | None = None) -> Step | None:
        """Decodes a batch and goes on with who wants to; or, interrupted, only a part of it and no further."""
        writers = {entry.key for entry in self.schedule.live if 0 < entry.pending <= self.limits.least}
        step = self.schedule.next_step()
        if step is None:
            return None
        self.check(step, writers)
        choices = self.toy.decode(step, stop_after=interrupted)
        if interrupted is not None:
            self.schedule.undo(step)
            return step
        for key, held in choices.items():
            assert isinstance(key, int)
            self.go_on(key, held)
        return step

    def go_on(self, key: int, held: list[int]) -> None:
        job = self.jobs[key]
        assert held == job.prompt + job.text
        more = job.proceed(held, self.limits.cells)
        job.text += more
        if more:
            self.schedule.append(key, more)
        else:
            self.cancel(key)

    def check(self, step: Step, writers: set[object]) -> None:
        live = self.schedule.live
        rows = {row.key: row for row in step.rows}
        assert min(live, key=lambda entry: entry.rank).key in rows, "the first in rank goes on"
        assert len({row.sequence for row in step.rows}) == len(rows) <= len(live) <= self.limits.live
        assert writers & {entry.key for entry in live} <= set(rows), "who writes is not held up"
        if writers:
            assert sum(len(row.tokens) for row in step.rows if len(row.tokens) > self.limits.least) <= self.limits.chunk

    def finish(self) -> int:
        """Runs until all are over; how many steps that took."""
        steps = 0
        bound = 10 + sum(2 * (len(job.prompt) + job.most) for job in self.jobs.values()) * (1 + len(self.jobs))
        while self.running:
            assert self.step() is not None
            steps += 1
            assert steps < bound, "the requests do not come to an end"
        return steps


@st.composite
def limits(draw: st.DrawFn) -> Limits:
    live, least = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    return Limits(
        cells=draw(st.integers(4, 70)),
        live=live,
        sequences=live + draw(st.integers(0, 4)),
        batch=live * least + draw(st.integers(1, 12)),
        chunk=draw(st.integers(1, 9)),
        least=least,
        share=draw(st.sampled_from([True, True, True, False])),
        patience=draw(st.integers(0, 60)),
        rewinds=draw(st.sampled_from([True, True, True, False])),
    )


BEGINNINGS: tuple[list[int], ...] = ([], [0, 1, 2, 1, 0, 2, 2], [0, 1, 2, 1, 0, 1] * 3, [0, 1, 2, 1, 0, 1] * 4, [2, 2])


@st.composite
def jobs(draw: st.DrawFn) -> Job:
    beginning = draw(st.sampled_from(BEGINNINGS))
    prompt = [*beginning, *draw(st.lists(st.integers(0, 2), min_size=0 if beginning else 1, max_size=6))]
    return Job(prompt, draw(st.integers(1, 20)), draw(st.sampled_from([0.0, 0.0, 1.0])))


ACTIONS = st.one_of(
    jobs(),
    jobs(),
    st.just("step"),
    st.just("step"),
    st.tuples(st.just("cancel"), st.integers(0, 20)),
    st.tuples(st.just("interrupt"), st.integers(0, 6)),
)


@pytest.mark.slow
@settings(max_examples=250, deadline=None)
@given(limits(), st.lists(ACTIONS, max_size=40))
def test_every_request_gets_the_text_that_it_gets_alone(limits: Limits, actions: list[object]) -> None:
    world = World(limits)
    cancelled = set()
    for action in actions:
        match action:
            case Job():
                if len(action.prompt) <= limits.cells:
                    world.submit(action)
            case "step":
                world.step()
            case ("cancel", int(key)):
                cancelled.add(key)
                world.cancel(key)
            case ("interrupt", int(count)):
                world.step(interrupted=count)
    world.finish()
    for key, job in world.jobs.items():
        whole = job.alone(limits.cells)
        assert job.text == whole[: len(job.text)]
        assert job.text == whole or key in cancelled
    event(f"{len(world.jobs)} requests")


@pytest.mark.slow
@given(limits(), st.lists(jobs(), min_size=1, max_size=8))
def test_nothing_is_kept_by_requests_that_are_over(limits: Limits, all_jobs: list[Job]) -> None:
    """The memory holds then what is kept, and nothing more, and both sides agree about it."""
    assume(all(len(job.prompt) <= limits.cells for job in all_jobs))
    world = World(limits)
    for job in all_jobs:
        world.submit(job)
    world.finish()
    memory = world.schedule.memory
    memory.pass_over(0)
    assert all(idle.passed <= limits.patience for idle in list(memory.kept)[:-1])
    for order in memory.take_orders():
        world.toy.do(order)
    assert len(world.toy.cells) == limits.cells - memory.cells.free
    assert {idle.sequence: idle.tokens for idle in memory.kept} == {
        number: held for number in range(limits.sequences) if (held := world.toy.sequence(number))
    }
    assert len(memory.numbers) + len(memory.kept) == limits.sequences


ROOMY = Limits(cells=1000, live=8, sequences=16, batch=64, chunk=16, least=4)


@pytest.mark.slow
@given(st.lists(st.integers(0, 2), min_size=4, max_size=200), st.integers(1, 8))
def test_a_common_beginning_is_decoded_once(beginning: list[int], count: int) -> None:
    world = World(ROOMY)
    for own in range(count):
        world.submit(Job([*beginning, 10 + own, 20], most=0))
    while world.running:
        for key in world.running:
            cached = world.schedule.cached(key)
            assert cached <= len(beginning)
        world.step()
    assert world.toy.decoded == len(beginning) + 2 * count


def test_what_a_request_left_serves_the_next_one() -> None:
    world = World(ROOMY)
    world.submit(Job([0, 1] * 20, most=3))
    world.finish()
    before = world.toy.decoded
    key = world.submit(Job([0, 1] * 20 + [2], most=3))
    world.step()
    assert world.schedule.cached(key) == 40
    assert world.toy.decoded == before + 1


def test_what_is_of_no_use_for_long_is_given_up() -> None:
    """All that is kept slows every token down, so it costs more than it saves at last."""
    world = World(replace(ROOMY, patience=50))
    for first in range(3):
        world.submit(Job([first] * 30, most=0))
        world.finish()
    assert [idle.tokens[0] for idle in world.schedule.memory.kept] == [1, 2]


def test_writing_goes_on_while_a_long_prompt_is_read() -> None:
    world = World(ROOMY)
    writers = [world.submit(Job([3, i], most=5)) for i in range(3)]
    world.step()
    world.submit(Job([5] * 100, most=1))
    step = world.step()
    assert step is not None
    sizes = {row.key: len(row.tokens) for row in step.rows}
    assert set(writers) & world.running <= set(sizes)
    assert 0 < sizes[3] <= ROOMY.chunk < 100


def test_the_more_urgent_goes_first_and_others_as_they_came() -> None:
    world = World(Limits(cells=100, live=1, sequences=2, batch=16))
    order = [world.submit(Job([key], most=1, priority=priority)) for key, priority in enumerate([0.0, 1.0, 0.0, 2.0])]
    seen: list[object] = []
    while world.running:
        step = world.step()
        assert step is not None
        seen += [row.key for row in step.rows if row.key not in seen]
    assert [order.index(key) for key in seen if isinstance(key, int)] == [3, 1, 0, 2]


def test_who_is_put_back_is_the_last_in_rank() -> None:
    """Two requests that each need nearly all of the memory: the first is never disturbed, the second gets its text."""
    world = World(Limits(cells=40, live=2, sequences=2, batch=16, least=4))
    prompts = [[9, 1, 2, 3], [8, 1, 2, 3]]
    keys = [world.submit(Job(prompt, most=36)) for prompt in prompts]
    assume_long = [len(world.jobs[key].alone(40)) for key in keys]
    for entry_steps in range(200):
        if not world.running:
            break
        world.step()
        if keys[0] in world.running and entry_steps:
            assert any(entry.key == keys[0] for entry in world.schedule.live)
    assert [len(world.jobs[key].text) for key in keys] == assume_long


def test_a_request_that_cannot_fit_is_refused() -> None:
    schedule = Schedule(Limits(cells=8))
    with pytest.raises(ValueError, match="9 tokens; the memory holds 8"):
        schedule.submit("a", [0] * 9)
    schedule.submit("a", [0] * 8)
    with pytest.raises(ValueError, match="already"):
        schedule.submit("a", [0])
    with pytest.raises(ValueError, match="9 tokens"):
        schedule.append("a", [0])


@pytest.mark.parametrize("wrong", [{"cells": 0}, {"sequences": 3}, {"batch": 128}])
def test_limits_under_which_requests_could_starve_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"limits|sequences|batch"):
        replace(Limits(cells=100), **wrong)  # type: ignore[arg-type]


@pytest.mark.slow
@given(st.lists(st.integers(0, 2), min_size=1, max_size=60), limits(), st.lists(jobs(), max_size=4))
def test_a_beginning_can_be_loaded_from_elsewhere(beginning: list[int], limits: Limits, others: list[Job]) -> None:
    world = World(limits)
    for job in others:
        if len(job.prompt) <= limits.cells:
            world.submit(job)
    world.step()
    held = [(entry.sequence, entry.held) for entry in world.schedule.live]
    made = world.schedule.restore(beginning)
    assert held == [(entry.sequence, entry.held) for entry in world.schedule.live], "nobody is disturbed"
    if made is None:
        return
    orders, number = made
    for order in orders:
        world.toy.do(order)
    assert not world.toy.sequence(number)
    world.toy.cells += [(place, token, {number}) for place, token in enumerate(beginning)]
    if len(beginning) < limits.cells:
        world.submit(Job([*beginning, 1], most=5))
    world.finish()
    for job in world.jobs.values():
        assert job.text == job.alone(limits.cells)

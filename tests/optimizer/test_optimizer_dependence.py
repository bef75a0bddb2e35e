"""The edges that hold conflicting ops apart: enough of them, and not more than it takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.optimizer.alias import Access, Resource, may_alias
from llmcc.optimizer.dependence import Conflicts, Reduction
from llmcc.testing.work import growth, work_of

RESOURCES = st.sampled_from(
    [Resource(p) for p in [("",), ("a",), ("b",), ("ab",), ("a", ""), ("", "b"), ("b", ""), ("", "")]]
)
FEW = st.lists(RESOURCES, max_size=2, unique=True).map(tuple)
PROGRAMS = st.lists(st.builds(Access, FEW, FEW), max_size=14)


def edges_of(program: list[Access], fan: int) -> dict[str, list[str]]:
    """The edges of each op and barrier, with no use of values among them."""
    found: dict[str, list[str]] = {}
    reduction = Reduction()

    def barrier(names: list[str]) -> str:
        name = f"barrier {len(found)}"
        found[name] = list(names)
        reduction.add(name, names)
        return name

    conflicts = Conflicts(barrier, fan)
    for i, access in enumerate(program):
        kept = reduction.keep(conflicts.add(str(i), access), ())
        reduction.add(str(i), kept)
        found[str(i)] = kept
    return found


def ancestors(edges: dict[str, list[str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, before in edges.items():
        found[name] = set(before).union(*(found[one] for one in before))
    return found


def conflict(a: Access, b: Access) -> bool:
    pairs = [(x, y) for x in a.writes for y in (*b.reads, *b.writes)] + [(x, y) for x in a.reads for y in b.writes]
    return any(may_alias(x, y) for x, y in pairs)


@pytest.mark.slow
@given(PROGRAMS, st.sampled_from([1, 2, 32]))
def test_every_pair_that_conflicts_is_held_apart(program: list[Access], fan: int) -> None:
    before = ancestors(edges_of(program, fan))
    for j, later in enumerate(program):
        for i, earlier in enumerate(program[:j]):
            assert not conflict(earlier, later) or str(i) in before[str(j)]


@pytest.mark.slow
@given(PROGRAMS)
def test_no_edge_is_between_ops_that_nothing_holds_apart(program: list[Access]) -> None:
    needed: dict[str, set[str]] = {}
    for j, later in enumerate(program):
        direct = [str(i) for i in range(j) if conflict(program[i], later)]
        needed[str(j)] = set(direct).union(*(needed[one] for one in direct))
    assert ancestors(edges_of(program, 32)) == needed


@pytest.mark.slow
@given(PROGRAMS)
def test_no_edge_is_implied_by_others(program: list[Access]) -> None:
    edges = edges_of(program, 32)
    before = ancestors(edges)
    for found in edges.values():
        assert not any(one in before[other] for one in found for other in found)


def test_reads_between_two_writes_have_two_edges_each() -> None:
    shared = (Resource(("a",)),)
    program = [Access(writes=shared), *[Access(reads=shared)] * 1000, Access(writes=shared)]
    edges = edges_of(program, 32)
    assert sum(map(len, edges.values())) == 2000


@pytest.mark.parametrize("everything", [Access(reads=(Resource(("", "")),)), Access(reads=(Resource(("f:", "")),))])
def test_many_readers_of_all_and_many_writers_of_one_each_meet_at_a_barrier(everything: Access) -> None:
    count = 300
    writes = [Access(writes=(Resource((f"f:{i}",)),)) for i in range(count)]
    for program in ([everything] * count + writes, writes + [everything] * count):
        edges = edges_of(program, 32)
        assert sum(map(len, edges.values())) <= 2 * count + 1
        before = ancestors(edges)
        assert all(str(i) in before[str(j)] for i in range(count) for j in range(count, 2 * count))


@pytest.mark.slow
def test_work_grows_with_the_number_of_ops() -> None:
    def work(count: int) -> int:
        writes = [Access(writes=(Resource((f"f:{i}",)),)) for i in range(count)]
        accesses = [*writes, *[Access(reads=(Resource(("f:", "")),))] * count, *writes]
        return work_of(lambda: edges_of(accesses, 32))

    assert growth(work, 100) < 1.1

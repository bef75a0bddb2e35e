"""Hypothesis strategies for what surrounds a plan: schedules and faults. Both shrink towards none of either."""

from __future__ import annotations

from collections.abc import Collection

from hypothesis import strategies as st

from llmcc.testing.faulty import KINDS, Faults, Kind
from llmcc.testing.schedule import Schedule

_SEEDS = st.integers(0, 2**32 - 1)


def schedules(*, slowest_s: float = 10.0) -> st.SearchStrategy[Schedule]:
    """Schedules: a seed for the order of tasks and for each call's latency (up to `slowest_s` seconds of virtual time),
    and how many calls may run at the same time.
    """
    return st.builds(
        Schedule,
        seed=_SEEDS,
        slowest_s=st.sampled_from((slowest_s, slowest_s, slowest_s, 0.0)),
        max_running=st.sampled_from((None, None, 1, 2, 5)),
    )


def faults(*, kinds: Collection[Kind] = KINDS, most: float = 0.5) -> st.SearchStrategy[Faults]:
    """Faults of these kinds for up to `most` (0 to 1) of the calls; every other example has none."""
    some = st.builds(
        Faults,
        share=st.sampled_from((0.1, 0.3, 0.5, 1.0)).map(lambda share: share * most),
        seed=_SEEDS,
        kinds=st.lists(st.sampled_from(sorted(kinds)), min_size=1, unique=True).map(tuple),
    )
    return st.just(Faults()) | some

"""Whatever plan is drawn, and however its calls overlap, the bank's tools give what they give one by one."""

import bank
from hypothesis import given, settings
from hypothesis import strategies as st

from llmcc.testing import assert_equivalent, faults, plans, schedules

NAMES = st.sampled_from(["ann", "bob", "cid"])
GIVEN = {"account": NAMES, "source": NAMES, "target": NAMES, "amount": st.integers(0, 60)}


@settings(deadline=None)
@given(plan=plans(bank.toolbox(), arguments=GIVEN), schedule=schedules(), faults=faults())
def test_my_tools(plan, schedule, faults):
    assert_equivalent(plan, bank.toolbox, schedule=schedule, faults=faults)

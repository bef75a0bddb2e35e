"""The pytest plugin: a failed test that ran a plan with the kit shows that plan, its schedule, and every call.

pytest loads it by itself wherever llmcc is installed (`-p no:llmcc` turns it off). Under Hypothesis the run that is
shown is the one of the shrunk example.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

from llmcc.testing import report

if TYPE_CHECKING:
    from _pytest.reports import TestReport

TITLE = "llmcc: the run that failed"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Forgets what the test before has run."""
    report.forget()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, TestReport, TestReport]:
    """Adds the run to the report of a test that failed."""
    made = yield
    if call.excinfo is not None and made.failed:
        run = _run_of(call.excinfo.value) or report.last()
        if run is not None:
            made.sections.append((TITLE, run.describe()))
    return made


def _run_of(error: BaseException) -> report.Run | None:
    """The run that an error, or one in its group, is about."""
    found = getattr(error, "run", None)
    if isinstance(found, report.Run):
        return found
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    return next(filter(None, map(_run_of, inner)), None)

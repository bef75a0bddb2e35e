"""Lists the defects that `test_mutations.py` planted, and by what each was caught, behind what pytest says."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each defect that was caught, if that is what was asked for."""
    if not any("test_mutations" in argument for argument in terminalreporter.config.args):
        return
    properties = (report.user_properties for report in terminalreporter.getreports("passed"))
    caught = [tuple(map(str, value)) for found in properties for name, value in found if name == "caught"]
    if not caught:
        return
    width = [max(map(len, column)) for column in zip(*caught, strict=True)]
    terminalreporter.section(f"{len(caught)} defects planted, {len(caught)} caught")
    for where, defect, law in caught:
        terminalreporter.write_line(f"{where:{width[0]}}  {defect:{width[1]}}  {law}")

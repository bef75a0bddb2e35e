"""The examples in the planner's docstrings."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest


@pytest.mark.parametrize(
    "module",
    ["data.domains", "data.entities", "data.naming", "data.kit", "data.scene", "evaluate.atlas", "evaluate.report"],
)
def test_the_examples_of_a_module_are_right(module: str) -> None:
    if module == "evaluate.atlas":
        pytest.importorskip("pint")
    done = doctest.testmod(import_module(f"planner.{module}"))
    assert done.attempted > 0
    assert done.failed == 0

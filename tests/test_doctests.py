"""Every example in a docstring of the package does what it shows."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import llmcc

MODULES = [module.name for module in pkgutil.walk_packages(llmcc.__path__, "llmcc.") if module.name != "llmcc.__main__"]


def test_the_modules_are_found() -> None:
    assert {"llmcc.ir", "llmcc.frontend", "llmcc.optimizer.passes", "llmcc.runtime.models"} <= set(MODULES)


@pytest.mark.parametrize("name", ["llmcc", *MODULES])
def test_the_examples_of(name: str) -> None:
    failures = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert failures.failed == 0, "the output above shows what differs"

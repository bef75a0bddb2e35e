"""How often llama.cpp looks whether it is to abort, and what it computes in between; with the real SmolLM2."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from llmcc.runtime.models import ModelUnavailable, default_model_path
from llmcc.runtime.models.engine.steps import Cut, Limits, Row, Step
from llmcc.runtime.models.llama_files import requantized

pytestmark = pytest.mark.slow
llama_cpp = pytest.importorskip("llama_cpp")

from llmcc.runtime.models.llama_context import PORTION, LlamaContext  # noqa: E402  # numpy comes with llama_cpp
from llmcc.runtime.models.llama_library import Aborted  # noqa: E402
from llmcc.runtime.models.llama_model import LlamaModel  # noqa: E402


class Looks:
    """Counts how often llama.cpp looks at its flag; at the `at`-th look it is told to abort."""

    def __init__(self, context: LlamaContext) -> None:
        self.count = 0
        self.at = 0
        self._context = context
        self._callback = llama_cpp.ggml_abort_callback(self._look)
        llama_cpp.llama_set_abort_callback(context._context, self._callback, None)

    def _look(self, _data: object) -> bool:
        self.count += 1
        return self.count == self.at

    def reading(self, count: int, *, abort_at: int = 0) -> int:
        """The looks while a prompt of `count` tokens is read, and forgotten again."""
        self.count, self.at = 0, abort_at
        step = Step((Cut(0, 0),), (Row("one", 0, 0, tuple(100 + place for place in range(count)), True),))
        self._context.do(step.orders)
        self._context.decode(step)
        return self.count


@pytest.fixture(scope="module")
def looks() -> Iterator[Looks]:
    try:
        model = LlamaModel(requantized(default_model_path()))
    except ModelUnavailable as error:
        pytest.skip(str(error))
    context = LlamaContext(model, Limits(cells=1024), threads=1)
    yield Looks(context)
    context.close()


def test_between_two_looks_an_operation_is_done_for_a_portion_of_a_prompt(looks: Looks) -> None:
    one = looks.reading(PORTION)
    assert one > 300, "several operations in each of thirty layers"
    assert looks.reading(2 * PORTION - 1) == looks.reading(2 * PORTION) == 2 * one


def test_nothing_is_computed_after_the_look_that_aborts(looks: Looks) -> None:
    one = looks.reading(PORTION)
    for at in (1, one // 2, one + 1):
        with pytest.raises(Aborted):
            looks.reading(4 * PORTION, abort_at=at)
        assert looks.count == at
    assert looks.reading(PORTION) == one, "and the next batch is decoded as ever"

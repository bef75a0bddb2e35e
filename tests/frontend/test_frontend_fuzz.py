"""What a fuzzer has found worth keeping still holds, and the fuzzer itself sees faults and repeats its inputs."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from llmcc.frontend.front import FrontResult, compile_front
from llmcc.frontend.reader import StatementReader
from llmcc.testing import fuzz
from llmcc.testing.fuzz import Case, Fuzzer

CORPUS = fuzz.read_corpus(Path(__file__).parent / "fuzz_corpus" / "inputs.jsonl")
SHARES = 8


def failures(count: int) -> int:
    """How many of the first inputs a fuzzer refuses."""
    fuzzer, refused = Fuzzer(3, ()), 0
    for case in fuzzer.inputs(count):
        try:
            fuzzer.run(case, count_work=False)
        except AssertionError:
            refused += 1
    return refused


@pytest.mark.slow
def test_the_corpus_holds_inputs_of_all_sorts() -> None:
    assert len(CORPUS) >= 100
    assert {case.dialect for case in CORPUS} == {"native", "llmcompiler"}
    assert len({code for case in CORPUS for code in fuzz.check(case)}) >= 50


@pytest.mark.slow
@pytest.mark.parametrize("share", range(SHARES))
def test_the_corpus_passes(share: int) -> None:
    for case in CORPUS[share::SHARES]:
        fuzz.check(case, count_work=True)


@pytest.mark.parametrize(
    "text", ["", "\n", "\ufeff", "\x00", "\r", "(" * 2000, "[" * 60 + "]" * 60, "return " + "-" * 1900 + "1"]
)
def test_the_corners_pass(text: str) -> None:
    for dialect in ("native", "llmcompiler"):
        fuzz.check(Case(text, dialect), count_work=True)


def test_the_same_seed_gives_the_same_inputs() -> None:
    first, second = (list(Fuzzer(5, ()).inputs(50)) for _ in range(2))
    assert first == second != list(Fuzzer(6, ()).inputs(50))


@pytest.mark.slow
def test_a_front_end_without_faults_passes() -> None:
    assert failures(300) == 0


@pytest.mark.slow
def test_a_span_outside_of_the_text_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = compile_front

    def wrong(*args: object, **options: object) -> FrontResult:
        found = right(*args, **options)  # type: ignore[arg-type]
        moved = tuple(
            msgspec.structs.replace(d, span=msgspec.structs.replace(d.span, end_column=d.span.end_column + 500))
            for d in found.diagnostics
        )
        return msgspec.structs.replace(found, diagnostics=moved)

    monkeypatch.setattr(fuzz, "compile_front", wrong)
    assert failures(50) > 0


@pytest.mark.slow
def test_a_difference_between_chunks_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = StatementReader.feed
    # A chunk of one character that is a blank gets lost.
    monkeypatch.setattr(StatementReader, "feed", lambda self, chunk: right(self, "" if chunk == " " else chunk))
    assert failures(100) > 0


def test_growing_memory_is_told() -> None:
    assert not fuzz._grows([1000 + i for i in range(20)])
    assert fuzz._grows([1000 + i * fuzz.GROWTH for i in range(20)])

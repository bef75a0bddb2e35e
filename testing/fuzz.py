"""Feeds the front end with broken plans and checks what must hold for any text at all.

    python -m llmcc.testing.fuzz --inputs 1000000 --seed 1

Texts come from the pages of the diagnostics and from a corpus, changed at random; one that gets a combination of codes
not seen before joins the corpus. The same seed and corpus give the same texts.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import json
import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

from llmcc.frontend.format import format_plan
from llmcc.frontend.front import FrontEnd, FrontResult, compile_front
from llmcc.ir.diagnostics import Diagnostic, all_codes, explanation, has_errors
from llmcc.ir.digest import without_places
from llmcc.ir.effects import PURE, Effect
from llmcc.ir.ops import Module
from llmcc.ir.render import render, render_json
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.span import Span
from llmcc.ir.types import FLOAT, INT, STR, EnumType, Field, ListType, RecordType
from llmcc.ir.verify import verify
from llmcc.testing.mutate import mutated
from llmcc.testing.work import work_of

_PLACE = RecordType((Field("title", STR), Field("height_m", FLOAT)))
_WEB, _MAIL = Effect("read", ("web",)), Effect("write", ("mailbox:{to}",))
TOOLS = {
    tool.name: tool
    for tool in (
        Signature(
            name="search",
            parameters=(Parameter("query", STR), Parameter("limit", INT, required=False)),
            returns=ListType(_PLACE),
            effect=_WEB,
        ),
        Signature(name="math", parameters=(Parameter("expr", STR),), returns=FLOAT, effect=PURE),
        Signature(
            name="hotel.book",
            parameters=(Parameter("name", STR), Parameter("class", EnumType(("low", "high")), required=False)),
            returns=RecordType((Field("ok", STR),)),
            effect=Effect("write", ("hotel",)),
        ),
        Signature(name="send_mail", parameters=(Parameter("to", STR), Parameter("text", STR)), effect=_MAIL),
        Signature(name="odd name", parameters=(Parameter("x", STR, required=False),), returns=STR, effect=_WEB),
    )
}
CODES = frozenset(all_codes())
#: Function calls that the front end may make: a share for every text, and one for each character.
WORK, WORK_A_CHARACTER = 50_000, 2_000
#: Living blocks of memory by which a run may grow after its first tenth. One text that is kept costs hundreds.
GROWTH = 60_000
#: So many inputs a run keeps, so that what it keeps is no growth.
MOST_FOUND = 3000
_LINE_END = re.compile(r"\r\n|\r|\n")
_RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class Case(NamedTuple):
    """An input: a text, its dialect, and whether there are tools."""

    text: str
    dialect: str = "native"
    with_tools: bool = True


def check(case: Case, *, count_work: bool = False) -> tuple[str, ...]:
    """Checks all that must hold for any text. Returns the codes of its diagnostics, each once, sorted.

    Raises:
        AssertionError: something does not hold.
    """
    if count_work:
        most = WORK + WORK_A_CHARACTER * len(case.text)
        assert work_of(lambda: _compile(case)) <= most, "so much work cannot be linear"
    whole = _compile(case)
    _check_diagnostics(case.text, whole.diagnostics)
    assert (whole.module is None) == has_errors(whole.diagnostics)
    _check_chunks(case, whole)
    if whole.module is not None:
        verify(whole.module, TOOLS if case.with_tools else None)
        _check_format(case, whole, whole.module)
    return tuple(sorted({found.code for found in whole.diagnostics}))


def _compile(case: Case, text: str | None = None) -> FrontResult:
    tools = TOOLS if case.with_tools else None
    return compile_front(case.text if text is None else text, tools, dialect=case.dialect)


def _check_diagnostics(text: str, diagnostics: Sequence[Diagnostic]) -> None:
    lines = _LINE_END.split(text.removeprefix("\ufeff"))
    for found in diagnostics:
        assert found.code in CODES, f"{found.code} has no page"
        assert _within(found.span, lines), f"{found} is not in the text"
        assert found.message and not found.message.endswith("."), found
        for words in (found.message, found.help or "", *found.notes):
            assert not _RAW.search(words), f"{found} says something that cannot be seen"
        for edit in (edit for fix in found.fixes for edit in fix.edits):
            assert _within(edit.span, lines), f"{edit} is not in the text"
    render(diagnostics, text)
    json.loads(render_json(diagnostics))


def _within(span: Span, lines: Sequence[str]) -> bool:
    return (
        1 <= span.line <= span.end_line <= len(lines)
        and (span.line, span.column) <= (span.end_line, span.end_column)
        and 1 <= span.column <= len(lines[span.line - 1]) + 1
        and 1 <= span.end_column <= len(lines[span.end_line - 1]) + 1
    )


def _check_chunks(case: Case, whole: FrontResult) -> None:
    front = FrontEnd(TOOLS if case.with_tools else None, dialect=case.dialect)
    random, start, ops = Random(len(case.text)), 0, []
    while start < len(case.text):
        end = start + random.choice((1, 1, 2, 5, 20, 200))
        ops += [op for lowered in front.feed(case.text[start:end]) for op in lowered.ops]
        start = end
    ops += [op for lowered in front.close() for op in lowered.ops]
    assert tuple(front.diagnostics) == whole.diagnostics, "chunks change the diagnostics"
    assert whole.module is None or Module(tuple(ops)) == whole.module, "chunks change the ops"


def _check_format(case: Case, whole: FrontResult, module: Module) -> None:
    formatted = format_plan(whole.statements)
    again = _compile(case, formatted)
    assert again.module is not None, f"formatting breaks the plan: {formatted!r} {again.diagnostics}"
    assert without_places(again.module) == without_places(module), f"formatting changes what it means: {formatted!r}"
    assert format_plan(again.statements) == formatted, f"formatting is not done at once: {formatted!r}"


def seeds() -> list[str]:
    """The plans on the pages of the diagnostics: at least one for every mistake that is known."""
    pages = [explanation(code) or "" for code in sorted(CODES)]
    return [plan for page in pages for plan in re.findall(r"^```+plan[^\n]*\n(.*?)^```", page, re.M | re.S)]


def read_corpus(file: Path) -> list[Case]:
    """The inputs that a run has saved; none if there is no such file."""
    return [Case(*json.loads(line)) for line in file.read_text().splitlines()] if file.exists() else []


class Fuzzer:
    """Makes inputs, checks them, and keeps those that are new in what they get."""

    def __init__(self, seed: int, corpus: Sequence[Case]) -> None:
        self._random = Random(seed)
        self._texts = [*seeds(), *(case.text for case in corpus)]
        self._seen = {(check(case), case.dialect, case.with_tools) for case in corpus}
        self.found: list[Case] = []

    def inputs(self, count: int) -> Iterator[Case]:
        """That many inputs, one after another."""
        random = self._random
        for _ in range(count):
            text = mutated(random, random.choice(self._texts), self._texts)
            yield Case(text, random.choice(("native", "native", "llmcompiler")), random.random() < 0.8)

    def run(self, case: Case, *, count_work: bool) -> None:
        """Checks one input."""
        key = (check(case, count_work=count_work), case.dialect, case.with_tools)
        if key not in self._seen and len(key[0]) <= 3 and len(self.found) < MOST_FOUND:
            self._seen.add(key)
            self._texts.append(case.text)
            self.found.append(case)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the fuzzer; returns 1 if an input failed or memory grows."""
    parser = argparse.ArgumentParser(prog="python -m llmcc.testing.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, default=Path("tests/frontend/fuzz_corpus/inputs.jsonl"))
    parser.add_argument("--save", action="store_true", help="add what is new to the corpus")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first failure")
    options = parser.parse_args(argv)
    fuzzer = Fuzzer(options.seed, read_corpus(options.corpus))
    failures, blocks, step = 0, [], max(options.inputs // 20, 1)
    start = time.process_time()
    for number, case in enumerate(fuzzer.inputs(options.inputs), 1):
        # An input that hangs ends the run and says where.
        faulthandler.dump_traceback_later(60, exit=True)
        try:
            fuzzer.run(case, count_work=number % 64 == 0)
        except Exception as error:
            failures += 1
            print(f"input {number}: {type(error).__name__}: {error}\n  {json.dumps(case)}", flush=True)
            if not options.keep_going:
                break
        if number % step == 0:
            gc.collect()
            blocks.append(sys.getallocatedblocks())
            print(f"{number} inputs, {time.process_time() - start:.0f} s CPU, {blocks[-1]} blocks, "
                  f"{len(fuzzer.found)} new combinations, {failures} failures", flush=True)  # fmt: skip
    faulthandler.cancel_dump_traceback_later()
    if options.save:
        with options.corpus.open("a") as file:
            file.writelines(json.dumps(case) + "\n" for case in fuzzer.found)
    return 1 if failures or _grows(blocks) else 0


def _grows(blocks: Sequence[int]) -> bool:
    """Whether memory has grown from a tenth of the run on, up to the end, by more than the corpus explains."""
    if len(blocks) < 20 or blocks[-1] - blocks[1] <= GROWTH:
        return False
    print(f"memory grows: {blocks[1]} blocks after a tenth of the inputs, {blocks[-1]} at the end")
    return True


if __name__ == "__main__":
    sys.exit(main())

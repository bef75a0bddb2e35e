"""Every page about a code shows a plan that gives exactly this code, and one that does not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources

import msgspec
import pytest

from llmcc.frontend.front import compile_front
from llmcc.frontend.limits import SourceLimits
from llmcc.frontend.source import decode_plan
from llmcc.ir.diagnostics import FAMILIES, Diagnostic, all_codes, explanation, has_errors
from llmcc.ir.signature import Signature
from llmcc.runtime.toolfile import parse_toolfile

_BLOCK = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
#: Families that a plan's text alone can show; the others speak about tools, models and runs.
COMPILED = {"LEX", "SYN", "REF", "TYP"}
#: What nearly every small example gives besides.
USUAL = {"W0290", "W0501"}


class Example(msgspec.Struct, frozen=True):
    text: str
    signatures: dict[str, Signature] | None
    dialect: str
    good: bool
    limits: SourceLimits
    #: Other codes that the example cannot be without.
    also: frozenset[str]
    #: The text stands for bytes, those that are no ASCII as `\\xff`.
    bytes: bool = False


def examples(page: str) -> list[Example]:
    signatures: dict[str, Signature] | None = None
    found = []
    for block in _BLOCK.finditer(page):
        kind, *words = block["kind"].split() or [""]
        if kind == "json" and words == ["tools"]:
            signatures = {tool.signature.name: tool.signature for tool in parse_toolfile(block["text"])}
        if kind == "plan":
            options = dict(word.split("=") for word in words if "=" in word)
            bounds = {name: int(value) for name, value in options.items() if name in SourceLimits.__struct_fields__}
            text = block["text"].removesuffix("\n") if "cut" in words else block["text"]
            text = text.encode().decode("unicode_escape") if "bytes" in words else text
            dialect, also = options.get("dialect", "native"), frozenset(options.get("also", "").split(","))
            good, limits = words[0] == "good", SourceLimits(**bounds)
            found.append(Example(text, signatures, dialect, good, limits, also, "bytes" in words))
    return found


def compiled(example: Example) -> tuple[Diagnostic, ...]:
    if example.bytes:
        _, wrong = decode_plan(example.text.encode("latin-1"))
        assert wrong is not None
        return (wrong,)
    return compile_front(example.text, example.signatures, dialect=example.dialect, limits=example.limits).diagnostics


@pytest.mark.parametrize("code", all_codes())
def test_the_page_has_the_form(code: str) -> None:
    page = explanation(code)
    assert page is not None
    title = page.splitlines()[0]
    assert re.fullmatch(rf"# {code}: .+[^.]", title), title
    assert code[1:3] in FAMILIES
    if FAMILIES[code[1:3]] in COMPILED:
        kinds = [example.good for example in examples(page)]
        assert False in kinds and True in kinds, "the page shows a bad plan and a good one"


@pytest.mark.parametrize("code", all_codes())
def test_the_examples_do_what_they_show(code: str) -> None:
    for example in examples(explanation(code) or ""):
        found = {d.code for d in compiled(example)}
        if example.good:
            assert code not in found and not has_errors(compiled(example)), found
            continue
        assert code in found and found - USUAL - example.also - {code} == set(), found


def test_every_code_in_the_source_has_a_page() -> None:
    used: Mapping[str, str] = {
        code: page.name
        for page in resources.files("llmcc.frontend").iterdir()
        if page.name.endswith(".py")
        for code in re.findall(r'"([EW]\d{4})"', page.read_text(encoding="utf-8"))
    }
    assert set(used) - set(all_codes()) == set()

"""Pipelines as text: `fold-constants,schedule{width=8}`. What is printed parses back to an equal pipeline."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any, TypeAlias

import msgspec

from llmcc.ir.errors import LlmccError
from llmcc.optimizer.registry import PASSES, Pass

Pipeline: TypeAlias = tuple[Pass, ...]

_ENTRY = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*)\s*(?:\{([^{}]*)\})?\s*(,|$)")


class PipelineError(LlmccError):
    """The text is no pipeline; a user's error."""


class UnknownPass(PipelineError):
    """There is no pass of that name."""

    def __init__(self, name: str) -> None:
        near = get_close_matches(name, PASSES, n=1)
        hint = f"; did you mean `{near[0]}`?" if near else f"; there are {', '.join(PASSES)}"
        super().__init__(f"there is no pass `{name}`{hint}")


class BadOption(PipelineError):
    """A pass has no such option, or the option no such value."""


def parse_pipeline(text: str) -> Pipeline:
    """The pipeline that `text` names, in order; blanks do not count.

    >>> print_pipeline(parse_pipeline("fold-constants, schedule{width=8}"))
    'fold-constants,schedule{width=8}'

    Raises:
        UnknownPass, BadOption, PipelineError: it names none.
    """
    found: list[Pass] = []
    position = 0
    while text.strip() and (position < len(text) or text.rstrip().endswith(",")):
        entry = _ENTRY.match(text, position)
        if entry is None:
            raise PipelineError(f"a pipeline is `pass,pass{{option=value}},...`, not `{text.strip()}`")
        found.append(_pass(entry[1], entry[2]))
        position = entry.end()
    return tuple(found)


def _pass(name: str, options: str | None) -> Pass:
    if name not in PASSES:
        raise UnknownPass(name)
    kind: Any = PASSES[name].kind
    given: dict[str, str] = {}
    for part in (options or "").split(",") if (options or "").strip() else ():
        option, equals, value = (piece.strip() for piece in part.partition("="))
        if option in given or not equals:
            raise BadOption(f"the options of `{name}` are written `option=value`, each once, not `{part.strip()}`")
        given[option] = value
    try:
        made: Pass = msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        known = ", ".join(kind.__struct_fields__) or "none"
        raise BadOption(f"`{name}`: {str(error)[0].lower()}{str(error)[1:]} (its options: {known})") from None
    return made


def print_pipeline(pipeline: Pipeline) -> str:
    """The pipeline as text; options that have their default are left out."""
    return ",".join(map(print_pass, pipeline))


def print_pass(one: Pass) -> str:
    """One pass as text."""
    default: Any = type(one)()
    differing = [f for f in default.__struct_fields__ if getattr(one, f) != getattr(default, f)]
    options = ",".join(f"{field}={_shown(getattr(one, field))}" for field in differing)
    return f"{name_of(one)}{{{options}}}" if options else name_of(one)


def name_of(one: Pass) -> str:
    """The name of a pass, without its options."""
    return next(name for name, entry in PASSES.items() if entry.kind is type(one))


def _shown(value: object) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)

"""What several commands share: reading texts, loading tools, printing diagnostics."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import click

from llmcc.frontend.limits import SourceLimits
from llmcc.frontend.source import decode_plan
from llmcc.ir.diagnostics import Diagnostic
from llmcc.ir.errors import LlmccError
from llmcc.ir.render import render

if TYPE_CHECKING:
    from llmcc.driver.program import Program
    from llmcc.runtime.profile import Profile
    from llmcc.runtime.toolbox import Toolbox

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class UserError(click.ClickException):
    """Something the user gave is wrong; ends the command with exit code 1."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        """Prints `error: message` to standard error."""
        click.echo(f"error: {self.message}", err=True)


class NotUtf8(UserError):
    """A plan's bytes are no text; shown like every other diagnostic about a plan."""

    def __init__(self, found: Diagnostic, text: str, name: str) -> None:
        super().__init__(found.message)
        self.diagnostics = (found,)
        self._text = text
        self._name = name

    def show(self, file: Any = None) -> None:
        """Prints the diagnostic to standard error."""
        show_diagnostics(self.diagnostics, self._text, self._name)


def source_argument(function: Decorated) -> Decorated:
    """The argument SOURCE: a file, or `-` for standard input."""
    return click.argument("source", metavar="PLAN", type=click.Path(path_type=str))(function)


def tools_option(function: Decorated) -> Decorated:
    """The option `--tools FILE`."""
    return click.option(
        "--tools", "tools", metavar="FILE", help="The tools a plan may call: a tools.py or a tools.json."
    )(function)


def catalog_option(function: Decorated) -> Decorated:
    """The option `--catalog FILE`."""
    return click.option(
        "--catalog", "catalog", metavar="FILE", help="What the tools do, if others described them: an effects.toml."
    )(function)


def llm_option(function: Decorated) -> Decorated:
    """The option `--llm MODEL`."""
    text = "Let plans ask this model, by the tool llm: openai:NAME, a GGUF file, or `embedded`."
    return click.option("--llm", metavar="MODEL", help=text)(function)


def profile_option(function: Decorated) -> Decorated:
    """The option `--profile FILE`."""
    return click.option(
        "--profile", "profile", metavar="FILE", help="What calls took in earlier runs (from run --profile-out)."
    )(function)


def trace_option(function: Decorated) -> Decorated:
    """The option `--trace`."""
    text = "Write what happened when to this file, for `llmcc trace` and for Perfetto."
    return click.option("--trace", metavar="FILE", help=text)(function)


def budget_option(function: Decorated) -> Decorated:
    """The option `--budget NAME=N`, several times; the command gets `budget`."""
    names = "calls, width, usd, seconds, replans, tokens_in, tokens_out"
    return click.option(
        "--budget",
        metavar="NAME=N",
        multiple=True,
        callback=_budget,
        help=f"What may be used, by {names} (can be given several times); checked before the run and during it. "
        "price:MODEL=INPUT/OUTPUT says what a model costs, in dollars for a million tokens.",
    )(function)


def _budget(_context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]) -> Any:
    if not given:
        return None
    from llmcc.driver.budget import parse_budget

    try:
        return parse_budget(given)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def dialect_option(function: Decorated) -> Decorated:
    """The option `--dialect`."""
    return click.option(
        "--dialect",
        type=click.Choice(["native", "llmcompiler"]),
        default="native",
        show_default=True,
        help="The language of the plan.",
    )(function)


def limit_option(function: Decorated) -> Decorated:
    """The option `--limit NAME=N`, several times; the command gets `limits`."""
    names = ", ".join(SourceLimits.__struct_fields__)
    return click.option(
        "--limit",
        "limits",
        metavar="NAME=N",
        multiple=True,
        callback=_limits,
        help=f"How large a plan may be, by {names} (can be given several times).",
    )(function)


def _limits(_context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]) -> SourceLimits:
    bounds: dict[str, int] = {}
    for one in given:
        name, _, number = one.partition("=")
        if name not in SourceLimits.__struct_fields__:
            raise click.BadParameter(
                f"no limit is called {name!r}: there are {', '.join(SourceLimits.__struct_fields__)}"
            )
        if not (number.isascii() and number.isdecimal() and len(number) < 16 and int(number)):
            raise click.BadParameter(f"{one!r} gives no number above 0")
        bounds[name] = int(number)
    return SourceLimits(**bounds)


def read_source(source: str) -> tuple[str, str]:
    """The name and the text of a plan.

    Raises:
        UserError: it cannot be read.
        NotUtf8: it is not UTF-8.
    """
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {source}: {error.strerror or error}") from None
    name = "<stdin>" if source == "-" else source
    text, wrong = decode_plan(data)
    if wrong is not None:
        raise NotUtf8(wrong, text, name)
    return name, text


def write_source(source: str, text: str) -> None:
    """Puts `text` into the file `source`, all of it or, if that fails, nothing; the file keeps its mode.

    Raises:
        UserError: it cannot be written.
    """
    from llmcc.runtime.files import replace_content

    try:
        replace_content(Path(source).resolve(), text.encode())
    except OSError as error:
        raise UserError(f"cannot write {source}: {error.strerror or error}") from None


@overload
def open_toolbox(path: str, catalog: str | None = None, llm: str | None = None) -> Toolbox: ...
@overload
def open_toolbox(path: str | None, catalog: str | None = None, llm: str | None = None) -> Toolbox | None: ...


def open_toolbox(path: str | None, catalog: str | None = None, llm: str | None = None) -> Toolbox | None:
    """The toolbox of `--tools`, if the option was given, with the tool of `--llm` and with what `--catalog` says.

    Raises:
        UserError: a file cannot be used; the message says where and why.
    """
    if path is None:
        if catalog is not None:
            raise click.UsageError("--catalog says what tools do, and so goes with --tools FILE")
        if llm is not None:
            raise click.UsageError("--llm adds a tool to others, and so goes with --tools FILE")
        return None
    from llmcc.runtime.toolbox import load_toolbox

    try:
        toolbox = load_toolbox(path)
        if llm is not None:
            _add_llm(toolbox, llm)
        return toolbox if catalog is None else _declared(toolbox, catalog)
    except LlmccError as error:
        raise UserError(str(error)) from None


def _add_llm(toolbox: Toolbox, model: str) -> None:
    from llmcc.driver.commands.named_model import NamedModel
    from llmcc.driver.llm_tool import llm_tool

    toolbox.add(llm_tool(NamedModel(model)))


def _declared(toolbox: Toolbox, file: str) -> Toolbox:
    from llmcc.runtime.catalog import Catalog

    catalog = Catalog.read(file)
    unknown = catalog.unknown(toolbox)
    if unknown:
        named = ", ".join(name if near is None else f"{name} (did you mean {near}?)" for name, near in unknown.items())
        click.echo(f"warning: {file}: no such tool is in the toolbox: {named}", err=True)
    return catalog.apply(toolbox)


def open_profile(path: str | None) -> Profile | None:
    """The profile of `--profile`, if the option was given; what is wrong with the file ends the command."""
    if path is None:
        return None
    from llmcc.runtime.profile_file import read_profile

    return read_profile(path)


def show_diagnostics(diagnostics: Sequence[Diagnostic], text: str, name: str) -> None:
    """Prints diagnostics to standard error, in colour on a terminal."""
    if diagnostics:
        click.echo(render(tuple(diagnostics), text, name=name, color=sys.stderr.isatty()), err=True)


def show_doubts(program: Program) -> None:
    """Tells of passes that were left out: the plan is right without them, and the defect is ours."""
    for doubt in program.doubts:
        click.echo(f"note: the pass {doubt}; it was left out. Please report this plan: the fault is llmcc's.", err=True)


def require_pass(name: str | None) -> None:
    """Raises a usage error if `--print-after` names something that is no pass."""
    from llmcc.optimizer.registry import PASSES

    if name is not None and name != "all" and name not in PASSES:
        raise click.UsageError(f"no pass is called {name!r}; there are {', '.join(PASSES)} and all")

"""What several commands share: reading texts, loading tools, printing diagnostics."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from llmcc.ir.diagnostics import Diagnostic
from llmcc.ir.errors import LlmccError
from llmcc.ir.render import render
from llmcc.runtime.toolbox import Toolbox, load_toolbox

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class UserError(click.ClickException):
    """Something the user gave is wrong; ends the command with exit code 1."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        """Prints `error: message` to standard error."""
        click.echo(f"error: {self.message}", err=True)


def source_argument(function: Decorated) -> Decorated:
    """The argument SOURCE: a file, or `-` for standard input."""
    return click.argument("source", metavar="PLAN", type=click.Path(path_type=str))(function)


def tools_option(function: Decorated) -> Decorated:
    """The option `--tools FILE`."""
    return click.option(
        "--tools", "tools", metavar="FILE", help="The tools a plan may call: a tools.py or a tools.json."
    )(function)


def dialect_option(function: Decorated) -> Decorated:
    """The option `--dialect`."""
    return click.option(
        "--dialect",
        type=click.Choice(["native", "llmcompiler"]),
        default="native",
        show_default=True,
        help="The language of the plan.",
    )(function)


def read_source(source: str) -> tuple[str, str]:
    """The name and the text of a plan.

    Raises:
        UserError: it cannot be read, or is not UTF-8.
    """
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {source}: {error.strerror or error}") from None
    name = "<stdin>" if source == "-" else source
    try:
        return name, data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{name} is not UTF-8: byte 0x{data[error.start]:02x} in line {line}") from None


def open_toolbox(path: str | None) -> Toolbox | None:
    """The toolbox of `--tools`, if the option was given.

    Raises:
        UserError: the file cannot be used; the message says where and why.
    """
    if path is None:
        return None
    try:
        return load_toolbox(path)
    except LlmccError as error:
        raise UserError(str(error)) from None


def show_diagnostics(diagnostics: Sequence[Diagnostic], text: str, name: str) -> None:
    """Prints diagnostics to standard error, in colour on a terminal."""
    if diagnostics:
        click.echo(render(tuple(diagnostics), text, name=name, color=sys.stderr.isatty()), err=True)


def require_pass(name: str | None) -> None:
    """Raises a usage error if `--print-after` names something that is no pass."""
    from llmcc.optimizer.registry import PASSES

    if name is not None and name != "all" and name not in PASSES:
        raise click.UsageError(f"no pass is called {name!r}; there are {', '.join(PASSES)} and all")

"""The command line. Commands are imported when they are called, so that each pays only for what it needs.

Exit codes: 0, 1 (the user's plan, tools or question have a fault), 2 (misuse of the command line), 70 (our own
fault), 130 (interrupted).
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import NoReturn

import click

import llmcc
from llmcc.ir.errors import LlmccError

BUG = 70
INTERRUPTED = 130

#: Each command's summary, in the order in which a plan meets them; its code is `llmcc.driver.commands.<name>`.
COMMANDS = {
    "ask": "Answer a question: a model writes a plan, llmcc runs it.",
    "compile": "Compile a plan and print its IR, or another form of it.",
    "check": "Report what is wrong with a plan.",
    "run": "Run a plan and print its answer.",
    "runs": "List the runs of a journal.",
    "resume": "Go on with a run that was cut off.",
    "trace": "Draw the trace of a run.",
    "fmt": "Write a plan in its canonical form.",
    "opt": "Read IR, run passes over it, print IR.",
    "probe": "Find out how a server can be asked for plans.",
    "tools": "List the tools of a file, as the compiler sees them.",
    "grammar": "Print the grammar of plans for some tools, for a decoder.",
    "prompt": "Print what a planner would be asked.",
    "explain": "Explain the code of a diagnostic.",
    "lsp": "Serve an editor: the Language Server Protocol over stdio.",
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"llmcc.driver.commands.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(llmcc.__version__, prog_name="llmcc")
def cli() -> None:
    """Compile and run the plans that language models write."""


def main(argv: list[str] | None = None) -> NoReturn:
    """Runs one command and leaves the process with its exit code."""
    sys.exit(invoke(argv))


def invoke(argv: list[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    try:
        code = cli.main(args=argv, prog_name="llmcc", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has left (`| head`); a second failing flush at exit would print a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except LlmccError as error:
        click.echo(f"error: {error}", err=True)
        return 1
    except Exception as error:
        return _our_fault(error)


def _our_fault(error: Exception) -> int:
    """Says that llmcc itself failed, where, and what to send us."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    place = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "?"
    click.echo(f"llmcc: internal error: {type(error).__name__}: {error} (at {place})", err=True)
    click.echo(
        "This is a fault of llmcc, not of your plan. Please report it, with the plan and the lines below.", err=True
    )
    click.echo("".join(traceback.format_exception(error)).rstrip(), err=True)
    return BUG

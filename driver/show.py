"""Shows plans and calls on a terminal while they run. Imports rich; used only where a person is watching."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from llmcc.driver.news import AnswerText, News, PlanDone, PlanFound, PlanMended, PlanRefused, PlanText, Replanning
from llmcc.ir.escape import visible
from llmcc.ir.secrets import Secrets
from llmcc.ir.values import Value, to_text
from llmcc.runtime.outcome import CallEnded, CallRecord, CallStarted

if TYPE_CHECKING:
    from llmcc.runtime.executor import Execution

#: Characters of a value or of arguments that a line shows.
WIDTH = 60
#: Calls that get a line of their own; of those beyond, only the failed ones do.
MOST = 200
MARKS = {"done": ("✓", "green"), "failed": ("✗", "red"), "cancelled": ("–", "yellow")}


class Show:
    """An observer: the plan in the colour of what is still being written, a line for each call that is over.

    A call can end in the middle of a line that the model is writing; it is shown once that line is complete. With
    `whole_lines` the line too is shown only then, and until then is `partial`, for a live display to show.
    """

    def __init__(self, console: Console, *, whole_lines: bool = False) -> None:
        self.console = console
        self._whole_lines = whole_lines
        self._line = ""
        self._shown = 0
        self._waiting: list[CallRecord] = []
        self._secrets = Secrets()

    def watch(self, execution: Execution) -> None:
        """The run whose calls are shown: its secrets are not."""
        self._secrets = execution.secrets

    def __call__(self, news: News) -> None:
        """Shows one piece of news."""
        match news:
            case PlanText(text):
                self._plan_text(text)
            case PlanFound(text, how):
                by = "this question" if how == "exact" else "a question like this"
                self.console.print(f"[yellow]the plan is from the cache, of {by}[/]")
                self._plan_text(text)
            case CallStarted():
                pass
            case CallEnded(record):
                self._waiting.append(record)
                if not self._line:
                    self._calls()
            case PlanDone(_, new, known, withdrawn):
                self._end_line()
                self._difference(new, known, withdrawn)
            case PlanMended(_, after, codes):
                self._end_line()
                self.console.print(f"[yellow]mended ({', '.join(codes)}):[/] {escape(visible(after))}")
            case PlanRefused():
                self._end_line()
                self.console.print("[yellow]the plan does not compile; asking for the rest again[/]")
            case Replanning(reason):
                self.console.print(f"[yellow]replanning:[/] {escape(visible(reason))}")
            case AnswerText():
                self._end_line()

    @property
    def partial(self) -> Text | None:
        """The beginning of the line that the model is writing, if there is one."""
        return Text(visible(self._line), style="cyan") if self._line else None

    def _difference(self, new: tuple[str, ...], known: tuple[str, ...], withdrawn: tuple[str, ...]) -> None:
        """What a replan has changed."""
        marks = (("+", "green", new), ("=", "dim", known), ("-", "red", withdrawn))
        told = [f"[{colour}]{mark} {escape(', '.join(names))}[/]" for mark, colour, names in marks if names]
        if told:
            self.console.print("the plan changes: " + "  ".join(told))

    def _plan_text(self, text: str) -> None:
        for piece in text.splitlines(keepends=True):
            whole = piece.endswith("\n")
            if not self._whole_lines:
                self._print_plan(piece, end="\n" if whole else "")
            elif whole:
                self._print_plan(self._line + piece)
            self._line = "" if whole else self._line + piece
            if whole:
                self._calls()

    def _end_line(self) -> None:
        if self._line and self._whole_lines:
            self._print_plan(self._line)
        elif self._line:
            self.console.print()
        self._line = ""
        self._calls()

    def _print_plan(self, text: str, end: str = "\n") -> None:
        self.console.print(Text(visible(text.rstrip("\r\n")), style="cyan"), end=end)

    def _calls(self) -> None:
        for record in self._waiting:
            self._shown += 1
            if self._shown <= MOST or record.status == "failed":
                self.console.print(self._call(record))
        self._waiting.clear()

    def _call(self, record: CallRecord) -> str:
        mark, colour = MARKS[record.status]
        shown = self._secrets.args(record.tool, record.args)
        args = ", ".join(f"{name}={short(value)}" for name, value in shown.items())
        took = f"{(record.ended_s - record.started_s) * 1e3:.1f} ms"
        said = "" if record.error is None else f" [red]{escape(visible(self._secrets.text(record.error.message)))}[/]"
        return f"  [{colour}]{mark}[/] [dim]{record.key}: {escape(record.tool)}({escape(args)})  {took}[/]{said}"


def short(value: Value) -> str:
    """A value's beginning, safe for a terminal."""
    text = visible(to_text(value))
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"

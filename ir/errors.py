"""What can go wrong while a plan runs, by class. A class's name is what traces, reports and `catch` see.

`ToolError` is what a tool's author raises to say that the tool itself failed; the classes below it are raised by llmcc.
"""

from __future__ import annotations


class LlmccError(Exception):
    """The base of every error that llmcc raises on purpose."""


class EvaluationError(LlmccError):
    """An expression has no value: a missing field, an index out of range, a division by zero, a wrong type, a limit."""


class ToolError(LlmccError):
    """A tool failed. A tool may raise it (or any other exception).

    `retryable` says that trying again may help, `retry_after` not before how many seconds.
    """

    retryable = False
    retry_after: float | None = None

    def __init__(self, *args: object, retryable: bool | None = None, retry_after: float | None = None) -> None:
        super().__init__(*args)
        if retryable is not None:
            self.retryable = retryable
        if retry_after is not None:
            self.retryable, self.retry_after = True, retry_after


class ToolInputError(ToolError):
    """The arguments of a call do not fit the tool: trying again with the same ones cannot help."""


class ToolOutputError(ToolError):
    """A tool returned something that does not have its declared type, or is no plan value at all."""


class ToolTimeout(ToolError):
    """A tool did not answer within its time limit."""

    retryable = True


class CircuitOpen(ToolError):
    """A tool was not called, because its last calls all failed."""


class ToolMissing(ToolError):
    """The toolbox has a signature for the tool but no function to call."""


class LimitExceeded(LlmccError):
    """A bound of the run (calls, width of a map, time) was reached."""


class Cancelled(LlmccError):
    """The run was cancelled before this call could finish."""

"""What the failures of tools, whatever they raise, are called and say, and which of them another attempt may mend."""

from __future__ import annotations

from llmcc.ir.escape import visible

#: No message is longer than this many characters.
MAX_MESSAGE = 2000
#: Of the errors that do not say so themselves, the ones of the world outside pass.
_PASSING = (ConnectionError, TimeoutError, InterruptedError, BlockingIOError)


def class_name(error: BaseException) -> str:
    """The name of the error's class, printable."""
    return visible(type(error).__name__)[:200]


def message(error: BaseException) -> str:
    """The text of an error on the screen: without control characters, cut if it is long, never empty.

    >>> message(ValueError("bell\\a")), message(ExceptionGroup("two", [ValueError("x"), OSError()]))
    ('bell\\\\u{7}', 'two (ValueError: x; OSError: OSError)')
    """
    text = visible(_text(error)[: MAX_MESSAGE + 1])
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"


def retryable(error: BaseException) -> bool:
    """Whether the same call may succeed later: what the error's `retryable` says, else if it is one of connections."""
    said = getattr(error, "retryable", None)
    return said if isinstance(said, bool) else isinstance(error, _PASSING)


def _text(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        inner = "; ".join(f"{class_name(one)}: {_text(one)[:MAX_MESSAGE]}" for one in error.exceptions[:5])
        return f"{error.message} ({inner})"
    try:
        return str(error) or class_name(error)
    except Exception as failed:  # a class whose text fails is still an error to report
        return f"{class_name(error)}, whose text fails with {class_name(failed)}"

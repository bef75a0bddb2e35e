"""What the failures of tools, whatever they raise, are called and say, and which of them another attempt may mend."""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

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


def retryable(error: BaseException, names: Collection[str] | None = None) -> bool:
    """Whether the same call may succeed later.

    With the `names` of classes it is if the error is of one of them, or of a class derived from one; else what the
    error's `retryable` says, and without that whether it is an error of connections.

    >>> retryable(ConnectionResetError()), retryable(ConnectionResetError(), ["KeyError"]), retryable(KeyError())
    (True, False, False)
    >>> retryable(KeyError(), ["LookupError"])
    True
    """
    if names is not None:
        return any(cls.__name__ in names for cls in type(error).__mro__)
    said = _attribute(error, "retryable")
    return said if isinstance(said, bool) else isinstance(error, _PASSING)


def delay_s(error: BaseException) -> float | None:
    """How many seconds the other side wants to be left alone before the next attempt; None if it did not say.

    An error says it by `retry_after` (seconds), or by the header of that name in its `response`, as the errors of HTTP
    clients do (RFC 9110, section 10.2.3: seconds or a date).
    """
    said = _attribute(error, "retry_after")
    if said is None:
        headers = _attribute(_attribute(error, "response"), "headers")
        said = _header(headers) if headers is not None else None
    if isinstance(said, bool) or not isinstance(said, int | float) or not math.isfinite(said):
        return None
    return max(0.0, float(said))


def _header(headers: object) -> float | None:
    try:
        text = str(headers.get("retry-after") or headers.get("Retry-After") or "")  # type: ignore[attr-defined]
        if text.replace(".", "", 1).isdigit():
            return float(text)
        return (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds() if text else None
    except Exception:  # whatever stands there is no delay; the error itself is told anyway
        return None


def _attribute(thing: object, name: str) -> object:
    try:
        return getattr(thing, name, None)
    except BaseException:  # an error's own property may fail: then it says nothing
        return None


def _text(error: BaseException, depth: int = 5) -> str:
    if isinstance(error, BaseExceptionGroup) and depth:
        inner = "; ".join(f"{class_name(one)}: {_text(one, depth - 1)[:MAX_MESSAGE]}" for one in error.exceptions[:5])
        return f"{error.message} ({inner})"
    try:
        return str(error) or class_name(error)
    except BaseException as failed:  # a class whose text fails, in whatever way, is still an error to report
        return f"{class_name(error)}, whose text fails with {class_name(failed)}"

"""What a failed attempt to get an answer means: its class, whether to ask again, and when."""

from __future__ import annotations

import email.utils
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmcc.runtime.models.errors import ContextTooLong, ModelError, ModelRefused, ModelUnavailable, ServerFault
from llmcc.runtime.models.extras import require
from llmcc.runtime.models.openai_key import Key

#: A server that wants a longer pause than this many seconds is not waited for.
LONGEST_PAUSE_S = 60.0
_FIRST_PAUSE_S = 0.5
_DOUBLINGS = 4
_BUSY = (408, 409, 429)
_SERVER_ERROR = 500
_BAD_REQUEST = (400, 422)


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt.

    Args:
        error: what it means, without the key, and without the client's own error: that holds the request.
        again: True if the same request may succeed later.
        pause_s: what the server asks to wait, in seconds; None: it does not say.
        field: the argument that the server refuses, if it says so.
        malformed: whether the server says that the request itself is wrong.
    """

    error: ModelError
    again: bool = False
    pause_s: float | None = None
    field: str | None = None
    malformed: bool = False


def client_errors() -> tuple[type[Exception], ...]:
    """What the client raises: its own errors, its transport's, and those of reading what is no JSON, or too deep."""
    openai, httpx2 = require("openai", "openai"), require("httpx2", "openai")
    return (openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError, ValueError, RecursionError)


def failure(error: Exception, *, base_url: str, key: Key, now_s: float) -> Failure:
    """What an error means that came before the answer began. `now_s`: the wall clock, in seconds since 1970."""
    openai = require("openai", "openai")
    if isinstance(error, openai.APIStatusError):
        return _refusal(error, key, now_s)
    cause = f" ({error.__cause__})" if error.__cause__ else ""
    text = key.scrub(f"no answer from {base_url}: {error}{cause}")
    return Failure(ModelUnavailable(text), again=True)


def _refusal(error: Any, key: Key, now_s: float) -> Failure:
    """What the server's refusal means."""
    status, code = error.status_code, error.code
    said = error.message.removeprefix(f"Error code: {status} - ")
    text = key.scrub(f"the server answers {status}: {said}")
    if status in _BUSY or status >= _SERVER_ERROR:
        kind = ServerFault if status >= _SERVER_ERROR else ModelUnavailable
        told = error.response.headers.get("x-should-retry")
        # OpenAI calls an empty account busy, too.
        again = told != "false" and code != "insufficient_quota"
        return Failure(kind(text), again, asked_pause_s(error.response.headers, now_s))
    if code == "context_length_exceeded":
        return Failure(ContextTooLong(text))
    malformed = status in _BAD_REQUEST
    return Failure(ModelRefused(text), field=key.scrub(str(error.param)) if malformed else None, malformed=malformed)


def asked_pause_s(headers: Mapping[str, str], now_s: float) -> float | None:
    """The pause that a server asks for, in seconds: `retry-after-ms`, or `Retry-After` as seconds or as a date.

    >>> asked_pause_s({"retry-after": "3"}, 0), asked_pause_s({"retry-after-ms": "250"}, 0)
    (3.0, 0.25)
    >>> asked_pause_s({"retry-after": "Thu, 01 Jan 1970 00:01:00 GMT"}, 50)
    10.0
    >>> asked_pause_s({"retry-after": "soon"}, 0)
    """
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        seconds = _number(headers.get(name), scale)
        if seconds is not None:
            return seconds
    try:
        return max(0.0, email.utils.parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - now_s)
    except (ValueError, OverflowError):
        return None


def _number(text: str | None, scale: float) -> float | None:
    try:
        seconds = float(text or "") * scale
    except ValueError:
        return None
    return None if math.isnan(seconds) else max(0.0, seconds)


def pause_s(attempt: int, asked_s: float | None, draw: random.Random) -> float | None:
    """How long to wait after attempt number `attempt` (from 0); None: longer than anyone should.

    What the server asks for is kept to. Without it the pause doubles each time, less a drawn part (up to a quarter),
    so that clients that failed together do not come back together.

    >>> pause_s(0, 2.5, random.Random(0)), pause_s(0, 3600, random.Random(0))
    (2.5, None)
    """
    if asked_s is not None:
        return asked_s if asked_s <= LONGEST_PAUSE_S else None
    return _FIRST_PAUSE_S * 2.0 ** min(attempt, _DOUBLINGS) * (1 - draw.random() / 4)

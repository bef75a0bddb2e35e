"""The package llama_cpp, imported once and quiet: of what llama.cpp logs, the errors are kept for our own messages."""

from __future__ import annotations

import functools
import threading
from collections import deque
from typing import Any

from llmcc.runtime.models.extras import require

_ERROR_LEVEL = 4
_log = threading.local()


@functools.cache
def llama_library() -> Any:
    """llama_cpp. Its log goes nowhere from now on, for the whole process.

    Raises:
        ModelUnavailable: the package is not installed or does not load.
    """
    library = require("llama_cpp", "local")
    library.llama_log_set(_callback(library), None)
    library.llama_backend_init()
    return library


class Aborted(Exception):
    """The work on a context was asked to end."""


def forget_errors() -> None:
    """Begins a new record of errors, for the calling thread."""
    _log.errors = deque(maxlen=3)


def logged_errors() -> str:
    """What llama.cpp logged as errors in this thread since `forget_errors`, in one line."""
    return "; ".join(_log.errors) or "llama.cpp gives no reason"


@functools.cache
def _callback(library: Any) -> Any:
    """The log's receiver; cached, because llama.cpp calls it for as long as the process lives."""
    return library.llama_log_callback(_keep_error)


def _keep_error(level: int, text: bytes, _data: object) -> None:
    errors = getattr(_log, "errors", None)
    if level == _ERROR_LEVEL and errors is not None:
        errors.append(text.decode("utf-8", "replace").strip())

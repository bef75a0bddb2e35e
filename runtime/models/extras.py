"""Optional packages: imported when a backend needs them, and a clear error when they are not there."""

from __future__ import annotations

import importlib
from typing import Any

from llmcc.runtime.models.errors import ModelUnavailable


def require(module: str, extra: str) -> Any:
    """The module called `module`, which belongs to the extra `extra` of this distribution.

    It comes back untyped: what the optional packages export is not checked where they are not installed.

    Raises:
        ModelUnavailable: it is not installed, or it is and cannot be loaded (a native library that does not fit).
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or module
        raise ModelUnavailable(
            f"the package `{missing}` is not installed; install it with `pip install 'llmcc-toolchain[{extra}]'`"
        ) from error
    except (ImportError, OSError, RuntimeError) as error:
        raise ModelUnavailable(f"the package `{module}` is installed but does not load: {error}") from error

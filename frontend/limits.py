"""How large a plan's text may be. Passing a limit is a diagnostic, never a crash."""

from __future__ import annotations

import msgspec


class SourceLimits(msgspec.Struct, frozen=True):
    """Bounds on a text, counted in code points. The defaults are the language's own (SPEC 11).

    A number's digits are bounded as well, by `literals.MAX_DIGITS`.
    """

    plan: int = 16 * 1024 * 1024
    statements: int = 100_000
    line: int = 1024 * 1024
    depth: int = 64


DEFAULT_LIMITS = SourceLimits()

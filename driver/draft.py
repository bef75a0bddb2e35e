"""The text of one plan while it is written: what stands of it, and what mends itself.

Each line is judged as soon as it is complete. A line with errors is mended by their own fix-its where each of them has
exactly one and the plan then compiles up to there; where that fails, the draft is stuck at that line, and only what
stands before it is kept, for whoever writes the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from llmcc.frontend.fixes import fix_text
from llmcc.frontend.front import FrontEnd
from llmcc.frontend.opening import Opening
from llmcc.frontend.outside import is_statement
from llmcc.frontend.scope import Scope
from llmcc.ir.diagnostics import Diagnostic, has_errors
from llmcc.ir.ops import Op
from llmcc.ir.signature import Signature

#: A plan with more slips than this is not mended any further: it is compiled anew for each.
MOST = 32
_PIECE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
#: An unknown name may yet be defined below, and then neither the name that comes nearest nor a text was meant.
_EARLY = frozenset({"E0302", "E0305"})
#: Defined twice: in what stands and in what was to follow it.
_TWICE = "E0304"
#: What a string was to hold that nobody closed is not known, though it can be closed in one place only.
_UNSURE = frozenset({"E0103"})


@dataclass(frozen=True, slots=True)
class Mending:
    """Some lines that did not compile, and what they were mended to. `codes` name what was wrong, each once."""

    before: str
    after: str
    codes: tuple[str, ...]


class Draft:
    r"""A plan on its way, over all attempts to write it.

    Args:
        signatures: the tools.
        scope: the values that exist before it; not changed.
        mend: whether lines are mended.
        dialect: the language's.
        earlier: the statements of the plans before it, a line each: one that is written again stands.
        release: gives the value of an earlier plan up that is defined anew, with all that uses it, and says which
            names are free now; None if it cannot be given up.

    >>> draft = Draft({"search": Signature(name="search")}, Scope())
    >>> draft.feed("a = serch()\nreturn a.title\n")
    []
    >>> draft.stuck
    True
    """

    def __init__(
        self,
        signatures: Mapping[str, Signature],
        scope: Scope,
        *,
        mend: bool = True,
        dialect: str = "native",
        earlier: Collection[str] = (),
        release: Callable[[str], list[str] | None] = lambda name: None,
    ) -> None:
        #: All that was written and stands or is being written, as it was mended.
        self.text = ""
        #: The part of it whose statements compile.
        self.kept = ""
        self.mendings: list[Mending] = []
        #: Whether a line is wrong in a way that is not beyond choice.
        self.stuck = False
        self._signatures = signatures
        self._scope = scope.copy()
        self._mend = mend
        self._dialect = dialect
        self._earlier = earlier
        self._release = release
        self.front = self._front()
        #: How many ops were handed out.
        self._given = 0
        #: Set when an attempt writes the plan anew: so many of the ops handed out stand, the others may come again.
        self.standing: int | None = None
        self._echo: Echo | None = None
        #: Where in the text the last attempt begins, if something stands before it.
        self._attempt = 0
        #: The line that is being written, and its elements that are complete and not yet asked for.
        self.line = Opening()
        self._elements: list[str] = []

    @property
    def ended(self) -> bool:
        """Whether the plan has its end."""
        return self.front.ended and not has_errors(self.front.diagnostics)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What is left to say about the text."""
        return tuple(self.front.diagnostics)

    def feed(self, chunk: str) -> list[Op]:
        """The ops of the statements that the chunk completes, in order. Nothing is read once the draft is stuck."""
        ops: list[Op] = []
        for piece in lines(chunk):
            if not self.stuck and not self.ended:
                ops += self._feed(piece) if self._echo is None else self._compare(piece, self._echo)
        return ops

    def elements(self) -> Iterator[tuple[Op, ...]]:
        """For each element of a list in the line that is being written, as soon as it is complete: the ops that the
        line would have if it were the only one. Nothing comes of a line with errors before it.
        """
        elements, self._elements = self._elements, []
        for text in elements:
            yield self.front.glance(text)

    def close(self) -> list[Op]:
        """The ops of a last line that no line's end closed, when nothing more will come."""
        ops = [] if self._echo is None or not self._echo.held else self._compare("", self._echo, closed=True)
        if self.stuck or self.ended:
            return ops
        last = [op for lowered in self.front.close() for op in lowered.ops]
        return ops + self._judge(last, closed=True)

    def reopen(self) -> None:
        """Goes back to what stands, for another attempt at the rest, or at all of it."""
        if self.kept and self.kept[-1] not in "\r\n":
            self.kept += "\n"
        self.front, _ = self._compiled(self.kept)
        self.text = self.kept
        self.line, self._elements = Opening(), []
        self.stuck = False
        self._attempt = 0
        self._echo = Echo(self.kept) if self.kept.strip() else None

    def _feed(self, piece: str) -> list[Op]:
        self.text += piece
        if piece[-1] in "\r\n":
            self.line, self._elements = Opening(), []
        else:
            self._elements += self.line.feed(piece)
        ops = [op for lowered in self.front.feed(piece) for op in lowered.ops]
        return self._judge(ops, closed=False) if piece[-1] in "\r\n" else ops

    def _compare(self, piece: str, echo: Echo, *, closed: bool = False) -> list[Op]:
        """Takes a piece of an attempt that may repeat what stands, line by line, before it goes on."""
        line = echo.line(piece, closed=closed)
        if line is None or echo.repeats(line):
            return []
        if echo.met == 0 and not is_statement(line):
            return []  # a fence, or a few words
        self._echo = None
        if echo.met and not echo.whole:
            self._go_back(echo.standing)
        self._attempt = 0 if echo.met else len(self.text)
        return self._feed(line)

    def _anew(self, *, closed: bool) -> list[Op]:
        """The ops of an attempt that has turned out to be a whole plan: it defines what was kept from the last one."""
        attempt = self.text[self._attempt :]
        self._attempt = 0
        self._go_back("")
        ops = self.feed(attempt)
        return ops + self.close() if closed else ops

    def _go_back(self, text: str) -> None:
        """What stands is only `text` now: the plan is being written again, with other lines."""
        self.kept = self.text = text
        self.front, ops = self._compiled(text)
        self._given = self.standing = len(ops)

    def _judge(self, ops: list[Op], *, closed: bool) -> list[Op]:
        wrong = [d for d in self.front.diagnostics if d.severity == "error"]
        if not wrong:
            self.kept = self.text
            self._given += len(ops)
            return ops
        if self._attempt and any(d.code == _TWICE for d in wrong):
            return self._anew(closed=closed)
        if self._scope.bindings and all(d.code == _TWICE for d in wrong) and self._said_before(wrong[0]):
            return self._rest(closed=closed)
        over = closed or self.front.ended
        if not over and (self.front.within_string or self._too_early(wrong)):
            return []
        self.stuck = not self._mended(wrong, closed=closed)
        return [] if self.stuck else self._rest(closed=closed)

    def _said_before(self, wrong: Diagnostic) -> bool:
        """Whether the last line defines a value of an earlier plan: as it was, and then the line is left out; or
        anew, and then the earlier value is given up.
        """
        line = self.text[len(self.kept) :]
        if line.strip() in self._earlier:
            self.text = self.kept
            return True
        place = wrong.span
        name = self.text.splitlines()[place.line - 1][place.column - 1 : place.end_column - 1].strip(" $.)")
        freed = self._release(name) if name in self._scope else None
        if freed is None:
            return False
        self._scope.forget(freed)
        return not has_errors(self._check(self.text, closed=False))

    def _too_early(self, wrong: list[Diagnostic]) -> bool:
        return all(len(d.fixes) == 1 for d in wrong) and any(d.code in _EARLY for d in wrong)

    def _rest(self, *, closed: bool) -> list[Op]:
        """The ops of the mended lines. What stands before them gave its ops already, and gives the same again."""
        self.kept = self.text
        self.front, ops = self._compiled(self.text)
        if closed:
            ops += [op for lowered in self.front.close() for op in lowered.ops]
        rest = ops[self._given :]
        self._given = len(ops)
        return rest

    def _mended(self, wrong: list[Diagnostic], *, closed: bool) -> bool:
        """Mends the lines behind what stands; whether that is possible."""
        if not self._mend or len(self.mendings) >= MOST or any(d.code in _UNSURE for d in wrong):
            return False
        fixed = fix_text(self.text, lambda text: self._check(text, closed=closed))
        if has_errors(fixed.diagnostics) or not fixed.text.startswith(self.kept):
            return False
        codes = tuple(dict.fromkeys(d.code for d in wrong))
        begun = len(self.kept)
        self.mendings.append(Mending(self.text[begun:].rstrip(), fixed.text[begun:].rstrip(), codes))
        self.text = fixed.text
        return True

    def _front(self) -> FrontEnd:
        """A front end before the draft's first line."""
        return FrontEnd(self._signatures, dialect=self._dialect, scope=self._scope.copy())

    def _check(self, text: str, *, closed: bool) -> tuple[Diagnostic, ...]:
        front = self._front()
        front.feed(text)
        if closed:
            front.close()
        return tuple(front.diagnostics)

    def _compiled(self, text: str) -> tuple[FrontEnd, list[Op]]:
        front = self._front()
        return front, [op for lowered in front.feed(text) for op in lowered.ops]


class Echo:
    """Compares an attempt with the lines that stand, which it was told not to repeat, and may repeat all the same."""

    def __init__(self, kept: str) -> None:
        self._kept = list(lines(kept))
        self._next = 0
        self.held = ""
        #: How many lines were repeated so far.
        self.met = 0

    @property
    def whole(self) -> bool:
        """Whether all was repeated."""
        return not any(line.strip() for line in self._kept[self._next :])

    @property
    def standing(self) -> str:
        """The lines that were repeated."""
        return "".join(self._kept[: self._next])

    def line(self, piece: str, *, closed: bool) -> str | None:
        """The line that is complete with this piece, if one is."""
        self.held += piece
        if not closed and self.held[-1] not in "\r\n":
            return None
        line, self.held = self.held, ""
        return line

    def repeats(self, line: str) -> bool:
        """Whether the line is the next of those that stand (a blank one always is)."""
        if not line.strip():
            return True
        for place in range(self._next, len(self._kept)):
            if not is_statement(self._kept[place]) and self._kept[place].strip() != line.strip():
                continue  # a comment, a blank line, text around the plan
            if self._kept[place].strip() != line.strip():
                return False
            self._next = place + 1
            self.met += 1
            return True
        return False


def lines(text: str) -> Iterator[str]:
    """The lines of a text, with their ends."""
    return iter(_PIECE.findall(text))

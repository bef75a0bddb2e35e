"""A beam: several ways to write an answer under its grammars, looked at side by side; the most probable one is taken.

The best first word may lead to a worse answer than the second best: only what follows tells, often only the next line.
A beam keeps the most probable beginnings, by the product of their tokens' probabilities among those that the grammars
allow, until a whole answer is more probable than any of the beginnings that are left; none of these can then come to
more. What all of them begin with is decided before: it can be shown, and acted on, while the rest is being written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from llmcc.runtime.models.engine.beginnings import common_length
from llmcc.runtime.models.errors import GrammarError

#: A token that has less of the logarithm of probability is no way to go on, whatever comes after it.
LEAST = -4.0
#: A way that is so far behind the best one is given up: the sooner, the sooner it is decided how the answer begins.
BEHIND = 2.5


class Course(Protocol):
    """Where a text stands among its grammars, and how it may go on."""

    #: The token that stands for the end of a segment, to which nothing more is written.
    end: int
    #: Nothing can follow.
    complete: bool
    #: What speaks against the segments so far.
    doubts: float

    def copy(self) -> Self:
        """One that goes on by itself."""

    def likelihoods(self, scores: NDArray[np.float32]) -> NDArray[np.float64]:
        """The logarithm of each token's probability among those that may come next; -inf for those that may not."""

    def follow(self, token: int, limit: int) -> list[int]:
        """Goes on with a token and with all that is forced behind it, as long as that is less than `limit` tokens;
        returns what this adds to the text.

        Raises:
            GrammarError: a later grammar is refused.
        """


@dataclass(slots=True, eq=False)
class Branch:
    """One way: its tokens, the logarithm of their probability less what speaks against them, and its grammars."""

    tokens: list[int]
    score: float
    course: Course
    #: How it can go on: the score, the token, and behind what; None while its scores are awaited.
    ways: list[tuple[float, int, Branch]] | None = None


@dataclass(slots=True)
class Beam:
    """The ways of one answer. `open` are those whose scores are awaited, at most `width`, the most probable first.

    Args:
        course: at the place where the scores are known next; it is not changed.
        width: how many ways are kept.
        room: how many tokens there may be; a way that has no end within that is taken only if none has.
        behind: how far behind the best a way is given up.
    """

    course: Course
    width: int
    room: int
    behind: float = BEHIND
    open: list[Branch] = field(init=False)
    #: The best of the whole answers, and of those that were cut off.
    done: Branch | None = None
    cut: Branch | None = None

    def __post_init__(self) -> None:
        self.open = [Branch([], 0.0, self.course.copy())]

    def hear(self, number: int, scores: NDArray[np.float32]) -> None:
        """Takes the scores behind the branch `open[number]`; behind the last of them, the branches go on.

        Raises:
            GrammarError: the grammars allow nothing on any way, or one is refused.
        """
        branch = self.open[number]
        branch.ways = self._ways(branch, scores)
        self._go_on()

    def drop(self, number: int) -> None:
        """Gives the branch `open[number]` up, for which there is no room. The only one must not be."""
        del self.open[number]
        self._go_on()

    @property
    def awaits(self) -> bool:
        """Whether the scores of some branches are known, and those of others are not."""
        return any(branch.ways is not None for branch in self.open)

    def decided(self) -> Branch | None:
        """The answer, once it is found."""
        if self.open:
            return self.done if self.done is not None and self.done.score >= self.open[0].score else None
        return self.done or self.cut

    def agreed(self) -> list[int]:
        """The tokens that every way begins with that may still be taken."""
        first, *others = (branch.tokens for branch in (*self.open, self.done or self.cut) if branch is not None)
        return first[: min((common_length(first, other) for other in others), default=len(first))]

    def _go_on(self) -> None:
        """Puts the most probable ways in the place of the branches, once all of these know theirs."""
        if any(branch.ways is None for branch in self.open):
            return
        ways = [way for branch in self.open for way in branch.ways or ()]
        ways.sort(key=lambda way: -way[0])
        self.open = []
        for score, token, branch in ways[: self.width]:
            self._follow(branch, token, score)
        self.open.sort(key=lambda branch: -branch.score)
        best = max((branch.score for branch in (*self.open[:1], self.done) if branch is not None), default=0.0)
        self.open = [branch for branch in self.open if branch.score > best - self.behind]
        if not (self.open or self.done or self.cut):
            raise GrammarError("the grammar allows nothing more here")

    def _follow(self, parent: Branch, token: int, score: float) -> None:
        """A branch goes on with a token, and with all that the grammars force behind it."""
        branch = self._followed(parent, token, score)
        if len(branch.tokens) > self.room or (len(branch.tokens) == self.room and not branch.course.complete):
            branch.tokens = branch.tokens[: self.room]
            self.cut = _better(self.cut, branch)
        elif branch.course.complete:
            self.done = _better(self.done, branch)
        else:
            self.open.append(branch)

    def _ways(self, branch: Branch, scores: NDArray[np.float32]) -> list[tuple[float, int, Branch]]:
        likely = branch.course.likelihoods(scores)
        count = min(self.width, len(likely))
        best = np.argpartition(-likely, count - 1)[:count]
        first, *others = sorted(((float(likely[token]), int(token)) for token in best), reverse=True)
        ways: list[tuple[float, int, Branch]] = []
        for more, token in (first, *((more, token) for more, token in others if more > LEAST)):
            if token == branch.course.end:
                behind = self._followed(branch, token, branch.score + more)
                if behind.tokens == branch.tokens and not behind.course.complete:
                    ways += self._ways(behind, scores)  # in the next segment, of which nothing is written yet
                    continue
            if more > -np.inf:
                ways.append((branch.score + more, token, branch))
        return ways

    def _followed(self, parent: Branch, token: int, score: float) -> Branch:
        course = parent.course.copy()
        tokens = parent.tokens + course.follow(token, self.room - len(parent.tokens) + 1)
        return Branch(tokens, score - course.doubts + parent.course.doubts, course)


def _better(one: Branch | None, other: Branch) -> Branch:
    return other if one is None or other.score > one.score else one

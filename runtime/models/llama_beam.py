"""A beam: several ways to write one segment under its grammar, looked at side by side; the most probable one is taken.

Within a line the best first word may lead to a worse line than the second best: only what follows tells. A beam keeps
the most probable beginnings, by the product of their tokens' probabilities among those that the grammar allows, until a
whole segment is more probable than any of the beginnings that are left; none of these can then come to more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmcc.runtime.models.errors import GrammarError

#: A token that has less of the logarithm of probability is no way to go on, whatever comes after it.
LEAST = -4.0
#: So much less counts a whole segment that is not worth it: it is taken if the others are far less probable still.
DOUBT = 6.0


@dataclass(slots=True, eq=False)
class Branch:
    """One way: its tokens in this segment, the logarithm of their probability, and where its grammar stands."""

    tokens: list[int]
    score: float
    matcher: Any
    #: How it can go on, as (score, token); None while its scores are awaited.
    ways: list[tuple[float, int]] | None = None


@dataclass(slots=True)
class Beam:
    """The ways of one segment. `open` are those whose scores are awaited, at most `width`, the most probable first.

    Args:
        matcher: llguidance's, at the place where the scores are known next; it is not changed.
        width: how many ways are kept.
        ends: the tokens by which the model ends its answer.
        worth: whether the tokens of a whole segment are something that anybody would mean.
    """

    matcher: Any
    width: int
    ends: Collection[int]
    worth: Callable[[list[int]], bool] = lambda _tokens: True
    open: list[Branch] = field(init=False)
    done: list[Branch] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.open = [Branch([], 0.0, self.matcher.deep_copy())]

    def hear(self, number: int, scores: NDArray[np.float32]) -> None:
        """Takes the scores behind the branch `open[number]`; behind the last of them, the branches go on.

        Raises:
            GrammarError: the grammar allows nothing on any way.
        """
        branch = self.open[number]
        branch.ways = self._ways(branch, scores)
        self._go_on()

    def drop(self, number: int) -> None:
        """Gives the branch `open[number]` up, for which there is no room. The only one must not be."""
        del self.open[number]
        self._go_on()

    def _go_on(self) -> None:
        """Puts the most probable ways in the place of the branches, once all of these know theirs."""
        if any(branch.ways is None for branch in self.open):
            return
        ways = [(score, token, branch) for branch in self.open for score, token in branch.ways or ()]
        ways.sort(key=lambda way: -way[0])
        self.open = []
        for score, token, branch in ways[: self.width]:
            self._follow(Branch(list(branch.tokens), score, branch.matcher.deep_copy()), token)
        if not self.open and not self.done:
            raise GrammarError("the grammar allows nothing more here")

    def _follow(self, branch: Branch, token: int) -> None:
        """A branch goes on with a token, and with all that the grammar forces behind it."""
        if token in self.ends:
            self._finish(branch)
            return
        tokens = [token]
        branch.matcher.consume_tokens(tokens)
        if not branch.matcher.is_stopped():
            forced: list[int] = branch.matcher.compute_ff_tokens()
            branch.matcher.consume_tokens(forced)
            tokens += forced
        branch.tokens += tokens
        if branch.matcher.is_stopped():
            self._finish(branch)
        else:
            self.open.append(branch)

    def _finish(self, branch: Branch) -> None:
        branch.score -= 0.0 if self.worth(branch.tokens) else DOUBT
        self.done.append(branch)

    def decided(self, room: int) -> Branch | None:
        """The segment, once it is found; `room` is how many tokens it may have: a longer one counts as it stands."""
        best = max(self.done, key=lambda branch: branch.score, default=None)
        if not self.open:
            return best
        if any(len(branch.tokens) >= room for branch in self.open):
            return best or self.open[0]
        return best if best is not None and best.score >= self.open[0].score else None

    def _ways(self, branch: Branch, scores: NDArray[np.float32]) -> list[tuple[float, int]]:
        bits = np.frombuffer(branch.matcher.compute_bitmask(), dtype=np.uint8)
        allowed = np.unpackbits(bits, count=len(scores), bitorder="little").astype(bool)
        allowed[list(self.ends)] = False
        logits = np.where(allowed, scores.astype(np.float64), -np.inf)
        if branch.matcher.is_accepting():
            # The model ends the segment by one of its tokens for that, or by wanting what the grammar refuses.
            logits[min(self.ends)] = scores[~allowed].max()
        elif not allowed.any():
            return []
        logits -= logits.max()
        logits -= np.log(np.exp(logits).sum())
        count = min(self.width, len(logits))
        best = np.argpartition(-logits, count - 1)[:count]
        ordered = sorted(((float(logits[token]), int(token)) for token in best), reverse=True)
        likely = [ordered[0], *((more, token) for more, token in ordered[1:] if more > LEAST)]
        return [(branch.score + more, token) for more, token in likely]

"""The requests under way on one model: the schedule, the context that does what it says, and the answers it serves."""

from __future__ import annotations

from collections.abc import Hashable

from llmcc.runtime.models.engine.lanes import Lanes
from llmcc.runtime.models.engine.schedule import Schedule
from llmcc.runtime.models.engine.steps import Limits, Row, Step
from llmcc.runtime.models.llama_answer import Answer, Scores
from llmcc.runtime.models.llama_context import LlamaContext
from llmcc.runtime.models.llama_states import States


class Engine:
    """Decodes answers together. One thread uses it; nothing waits in it. `context` is open to `abort` from others."""

    def __init__(self, context: LlamaContext, limits: Limits, states: States | None = None) -> None:
        """`states` keeps beginnings of prompts beyond this process."""
        self.context = context
        self.schedule = Schedule(limits)
        self._states = states
        self._answers: dict[Hashable, Answer] = {}
        self._lanes = Lanes(self.schedule)

    @property
    def n_ctx(self) -> int:
        """How many tokens one request may have, its answer included."""
        return min(self.schedule.limits.cells, self.context.model.n_trained)

    def open(self, key: Hashable, answer: Answer) -> bool:
        """Takes a request up; False if its answer is over at once.

        Raises:
            GrammarError: its grammar allows nothing.
        """
        forced = answer.proceed(None)
        if answer.finish:
            return False
        self._restore(answer)
        self.schedule.submit(key, answer.prompt + forced, answer.priority)
        self._answers[key] = answer
        return True

    def end(self, key: Hashable) -> None:
        """A request is over, for whatever reason; does nothing if it was not taken up."""
        answer = self._answers.pop(key, None)
        if answer:
            self._save(key, answer)
            self._lanes.end(key)
            self.schedule.end(key)

    def next_step(self) -> Step | None:
        """The batch to decode now, if there is one."""
        step = self.schedule.next_step()
        self._lanes.look()
        return step

    def decode(self, step: Step) -> list[tuple[Row, Scores]]:
        """Decodes a batch; the rows whose requests can go on, with their scores, which the next batch overwrites.

        Raises:
            Aborted: the context was told to abort.
            ModelError: llama.cpp failed. In both cases it is as if the batch had never been begun.
        """
        self.context.do(step.orders)
        try:
            self.context.decode(step)
        except Exception:
            self.schedule.undo(step)
            raise
        rows = [row for row in step.rows if row.chooses]
        return list(zip(rows, self.context.scores(step), strict=True))

    def owner(self, key: Hashable) -> Hashable:
        """The request that a row of a batch is for."""
        return self._lanes.owner(key)[0]

    def go_on(self, key: Hashable, scores: Scores) -> bool:
        """Chooses the next tokens of a request; False if its answer is over.

        Raises:
            GrammarError: a later grammar is refused, or the decoding got stuck in one.
        """
        owner, number = self._lanes.owner(key)
        answer = self._answers[owner]
        answer.cached = self.schedule.cached(owner)
        if answer.width > 1 and self.schedule.copies:
            return self._lay(owner, answer, answer.spread(number, scores))
        tokens = answer.proceed(scores)
        if answer.finish:
            return False
        self.schedule.append(owner, tokens)
        return True

    def cramped(self) -> tuple[Hashable, int] | None:
        """A request with several texts, and the number of one for which the last batch had no room; that is asked
        between batches.
        """
        return self._lanes.cramped()

    def narrow(self, key: Hashable, number: int) -> bool:
        """Gives such a text of a request up; False if its answer is over with that.

        Raises:
            GrammarError: as for `go_on`.
        """
        self._lanes.drop(key, number)
        answer = self._answers[key]
        return self._lay(key, answer, answer.narrow(number))

    def _lay(self, key: Hashable, answer: Answer, texts: list[list[int]] | None) -> bool:
        """Has the texts of an answer decoded, but those for which there is no room; False if it is over."""
        while texts is not None and not answer.finish:
            left = self._lanes.lay(key, answer.prompt, texts, answer.priority)
            texts = None if left is None else answer.narrow(left)
        return not answer.finish

    def close(self) -> None:
        """Frees model and context."""
        self.context.close()

    def _restore(self, answer: Answer) -> None:
        """Loads the beginning of a prompt, if it was saved and is not in the memory."""
        stable = answer.prompt[: answer.stable()]
        if not self._states or self.schedule.known(stable) == len(stable):
            return
        if not (data := self._states.read(stable)):
            return
        made = self.schedule.restore(stable)
        if made is None:
            return
        orders, sequence = made
        self.context.do(orders)
        if not self.context.load_state(sequence, data):
            self.schedule.forget(sequence)
            self._states.discard(stable)

    def _save(self, key: Hashable, answer: Answer) -> None:
        """Saves the beginning of a prompt, if it was decoded and is not saved yet."""
        sequence, held = self.schedule.holds(key)
        length = answer.stable()
        if self._states and length <= held and self._states.wants(answer.prompt[:length]):
            self._states.write(answer.prompt[:length], self.context.state(sequence, length))

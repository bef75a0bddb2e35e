"""The agent behind a hosted model whose stream breaks: what is unfinished writes nothing."""

from __future__ import annotations

import pytest
import trio
from hypothesis import example, given, settings
from hypothesis import strategies as st

import llmcc
from llmcc.runtime.models import ModelError, OpenAI
from llmcc.runtime.models.openai_ways import WAYS
from llmcc.testing.openai_server import Answer, OpenAIServer

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("hosted")]
PLAN = 'send("one")\nsend("two")\nreturn 2\n'


def asked(answer: Answer, way: str) -> tuple[list[str], llmcc.Answer | None]:
    """What was sent, and the answer, if the model did not break."""
    sent: list[str] = []

    @llmcc.tool(effect="write", resource="mail")
    async def send(text: str) -> None:
        """Send a mail."""
        sent.append(text)

    async def main(url: str) -> llmcc.Answer:
        async with OpenAI("tiny", base_url=url, retries=0, way=way) as planner:
            return await llmcc.Agent(llmcc.Toolbox(send), planner=planner, max_repairs=0).ask("?")

    with OpenAIServer([answer]) as server:
        try:
            return sent, trio.run(main, server.base_url)
        except ModelError:
            return sent, None


@settings(max_examples=60)
@given(cut=st.integers(0, 1600), way=st.sampled_from(WAYS), by_letter=st.booleans())
@example(0, "chat/text", False)
@example(100_000, "chat/text", False)
@example(100_000, "responses/schema", True)
def test_an_answer_that_breaks_off_has_written_nothing(cut: int, way: str, by_letter: bool) -> None:
    chunks = list(PLAN) if by_letter else PLAN
    sent, answer = asked(Answer(chunks, cut_after=cut * (3 if by_letter else 1)), way)
    if answer is None:
        assert sent == []
    else:
        # Whatever came, the plan was whole: it ran to its end.
        assert (sent, answer.problem, answer.text) == (["one", "two"], None, "2")


@pytest.mark.parametrize("at", range(8))
def test_an_unreadable_event_has_written_nothing(at: int) -> None:
    sent, answer = asked(Answer(PLAN.splitlines(keepends=True), malformed_at=at), "chat/text")
    # The third event completes the plan; what follows it is not waited for.
    assert (sent == ["one", "two"]) == (answer is not None) == (at >= 3)

"""Runs a command beside a scripted server that it finds in `$OPENAI_BASE_URL`, to try things without a model.

python -m llmcc.testing.openai_serve --way chat/schema --answer 'return 1' -- llmcc ask "One?" --tools tools.py ...
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable

import click

from llmcc.runtime.models.scripted import words
from llmcc.testing.openai_server import Answer, OpenAIServer, Received


def has_ways(ways: frozenset[str], answers: list[str], pause_s: float = 0.0) -> Callable[[Received], Answer]:
    """A script: a server that has these ways, refuses all others, and gives the answers in order. If there is to be a
    pause between two words, of so many seconds, they come word by word.

    A grammar that allows a single quoted word gets this word, and takes no answer: so a probe is honoured.
    """
    left = iter(answers)

    def answer(received: Received) -> Answer:
        if received.way not in ways:
            return Answer(status=400, message=f"this server does not know {received.way}")
        grammar = json.dumps([received.body.get(name, "") for name in ("tools", "grammar")])
        if '\\"yes\\"' in grammar:
            return Answer("yes")
        if "Write the word no." in json.dumps(received.body):
            return Answer("no")
        text = next(left, "there are no answers left")
        return Answer(words(text) if pause_s else text, pause_s=pause_s)

    return answer


@click.command()
@click.option("--way", "ways", multiple=True, default=["chat/text"], help="What the server can do; may be repeated.")
@click.option("--answer", "answers", multiple=True, help="What it says; may be repeated.")
@click.option("--pause", "pause_s", default=0.0, metavar="SECONDS", help="Between two words of an answer.")
@click.argument("command", nargs=-1, required=True)
@click.pass_context
def main(
    context: click.Context, ways: tuple[str, ...], answers: tuple[str, ...], pause_s: float, command: tuple[str, ...]
) -> None:
    """Run COMMAND with a scripted server in $OPENAI_BASE_URL."""
    texts = [answer.replace("\\n", "\n") for answer in answers]
    with OpenAIServer(has_ways(frozenset(ways), texts, pause_s)) as server:
        # What is found out about this server is of no use to anyone later.
        with tempfile.TemporaryDirectory() as cache:
            env = {**os.environ, "OPENAI_BASE_URL": server.base_url, "XDG_CACHE_HOME": cache}
            done = subprocess.run(command, env=env, check=False)
    context.exit(done.returncode)


if __name__ == "__main__":
    main()

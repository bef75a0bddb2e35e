"""`llmcc prompt`: what a planner would be asked, word for word, and how many tokens that is."""

from __future__ import annotations

import click

from llmcc.driver.adapted import adapted_request
from llmcc.driver.commands.common import UserError, catalog_option, open_toolbox
from llmcc.driver.prompt import planner_request
from llmcc.driver.styles import style
from llmcc.runtime.models import Message, ModelUnavailable, Request


@click.command("prompt")
@click.argument("question")
@click.option("--tools", metavar="FILE", required=True, help="The tools: a tools.py or a tools.json.")
@catalog_option
@click.option("--chat/--completion", default=True, help="For a hosted model (the default), or for a small local one.")
@click.option("--adapted", is_flag=True, help="For a model with an adapter for plans: no examples.")
@click.option("--dialect", default="native", show_default=True, help="native, llmcompiler, or a folder of yours.")
def command(question: str, tools: str, catalog: str | None, chat: bool, adapted: bool, dialect: str) -> int:
    """Print what a planner would be asked for QUESTION; its number of tokens goes to standard error."""
    if not question.strip():
        raise UserError("the question is empty")
    toolbox = open_toolbox(tools, catalog)
    if adapted:
        request = adapted_request(question, toolbox.signatures)
    else:
        request = planner_request(question, toolbox.signatures, toolbox.examples, chat=chat, written_as=style(dialect))
    text = shown(request)
    click.echo(text)
    click.echo(_size(text), err=True)
    return 0


def shown(request: Request) -> str:
    """The texts of a request; of a chat, each message under a line with its role."""
    return request.prompt or "\n\n".join(map(_message, request.messages))


def _message(message: Message) -> str:
    return f"[{message.role}]\n{message.text}"


def _size(text: str) -> str:
    from llmcc.runtime.models.llama_files import default_model_path
    from llmcc.runtime.models.vocabulary import count_tokens

    try:
        model = default_model_path()
        return f"{count_tokens(text, model)} tokens, as {model.name} counts them"
    except ModelUnavailable:
        return f"about {len(text) // 4} tokens (estimated from {len(text)} characters: there is no local model)"

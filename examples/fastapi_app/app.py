"""A web app that runs plans: the request's tools, context and cancellation go with them.

POST /run takes a plan, or a question for the model, and answers with JSON when all is over; POST /stream tells each
call as it ends, a JSON object a line.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio
from fastapi import FastAPI, Header, HTTPException
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

import llmcc

#: Whose request it is. Tools see what the request's handler sees.
user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")
STOCK = {"paper": 3, "ink": 40}


@llmcc.tool(effect="read", resource="stock:{item}", timeout="5s")
async def stock(item: str) -> int:
    """How many of an item there are."""
    await trio.sleep(0.01)  # asynchronous tools are trio's
    return STOCK[item]


@llmcc.tool(effect="read", resource="users")
def whoami() -> str:
    """Who asks."""
    return user.get()


TOOLS = llmcc.Toolbox(stock, whoami, examples=[("How much ink is there?", 'a = stock("ink")\nreturn a')])


class Asked(BaseModel):
    """A plan, or a question from which the model makes one."""

    plan: str | None = None
    question: str | None = None


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Ends the thread in which plans run together with the app."""
    yield
    llmcc.aio.close()


app = FastAPI(lifespan=lifespan)
#: Set a model here for questions, such as `llmcc.models.OpenAI("gpt-4.1")`.
app.state.model = None


@app.post("/run")
async def run(asked: Asked, x_user: str = Header("nobody")) -> dict[str, Any]:
    """Runs a plan or answers a question."""
    user.set(x_user)
    if asked.plan is not None:
        return shown(await llmcc.aio.run(compiled(asked.plan), deadline_s=30))
    if asked.question is None or app.state.model is None:
        raise HTTPException(422, "send a plan, or a question to an app with a model")
    answer = await llmcc.aio.ask(llmcc.Agent(TOOLS, planner=app.state.model), asked.question)
    return {"answer": answer.text, "problem": answer.problem, "plans": answer.plans}


@app.post("/stream")
async def stream(asked: Asked, x_user: str = Header("nobody")) -> StreamingResponse:
    """Runs a plan, and tells of each call as it ends."""
    user.set(x_user)
    return StreamingResponse(lines(compiled(asked.plan or "")), media_type="application/x-ndjson")


async def lines(program: llmcc.Program) -> AsyncIterator[str]:
    """A line for each call, then one for the outcome. A client that goes away cancels the run."""
    loop, news = asyncio.get_running_loop(), asyncio.Queue[Any]()

    def tell(event: Any) -> None:  # in the thread of the run
        loop.call_soon_threadsafe(news.put_nowait, event)

    running = asyncio.create_task(llmcc.aio.run(program, observer=tell, deadline_s=30))
    running.add_done_callback(lambda _: news.put_nowait(None))
    try:
        while (event := await news.get()) is not None:
            if hasattr(event, "record"):
                yield json.dumps({"call": event.record.key, "is": event.record.status, "value": event.value}) + "\n"
        yield json.dumps(shown(await running)) + "\n"
    finally:
        running.cancel()
        await asyncio.wait([running])


def compiled(plan: str) -> llmcc.Program:
    """The plan as a program, its mistakes as an answer to the client."""
    try:
        return llmcc.compile(plan, TOOLS)
    except llmcc.CompileError as error:
        raise HTTPException(422, str(error)) from error


def shown(outcome: llmcc.Outcome) -> dict[str, Any]:
    """An outcome as JSON."""
    return {
        "value": outcome.value,
        "failed": None if outcome.failed is None else outcome.failed.message,
        "errors": [f"{failure.op}: {failure.error}: {failure.message}" for failure in outcome.errors],
        "calls": len(outcome.calls),
    }

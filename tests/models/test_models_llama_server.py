"""The hosted model against servers that we did not write, with the bundled model: that of llama-cpp-python, in Python,
and llama.cpp's own, which the package xllamacpp holds.

Run with `make test-servers`, which installs what the servers need.
"""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio

from llmcc.driver.hosted_grammar import hosted_grammar
from llmcc.frontend.parse import parse_plan
from llmcc.ir.effects import READ
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import STR
from llmcc.runtime.models import Message, ModelUnavailable, OpenAI, Request, Timeouts, default_model_path

OWN = """
import sys, time, xllamacpp
options = xllamacpp.CommonParams()
options.model.path, options.port, options.n_ctx, options.n_parallel = sys.argv[1], int(sys.argv[2]), 1024, 2
options.cpuparams.n_threads = options.cpuparams_batch.n_threads = 1
options.warmup = False
server = xllamacpp.Server(options)
while True:
    time.sleep(60)
"""


@dataclass(frozen=True)
class Server:
    """`argv`: how it is begun, with model and port to come. `needs`: packages. `stopped`: what its log says when nobody
    listens any more. `ways`: in which it can be asked for a plan, and those in which it cannot.
    """

    argv: list[str]
    needs: tuple[str, ...]
    stopped: str
    works: list[str]
    problems: set[str]

    def command(self, model: Path, port: int) -> list[str]:
        known = {"{model}": str(model), "{port}": str(port)}
        return [sys.executable, "-u", *(known.get(part, part) for part in self.argv)]


SERVERS = {
    "llama-cpp-python": Server(
        "-m llama_cpp.server --model {model} --port {port} --n_ctx 512 --n_threads 1".split(),
        ("llama_cpp", "fastapi", "uvicorn", "sse_starlette", "starlette_context", "pydantic_settings"),
        "Disconnected from client",
        ["chat/gbnf", "chat/text"],
        {"responses/grammar", "chat/grammar", "chat/schema", "responses/schema", "responses/text"},
    ),
    "llama.cpp": Server(
        ["-c", OWN, "{model}", "{port}"],
        ("xllamacpp",),
        "cancel task",
        ["chat/gbnf", "chat/schema", "chat/text", "responses/text"],
        {"responses/grammar", "chat/grammar", "responses/schema"},
    ),
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def is_up(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}/models", timeout=5).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Server:
    one = SERVERS[request.param]
    missing = [name for name in ("openai", *one.needs) if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"`make test-servers` installs what is missing: {', '.join(missing)}")
    return one


@pytest.fixture(scope="module")
def log(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server") / "log"


@pytest.fixture(scope="module")
def url(server: Server, log: Path) -> Iterator[str]:
    """The server's base URL. Its log is shown if it does not come up."""
    try:
        model = default_model_path()
    except ModelUnavailable as error:
        pytest.skip(str(error))
    port = free_port()
    with log.open("wb") as out, subprocess.Popen(server.command(model, port), stdout=out, stderr=out) as process:
        try:
            base = f"http://127.0.0.1:{port}/v1"
            ends = time.monotonic() + 120
            while not is_up(base):
                assert process.poll() is None and time.monotonic() < ends, log.read_text()
                time.sleep(0.1)
            yield base
        finally:
            process.kill()


@pytest.fixture
def model(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenAI:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    return OpenAI("any", base_url=url, records=tmp_path / "servers.json", timeouts=Timeouts(5, 60, 60))


COUNT = Request(messages=(Message("user", "Count to ten."),), max_tokens=12)


def test_it_streams(model: OpenAI) -> None:
    async def main() -> None:
        async with model:
            for _ in range(2):
                chunks = []
                async with model.stream(COUNT) as completion:
                    async for chunk in completion.chunks:
                        chunks.append(chunk)
                assert len(chunks) > 3
                assert (completion.finish, completion.way) == ("length", "chat/text")

    trio.run(main)


def test_what_it_can_do_is_found_out(model: OpenAI, server: Server) -> None:
    found = trio.run(model.probe)
    assert found.works == server.works
    assert {*found.problems} == server.problems


def test_it_keeps_to_the_grammar_of_plans(model: OpenAI) -> None:
    """The embedded model would never write such lines by itself. It need not come to an end."""
    tools = {"search": Signature(name="search", parameters=(Parameter("query", STR),), returns=STR, effect=READ)}
    grammar = hosted_grammar(tools)
    asked = (Message("user", "Find out how high the K2 is."),)

    async def main() -> tuple[str, str]:
        request = Request(messages=asked, grammar=grammar.lark, gbnf=grammar.gbnf, max_tokens=60)
        async with model.stream(request) as completion:
            return "".join([chunk async for chunk in completion.chunks]), completion.way

    text, way = trio.run(main)
    lines = text.splitlines(keepends=True)
    assert (way, bool(lines)) == ("chat/gbnf", True)
    statements, diagnostics = parse_plan("".join(line for line in lines if line.endswith("\n")))
    assert (len(statements), diagnostics) == (len(lines) - (not text.endswith("\n")), ()), text


def test_leaving_an_answer_stops_it(model: OpenAI, server: Server, log: Path) -> None:
    """The server says when it finds that nobody listens any more."""

    async def main() -> None:
        async with model:
            async with model.stream(Request(messages=COUNT.messages, max_tokens=400)) as completion:
                await anext(completion.chunks)
            async with model.stream(COUNT) as completion:
                assert "".join([chunk async for chunk in completion.chunks])

    before = log.read_text().count(server.stopped)
    trio.run(main)
    assert log.read_text().count(server.stopped) == before + 1

"""Real processes that execute a run: killed at any moment, and two that want the same run at the same time.

The world of these processes is a file, to which each effect adds a line.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import trio

from llmcc.frontend.front import compile_front
from llmcc.optimizer.manager import optimize
from llmcc.runtime.executor import run_module
from llmcc.runtime.journal.errors import JournalError, RunTaken
from llmcc.runtime.journal.records import Began
from llmcc.runtime.journal.session import Session
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.tools import tool

RUN = "7" * 32
#: Calls that depend on each other in all ways, for about 0.2 s.
PLAN = """seen = [look(x) for x in [1, 2, 3, 4]]
first = pay(10, seen)
posts = [put(x, first) for x in [20, 21, 22]]
pays = [pay(x, posts) for x in [11, 12, 13, 14]]
again = look(5) after pays
last = put(23, [again])
return [first, pays, again, last]
"""
_NAP_S = 0.01
_WRITES = (10, 11, 12, 13, 14, 20, 21, 22, 23)

# A fresh process for each kill, made from one that has imported everything.
_PROCESSES = multiprocessing.get_context("forkserver")


def effects(world: Path) -> Counter[str]:
    """How often each effect is in the file."""
    return Counter(world.read_text().split("\n")[:-1]) if world.exists() else Counter()


def toolbox(world: Path) -> Toolbox:
    """Tools that write their effects into the file. Blocking ones among them, as users' tools are."""

    def note(text: str) -> None:
        number = os.open(world, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(number, f"{text}\n".encode())
        os.close(number)

    @tool(effect="read", resource="world")
    async def look(n: int) -> int:
        await trio.sleep(_NAP_S)
        return n

    @tool(effect="write", resource="money", limit=2)
    async def pay(n: int, uses: Any) -> int:
        await trio.sleep(_NAP_S)
        note(f"pay {n}")
        await trio.sleep(_NAP_S)
        return n

    @tool(effect="write", resource="post:{n}", idempotent=True, key="idempotency_key")
    def put(n: int, uses: Any, idempotency_key: str) -> int:
        note(f"put {n} {idempotency_key}")
        return n

    return Toolbox(look, pay, put)


def settle(session: Session, world: Path) -> None:
    """Says of each call in doubt what the file knows."""
    known = effects(world)
    for one in session.history.doubts:
        n: Any = one.args["n"]
        if known[f"pay {n}"]:
            session.settle(one.key, "done", n, {})
        else:
            session.settle(one.key, "rerun", None, {})


def execute(session: Session, world: Path) -> None:
    """Executes what is left of the run."""
    tools = toolbox(world)
    front = compile_front(PLAN, tools.signatures)
    assert front.module is not None, front.diagnostics
    module = optimize(front.module, level=2, signatures=tools.signatures)

    async def main() -> None:
        ledger = session.ledger(tools.signatures)
        outcome = await run_module(module, tools, ledger=ledger)
        assert outcome.ok, outcome.errors
        await ledger.finish(len(outcome.calls), ok=True)
        await ledger.close()

    trio.run(main)
    session.close()


def begin_or_resume(journal: Path, world: Path) -> None:
    """What a process does: it begins the run, or goes on with it."""
    try:
        session = Session.reopen(journal, RUN)
    except RunTaken:
        raise
    except JournalError:  # there is no such run yet
        session = Session.begin(journal, Began(text=PLAN, plan="", module="", signatures="", started=""), RUN)
    settle(session, world)
    execute(session, world)


def killed_run(folder: Path, seed: int, *, kills: int = 3) -> tuple[int, list[str]]:
    """Executes a run, killing its process at drawn moments; gives the number of kills, and what is wrong."""
    choices = random.Random(seed)
    journal, world = folder / f"{seed}.db", folder / f"{seed}.world"
    done = 0
    while True:
        process = _PROCESSES.Process(target=begin_or_resume, args=(journal, world))
        process.start()
        process.join(choices.uniform(0.0, 0.3) if done < kills else None)
        if process.exitcode is None:
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            done += 1
            continue
        if process.exitcode != 0:
            return done, [f"a process ended with {process.exitcode}"]
        return done, _wrong(world)


def _wrong(world: Path) -> list[str]:
    found = effects(world)
    payments = Counter(text for text in found.elements() if text.startswith("pay"))
    puts = {text for text in found if text.startswith("put")}
    wrong = [f"{text} {n} times" for text, n in payments.items() if n > 1]
    wrong += [f"pay {n} is lost" for n in _WRITES if n < 20 and not payments[f"pay {n}"]]
    by_number = Counter(text.split()[1] for text in puts)
    wrong += [f"put {n} with {by_number[str(n)]} keys" for n in _WRITES if n >= 20 and by_number[str(n)] != 1]
    return wrong


def race(folder: Path, seed: int) -> list[str]:
    """Two processes go on with one run at the same moment; gives what is wrong."""
    journal = folder / f"race{seed}.db"
    Session.begin(journal, Began(text=PLAN, plan="", module="", signatures="", started=""), RUN).close()
    start, release = _PROCESSES.Barrier(2), _PROCESSES.Event()
    told = []
    for _ in range(2):
        ours, theirs = _PROCESSES.Pipe()
        process = _PROCESSES.Process(target=_contend, args=(journal, start, release, theirs))
        process.start()
        told.append((ours, process))
    answers = sorted(connection.recv() for connection, _ in told)
    release.set()
    for _, process in told:
        process.join()
    return [] if answers == ["refused", "took it"] else [f"race {seed}: {answers}"]


def _contend(journal: Path, start: Any, release: Any, tell: Connection) -> None:
    start.wait()
    try:
        session = Session.reopen(journal, RUN)
    except RunTaken:
        tell.send("refused")
        return
    tell.send("took it")
    release.wait()
    session.close()


def prepare() -> None:
    """Has further processes start quickly: what they import is imported once."""
    _PROCESSES.set_forkserver_preload(["__main__", __name__])

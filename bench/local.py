"""The local engine: requests at once beside requests in a row, what sharing saves, how soon a cancelled request is
gone, and how far the memory is.

    python bench/local.py                 a table; exits with 1 if a target is missed
    python bench/local.py --json

One process, the same texts for all. "As shipped" is `llama_cpp.Llama` as one would write it, with the file that comes
along; "in sequence" is the same class with the file that our engine made of it, so that only what is done with it
differs. A round does every measurement once, and a ratio is taken within
its round; the medians of the rounds are shown. With one thread, times are CPU times, so that a busy machine spoils
little; with two they cannot be (a thread that waits for the other one spins), and are times on the wall. Those of
cancellations always are. If xllamacpp is installed, its server does the eight jobs too.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import llama_cpp
import numpy as np
import trio
from beside_xllamacpp import Server, is_installed

from llmcc.runtime.models import Llama, Request, default_model_path
from llmcc.runtime.models.llama_files import requantized

#: What is to be reached.
TARGETS = {"eight_jobs_over_as_shipped": 2.0, "eight_jobs_over_not_shared": 3.5, "constrained_over_free": 0.9}
#: What is to be reached with two threads, where arithmetic bounds a batch less.
TARGETS_OF_TWO = {"sixteen_over_one": 3.0}
#: What is not to be exceeded.
MOST = {"cancel_reading_ms": 50.0, "cancel_writing_ms": 50.0}
EXAMPLE = "Question: What is the height of the mountain?\nPlan:\na = lookup('K2', 'height')\nreturn a.value\n\n"
COMMON = EXAMPLE * 15
WRITTEN = 32
JOBS = 8
CALLS = 'start: (NAME " = lookup(" STR ", " STR ")\\n"){2,9}\nNAME: /[a-z]{1,8}/\nSTR: /"[A-Za-z ]{1,20}"/'
CONTEXT = 8192


class OneGrammar:
    """A constraint of a single grammar."""

    def __init__(self, grammar: str) -> None:
        self._left: list[str] = [grammar]

    def next_grammar(self) -> str | None:
        """The grammar, then nothing."""
        return self._left.pop() if self._left else None

    def accept(self, segment: str) -> None:
        """The answer is complete."""


@dataclass(frozen=True)
class Clock:
    """Which time is taken; see above."""

    threads: int

    def seconds(self, work: Callable[[], object]) -> float:
        """What `work` takes."""
        now = time.process_time if self.threads == 1 else time.perf_counter
        begun = now()
        work()
        return now() - begun


def prompts(tag: int, count: int = JOBS) -> list[str]:
    """Prompts with a beginning in common that no round before had."""
    return [f"Round {tag}. {COMMON}Item {item} is" for item in range(count)]


def ask(model: Llama, requests: Sequence[Request]) -> int:
    """All requests at once; how many tokens were written."""
    written = 0

    async def read(request: Request) -> None:
        nonlocal written
        async with model.stream(request) as completion:
            async for _ in completion.chunks:
                pass
        written += completion.usage.completion_tokens

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for request in requests:
                nursery.start_soon(read, request)

    trio.run(main)
    return written


def cancelled(model: Llama, request: Request, *, after_text: bool) -> float:
    """Milliseconds from the cancellation of a request, while its prompt is read or text written, until the model's
    thread is free for others: then nothing is done for it any more.
    """

    async def main() -> float:
        async with model.stream(request) as completion:
            if after_text:
                for _ in range(4):
                    await anext(completion.chunks)
            else:
                await trio.sleep(0.1)
            begun = time.perf_counter()
        await model.__aenter__()  # waits for the thread; the model is closed elsewhere
        return (time.perf_counter() - begun) * 1e3

    return trio.run(main)


def rate(clock: Clock, model: Llama, requests: Sequence[Request]) -> float:
    """Tokens written in a second, the prompts read before."""
    ask(model, [Request(prompt=request.prompt, max_tokens=1) for request in requests])
    written: list[int] = []
    seconds = clock.seconds(lambda: written.append(ask(model, requests)))
    return written[0] / seconds


def in_sequence(engine: llama_cpp.Llama, texts: Sequence[str]) -> None:
    """The class `llama_cpp.Llama`, greedily; what a text has in common with the one before is not read again."""
    for text in texts:
        engine.create_completion(text, max_tokens=WRITTEN, temperature=0.0)


def bandwidth() -> float:
    """Bytes a second that one thread reads, of an array that no cache holds."""
    array = np.ones(256 << 20, dtype=np.int8)
    array.max()
    begun = time.process_time()
    array.max()
    return array.nbytes / (time.process_time() - begun)


class Bench:
    """The models and what is measured with them."""

    def __init__(self, threads: int) -> None:
        self.path = requantized(default_model_path())
        self.clock = Clock(threads)
        self._options = {"n_ctx": CONTEXT, "threads": threads}
        self.sequential, self.shipped = (
            llama_cpp.Llama(str(path), n_ctx=CONTEXT, n_threads=threads, n_threads_batch=threads, verbose=False)
            for path in (self.path, default_model_path())
        )
        self.server = Server(self.path, n_ctx=CONTEXT, threads=threads) if is_installed() else None

    def jobs(self, number: int) -> dict[str, float]:
        """Eight jobs with 500 tokens in common: at once, without sharing, one after the other, by another server."""
        texts = prompts(number)
        requests = [Request(prompt=prompt, max_tokens=WRITTEN) for prompt in texts]
        found = {}
        with self.model() as model:
            found["eight_jobs_s"] = self.clock.seconds(lambda: ask(model, requests))
            found["eight_jobs_warm_s"] = self.clock.seconds(lambda: ask(model, requests))
        with self.model(share=False) as model:
            found["not_shared_s"] = self.clock.seconds(lambda: ask(model, requests))
        found["in_sequence_s"] = self.clock.seconds(lambda: in_sequence(self.sequential, texts))
        found["in_sequence_warm_s"] = self.clock.seconds(lambda: in_sequence(self.sequential, texts))
        found["as_shipped_s"] = self.clock.seconds(lambda: in_sequence(self.shipped, texts))
        server = self.server
        if server is not None:
            found["xllamacpp_s"] = self.clock.seconds(lambda: server.ask(texts, WRITTEN))
            found["xllamacpp_warm_s"] = self.clock.seconds(lambda: server.ask(texts, WRITTEN))
            found["eight_jobs_over_xllamacpp"] = found["xllamacpp_s"] / found["eight_jobs_s"]
        return found

    @contextmanager
    def model(self, *, share: bool = True) -> Iterator[Llama]:
        """Our engine, loaded, with nothing in its memory."""
        model = Llama(self.path, share=share, keep=False, **self._options)
        ask(model, [Request(prompt="x", max_tokens=1, constraint=OneGrammar('start: "a" "b"'))])
        yield model
        model.close()

    def rates(self, number: int) -> dict[str, float]:
        """Tokens a second of a prompt, of one request, of sixteen at once, and of one that is held to a grammar."""
        (prompt,) = prompts(number + 2000, 1)
        some = [Request(prompt=f"The number {n} is", max_tokens=WRITTEN) for n in range(16)]
        plan = Request(prompt=EXAMPLE, max_tokens=WRITTEN)
        held = Request(prompt=EXAMPLE, max_tokens=WRITTEN, constraint=OneGrammar(CALLS))
        with self.model() as model:
            seconds = self.clock.seconds(lambda: ask(model, [Request(prompt=prompt, max_tokens=1)]))
            return {
                "read_tokens_s": self.count(prompt) / seconds,
                "one_tokens_s": rate(self.clock, model, some[:1]),
                "sixteen_tokens_s": rate(self.clock, model, some),
                "free_tokens_s": rate(self.clock, model, [plan]),
                "constrained_tokens_s": rate(self.clock, model, [held]),
            }

    def count(self, text: str) -> int:
        """The tokens of a text."""
        return len(self.sequential.tokenize(text.encode()))

    def cancellations(self, number: int) -> dict[str, float]:
        """How soon a request is gone, in the middle of a prompt of 500 tokens and of its answer."""
        request = Request(prompt=prompts(number + 1000, 1)[0], max_tokens=400)
        with self.model() as model:
            reading = cancelled(model, request, after_text=False)
            return {"cancel_reading_ms": reading, "cancel_writing_ms": cancelled(model, request, after_text=True)}

    def round(self, number: int) -> dict[str, float]:
        """Every measurement once, and the ratios."""
        found = self.jobs(number) | self.rates(number) | self.cancellations(number) | {"read_gb_s": bandwidth() / 1e9}
        found["eight_jobs_over_in_sequence"] = found["in_sequence_s"] / found["eight_jobs_s"]
        found["eight_jobs_over_as_shipped"] = found["as_shipped_s"] / found["eight_jobs_s"]
        found["warm_over_in_sequence"] = found["in_sequence_warm_s"] / found["eight_jobs_warm_s"]
        found["eight_jobs_over_not_shared"] = found["not_shared_s"] / found["eight_jobs_s"]
        found["sixteen_over_one"] = found["sixteen_tokens_s"] / found["one_tokens_s"]
        found["constrained_over_free"] = found["constrained_tokens_s"] / found["free_tokens_s"]
        # Memory bounds a single request: each of its tokens needs all weights once.
        found["bound_of_one_tokens_s"] = found["read_gb_s"] * 1e9 / self.path.stat().st_size
        found["one_over_bound"] = found["one_tokens_s"] / found["bound_of_one_tokens_s"]
        # Arithmetic bounds many: a token cannot be written in less than it takes to read one in a long prompt.
        least = self.count(prompts(number, 1)[0]) + JOBS * WRITTEN
        found["eight_jobs_over_bound"] = least / found["read_tokens_s"] / found["eight_jobs_s"]
        return found

    def close(self) -> None:
        """Frees what was loaded once."""
        self.sequential.close()
        self.shipped.close()


def main() -> int:
    """Prints the medians; 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--threads", type=int, default=1, help="2 judges two more targets, and needs a machine that does nothing else"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    bench = Bench(options.threads)
    rounds = [bench.round(number) for number in range(options.rounds)]
    bench.close()
    medians = {name: statistics.median(found[name] for found in rounds) for name in rounds[0]}
    targets = TARGETS if options.threads == 1 else TARGETS | TARGETS_OF_TWO
    missed = [name for name, target in targets.items() if medians[name] < target]
    missed += [name for name, most in MOST.items() if medians[name] > most]
    if options.json:
        print(json.dumps({"threads": options.threads, "rounds": options.rounds, "medians": medians, "missed": missed}))
        return bool(missed)
    for name, value in medians.items():
        target = f"at least {targets[name]}" if name in targets else f"at most {MOST[name]:g}" if name in MOST else ""
        print(f"{name:<30} {value:>9.2f}  {target}{'  MISSED' if name in missed else ''}")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())

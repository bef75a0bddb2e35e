"""What every test can use: the flag for golden files, the profiles of Hypothesis, and surroundings of hosted models."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

# A shell's background job ignores Ctrl-C, and so would all that it starts: but what Ctrl-C does is tested.
signal.signal(signal.SIGINT, signal.default_int_handler)
# No deadline: on a busy machine time says nothing about a test. The blob repeats a failure anywhere.
settings.register_profile("default", deadline=None, print_blob=True)
# The same examples in every run, so that a failure belongs to the change that shows it.
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "default"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite golden files with what the code says now; review the diff"
    )


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be rewritten, and not compared."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A key, a cache of its own, and the client imported once (half a second), so that no test is charged with it."""
    pytest.importorskip("openai")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "sk-canary-0123456789")
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def pytest_itemcollected(item: pytest.Item) -> None:
    # The client leaves its own generators to the collector, also after a stream that was read to its end.
    if "hosted" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))
        item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))

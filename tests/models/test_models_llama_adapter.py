"""An adapter is for plans alone: everything else is answered as if there were none, and nothing passes between them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from llmcc.runtime.models import (
    Adapted,
    Completion,
    Llama,
    ModelUnavailable,
    Request,
    Scripted,
    default_model_path,
    llama_adapter,
    llama_files,
    llama_load,
)

THREAD = "llmcc-llama"
PLAIN = (Request(prompt="The capital of France is", max_tokens=5), Request(prompt="1 2 3 4 5 6", max_tokens=5))
ADAPTED = tuple(replace(request, adapted=True) for request in PLAIN)
TOOLS = Request(
    prompt="lookup(entity: str) -> float  # Look it up\n" * 8 + "Question?", prefix="lookup(entity: str)", max_tokens=2
)


@pytest.fixture(scope="module")
def path() -> Path:
    pytest.importorskip("llama_cpp")
    try:
        return llama_files.requantized(default_model_path())
    except ModelUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def model(path: Path, adapter: Path) -> Iterator[Llama]:
    model = Llama(path, n_ctx=1024, keep=False, adapter=adapter)
    yield model
    model.close()


async def read(model: Llama, request: Request) -> tuple[str, Completion]:
    async with model.stream(request) as completion:
        return "".join([chunk async for chunk in completion.chunks]), completion


def ask(model: Llama, request: Request) -> str:
    return trio.run(read, model, request)[0]


def threads() -> int:
    return sum(thread.name == THREAD for thread in threading.enumerate())


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A file that is shipped as the adapter."""
    file = tmp_path / "planner.gguf"
    file.write_bytes(b"shipped")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(llama_adapter, "shipped_adapter", lambda: file)
    return file


@pytest.fixture
def bundle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A package with a model, as the one that comes along."""
    folder = tmp_path / "a_model_for_adapters"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "small.gguf").touch()
    monkeypatch.delenv("LLMCC_MODEL", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(llama_files, "PACKAGE", folder.name)
    return folder / "small.gguf"


def test_the_shipped_adapter_goes_with_the_bundled_model_only(
    bundle: Path, shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = Llama().adapter
    assert name is not None and name.startswith("planner-")
    assert Llama(adapter=None).adapter is None
    assert Llama(bundle).adapter is None
    monkeypatch.setenv("LLMCC_MODEL", str(bundle))
    assert Llama().adapter is None


def test_a_named_adapter_goes_with_any_model(bundle: Path, shipped: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(b"mine")
    names = {Llama(adapter=mine).adapter, Llama(str(bundle), adapter=str(mine)).adapter}
    (name,) = names
    assert name is not None and name.startswith("mine-")
    other = tmp_path / "again" / "mine.gguf"
    other.parent.mkdir()
    other.write_bytes(b"other")
    assert Llama(adapter=other).adapter not in names
    with pytest.raises(ModelUnavailable, match=r"no adapter file `.*gone.gguf`"):
        Llama(adapter=tmp_path / "gone.gguf")


def test_without_a_shipped_adapter_there_is_none(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llama_adapter, "shipped_adapter", lambda: None)
    assert Llama().adapter is None


def test_the_shipped_file_lies_in_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(llama_adapter, "files", lambda package: tmp_path / package)
    assert llama_adapter.shipped_adapter() is None
    file = tmp_path / "llmcc.runtime.models" / "adapter" / "planner.gguf"
    file.parent.mkdir(parents=True)
    file.touch()
    assert llama_adapter.shipped_adapter() == file


def test_only_models_that_can_have_an_adapter_are_asked_for_it(bundle: Path) -> None:
    assert isinstance(Llama(adapter=None), Adapted)
    assert not isinstance(Scripted([]), Adapted)


def test_plans_are_asked_of_another_quantization(
    bundle: Path, shipped: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wanted: list[str] = []

    def refuse(source: Path, kind: str) -> Path:
        wanted.append(kind)
        raise ModelUnavailable("enough")

    monkeypatch.setattr(llama_load, "requantized", refuse)
    monkeypatch.setattr(llama_load, "llama_library", lambda: None)
    model = Llama()
    for adapted in (True, False):
        with pytest.raises(ModelUnavailable, match="enough"):
            ask(model, Request(prompt="x", adapted=adapted))
    assert wanted == ["Q8_0", "Q4_0"]
    model.close()


@pytest.mark.slow
def test_the_adapter_changes_what_is_asked_for_it_and_nothing_else(model: Llama, path: Path, adapter: Path) -> None:
    bare = Llama(path, n_ctx=1024, keep=False, adapter=None)
    plain = [ask(bare, request) for request in PLAIN]
    assert [ask(bare, request) for request in ADAPTED] == plain  # there is no adapter: it is asked as it is
    bare.close()
    adapted = [ask(model, request) for request in ADAPTED]
    assert all(text != other for text, other in zip(adapted, plain, strict=True))
    assert [ask(model, request) for request in PLAIN] == plain


@pytest.mark.slow
def test_requests_of_both_kinds_at_once_do_not_touch_each_other(model: Llama) -> None:
    requests = [*PLAIN, *ADAPTED]
    plain = [ask(model, request) for request in PLAIN]
    together: dict[int, str] = {}

    async def one(place: int) -> None:
        together[place] = (await read(model, requests[place]))[0]

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for place in range(len(requests)):
                nursery.start_soon(one, place)

    trio.run(main)
    assert [together[place] for place in range(2)] == plain
    assert not {together[2], together[3]} & {*plain}  # an adapter of drawn numbers is at odds with itself over the rest


@pytest.mark.slow
def test_each_kind_is_loaded_when_it_is_first_asked_for(path: Path, adapter: Path) -> None:
    before = threads()

    async def main() -> None:
        async with Llama(path, n_ctx=512, adapter=adapter, keep=False) as model:
            assert threads() == before + 1
            await read(model, ADAPTED[0])
            assert threads() == before + 1
            await read(model, PLAIN[0])
            assert threads() == before + 2

    trio.run(main)
    assert threads() == before


@pytest.mark.slow
def test_beginnings_in_files_are_not_shared_between_adapters(
    path: Path, adapter: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    request = replace(TOOLS, prefix=(TOOLS.prompt or "").removesuffix("Question?"))

    def cached(*, adapted: bool) -> int:
        model = Llama(path, n_ctx=512, adapter=adapter)
        _, completion = trio.run(read, model, replace(request, adapted=adapted))
        model.close()
        return completion.usage.cached_tokens

    assert cached(adapted=False) == 0
    assert cached(adapted=True) == 0
    assert cached(adapted=False) == cached(adapted=True) > 64
    assert len(list((tmp_path / "llmcc" / "beginnings").iterdir())) == 2


@pytest.mark.slow
def test_an_adapter_that_does_not_fit_is_told_and_disturbs_nothing_else(path: Path, misfit: Path) -> None:
    model = Llama(path, n_ctx=512, adapter=misfit, keep=False)
    for _ in range(2):
        with pytest.raises(ModelUnavailable, match=r"cannot load the adapter `.*misfit.gguf`"):
            ask(model, ADAPTED[0])
    assert ask(model, PLAIN[0])
    model.close()


@pytest.mark.slow
def test_a_file_that_is_no_adapter_is_told(path: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "text.gguf"
    file.write_text("no adapter at all")
    model = Llama(path, n_ctx=512, adapter=file, keep=False)
    with pytest.raises(ModelUnavailable, match=r"cannot load the adapter `.*text.gguf`"):
        ask(model, ADAPTED[0])
    model.close()
    assert capfd.readouterr() == ("", "")

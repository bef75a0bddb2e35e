"""The distribution holds every package of the tree and nothing else, and works where only it is installed."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "llmcc"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
# In the tree beside what is shipped: caches, and what editors and other systems leave behind.
LITTER = re.compile(r"__pycache__|\..*|.*~|.*\.(pyc|orig|rej|swp)")
BUILT_FROM = ["pyproject.toml", "README.md", "LICENSE", "MANIFEST.in", "src", "tests"]


def package_folders() -> list[Path]:
    """The folders of the root that are packages of llmcc."""
    return sorted(folder for folder in ROOT.iterdir() if (folder / "__init__.py").is_file())


def files_below(folder: Path, prefix: str) -> Iterator[str]:
    """Every file below `folder` as it should be named in the wheel."""
    for path in folder.iterdir():
        name = f"{prefix}/{path.name}"
        if LITTER.fullmatch(path.name) or path.is_symlink():
            continue
        if path.is_dir():
            yield from files_below(path, name)
        else:
            yield name


def tree() -> set[str]:
    """Every file that the wheel must hold, by the folders on disk."""
    files = set(files_below(SOURCE, "llmcc"))
    for folder in package_folders():
        files.update(files_below(folder, f"llmcc/{folder.name}"))
    return files


def run(*command: str | Path, cwd: Path) -> str:
    """The output of `command`, which must succeed."""
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, f"{command} exited with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist of a copy of the tree: an old build's leftovers in the tree would change what goes in."""
    copy = tmp_path_factory.mktemp("tree")
    for source in [*(ROOT / name for name in BUILT_FROM), *package_folders()]:
        if source.is_dir():
            shutil.copytree(source, copy / source.name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, copy)
    out = tmp_path_factory.mktemp("sdist")
    # Not isolated, here and below: the environment of the tests has the build backend, so that no network is needed.
    run(sys.executable, "-m", "build", "--no-isolation", "--sdist", "--outdir", out, cwd=copy)
    [built] = out.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that is built from the sdist, and so without anything that only the tree has."""
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "-qq", "--no-build-isolation", "--no-deps", sdist, cwd=out)
    [built] = out.iterdir()
    return built


def test_every_package_of_the_tree_is_listed() -> None:
    modules = {path for path in map(PurePosixPath, tree()) if path.suffix == ".py"}
    packages = {".".join(path.parent.parts) for path in modules}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == packages
    assert set(PROJECT["tool"]["setuptools"]["package-dir"]) == packages
    assert {path.parent / "__init__.py" for path in modules} <= modules


def test_every_package_folder_has_its_relative_link() -> None:
    links = {path.name: path.readlink() for path in SOURCE.iterdir() if path.is_symlink()}
    assert links == {folder.name: Path("../..") / folder.name for folder in package_folders()}


def test_the_extra_all_is_the_union_of_the_backends() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    named = re.fullmatch(r"llmcc-toolchain\[(.+)\]", *extras["all"])
    assert named
    assert set(named[1].split(",")) == set(extras) - {"all", "atlas", "app"}


@pytest.mark.slow
def test_the_sdist_holds_no_links(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        members = archive.getmembers()
    assert [member.name for member in members if not (member.isfile() or member.isdir())] == []
    top = sdist.name.removesuffix(".tar.gz")
    linked = {f"{top}/src/llmcc/{folder.name}" for folder in package_folders()}
    assert not [member.name for member in members if linked & set(map(str, PurePosixPath(member.name).parents))]


@pytest.mark.slow
def test_the_wheel_holds_the_tree_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if ".dist-info/" not in name}
        described = {name.split("/", 1)[1] for name in archive.namelist() if ".dist-info/" in name}
    assert shipped == tree()
    assert {"llmcc/py.typed", "llmcc/grammar/plan.lark", "llmcc/grammar/ir.lark", "llmcc/grammar/SPEC.md"} <= shipped
    assert any(PurePosixPath(name).match("llmcc/ir/codes/*.md") for name in shipped)
    assert "licenses/LICENSE" in described


def test_an_adapter_is_shipped_with_its_card_or_not_at_all() -> None:
    folder = ROOT / "runtime" / "models" / "adapter"
    found = sorted(path.name for path in folder.iterdir() if not LITTER.fullmatch(path.name)) if folder.is_dir() else []
    assert found in ([], ["planner.gguf", "planner.md"])
    if found:
        content, card = (folder / "planner.gguf").read_bytes(), (folder / "planner.md").read_text("utf-8")
        assert content.startswith(b"GGUF") and len(content) <= 20_000_000
        assert hashlib.sha256(content).hexdigest() in card
        assert "Apache-2.0" in card


def test_the_wheel_holds_an_adapter_that_is_in_the_tree(tmp_path: Path) -> None:
    """Whether or not there is one now."""
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["llmcc.runtime.models"]
    folder = tmp_path / "adapter"
    folder.mkdir()
    for name in ("planner.gguf", "planner.md", "notes.txt"):
        (folder / name).touch()
    assert {path.name for pattern in patterns for path in tmp_path.glob(pattern)} == {"planner.gguf", "planner.md"}


@pytest.mark.slow
def test_the_installed_wheel_compiles_a_plan(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-qq"]
    run(*pip, "--constraint", ROOT / "constraints.txt", wheel, cwd=tmp_path)
    (tmp_path / "plan.txt").write_text('a = search(query="x")\n')
    assert "plan {" in run(python.with_name("llmcc"), "compile", "plan.txt", cwd=tmp_path)
    assert "plan {" in run(python, "-m", "llmcc", "compile", "plan.txt", cwd=tmp_path)

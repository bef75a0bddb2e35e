"""The documents tell the truth: each `console` block is run, and must print what stands there.

`--update-golden` rewrites the blocks.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = ["README.md", *(f"docs/{name}.md" for name in "agent grammars journal models tools tour tracing".split())]
BLOCK = re.compile(r"(```console\n)(.*?)(```\n)", re.DOTALL)


def transcript(block: str) -> str:
    """The block with what its commands print now."""
    commands = [line[2:] for line in block.splitlines() if line.startswith("$ ")]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shown = []
    for command in commands:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=ROOT,
            env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
        shown.append(f"$ {command}\n{done.stdout}")
    return "".join(shown)


@pytest.mark.slow
@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_a_document_shows_is_what_happens(name: str, update_golden: bool) -> None:
    path = ROOT / name
    text = path.read_text()
    now = BLOCK.sub(lambda found: found[1] + transcript(found[2]) + found[3], text)
    if update_golden:
        path.write_text(now)
        text = now
    assert BLOCK.search(text), "a document without a block tests nothing"
    assert text == now


@pytest.mark.parametrize(
    "name",
    [
        *DOCUMENTS,
        "CONTRIBUTING.md",
        "docs/adr/README.md",
        "docs/local.md",
        "examples/atlas/README.md",
        "docs/testing.md",
    ],
)
def test_links_lead_somewhere(name: str) -> None:
    path = ROOT / name
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
        assert (path.parent / target).exists(), target

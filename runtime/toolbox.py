"""A set of tools by name, also from a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from llmcc.ir.signature import Signature
from llmcc.runtime.load import ToolboxError, tools_of
from llmcc.runtime.tools import Tool, tool

__all__ = ["Toolbox", "ToolboxError", "load_toolbox"]


class Toolbox(Mapping[str, Tool]):
    """Tools by name, in the order in which they were added.

    Plain functions are made tools without an effect. `examples` are (question, plan) pairs that show a model how plans
    over these tools look.

    >>> def add(a: int, b: int) -> int: ...
    >>> box = Toolbox(tool(effect="pure")(add))
    >>> list(box), str(box.signatures["add"])
    (['add'], 'add(a: int, b: int) -> int')
    """

    def __init__(self, *tools: Tool | Callable[..., Any], examples: Iterable[tuple[str, str]] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        self.examples: list[tuple[str, str]] = list(examples)
        for one in tools:
            self.add(one)

    def add(self, one: Tool | Callable[..., Any]) -> Tool:
        """Adds a tool, or a function as a tool.

        Raises:
            ToolboxError: there is another tool of that name.
            TypeError, ValueError: the function cannot be a tool.
        """
        made = one if isinstance(one, Tool) else tool(one)
        if made.name in self._tools:
            raise ToolboxError(f"there are two tools called {made.name!r}")
        self._tools[made.name] = made
        return made

    @property
    def signatures(self) -> dict[str, Signature]:
        """What the compiler needs of each tool."""
        return {name: one.signature for name, one in self._tools.items()}

    @property
    def runnable(self) -> dict[str, Signature]:
        """What the scheduler needs of each tool: without batches where no function makes one."""
        return {
            name: one.signature if one.batch_function is not None else replace(one.signature, batch=None)
            for name, one in self._tools.items()
        }

    def __getitem__(self, name: str) -> Tool:
        """The tool of that name; `KeyError` if there is none."""
        return self._tools[name]

    def __iter__(self) -> Iterator[str]:
        """The names."""
        return iter(self._tools)

    def __len__(self) -> int:
        """The number of tools."""
        return len(self._tools)

    def __repr__(self) -> str:
        """The names of the tools."""
        return f"Toolbox({', '.join(self._tools)})"


def load_toolbox(path: str | Path) -> Toolbox:
    """The tools of a file.

    A `.py` file is run, its own folder being importable meanwhile; its tools are the module's `Tool` objects in order
    of definition, its `EXAMPLES` the toolbox's. A `.json` file gives tools without functions: enough to compile.

    Raises:
        ToolboxError: the file is missing, fails, or has no tools.
        ToolfileError: the JSON makes no sense.
    """
    tools, examples = tools_of(Path(path))
    try:
        return Toolbox(*tools, examples=examples)
    except ToolboxError as error:
        raise ToolboxError(f"{path}: {error}") from error

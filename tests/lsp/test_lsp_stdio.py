"""The server as an editor meets it: a process, spoken to over standard input and output by a client of the protocol.

One test speaks to it in bytes, so that the client's library, which is also the server's, is not alone in its opinion.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcMethodNotFound
from pygls.lsp.client import LanguageClient

pytestmark = pytest.mark.slow

SERVER = [sys.executable, "-m", "llmcc", "lsp"]
PATIENCE_S = 60


class Editor(LanguageClient):
    """A client that keeps what it is told."""

    def __init__(self, settings: Any = None) -> None:
        super().__init__("test editor", "1")
        self.told: asyncio.Queue[types.PublishDiagnosticsParams] = asyncio.Queue()
        self.messages: list[str] = []
        self.settings = settings
        self.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(lambda params: self.told.put_nowait(params))
        self.feature(types.WINDOW_SHOW_MESSAGE)(lambda params: self.messages.append(params.message))
        self.feature(types.WORKSPACE_CONFIGURATION)(lambda params: [self.settings for _ in params.items])

    async def diagnostics(self, version: int | None = None) -> list[types.Diagnostic]:
        """What is said next, or next about that version of a document."""
        while True:
            told = await asyncio.wait_for(self.told.get(), PATIENCE_S)
            if version is None or told.version == version:
                return list(told.diagnostics)

    def open(self, uri: str, text: str) -> None:
        self.text_document_did_open(types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, "plan", 1, text)))

    def change(self, uri: str, version: int, *changes: types.TextDocumentContentChangeEvent) -> None:
        document = types.VersionedTextDocumentIdentifier(version, uri)
        self.text_document_did_change(types.DidChangeTextDocumentParams(document, list(changes)))

    async def leave(self) -> int:
        """Ends the session as the protocol wants it; the server's exit code."""
        await self.shutdown_async(None)
        self.exit(None)
        return await self.wait()

    async def wait(self) -> int:
        assert self._server is not None
        code = await asyncio.wait_for(self._server.wait(), PATIENCE_S)
        await self.stop()  # type: ignore[no-untyped-call]
        return code


@asynccontextmanager
async def editing(
    *options: str,
    root: Path | None = None,
    given: Any = None,
    settings: Any = None,
    capabilities: types.ClientCapabilities | None = None,
) -> AsyncIterator[Editor]:
    """A session with a server; the server is killed if the session did not end it."""
    editor = Editor(settings)
    await editor.start_io(*SERVER, *options)
    try:
        started = types.InitializeParams(
            capabilities=capabilities or types.ClientCapabilities(),
            initialization_options=given,
            root_uri=None if root is None else root.as_uri(),
        )
        await editor.initialize_async(started)
        editor.initialized(types.InitializedParams())
        yield editor
    finally:
        assert editor._server is not None
        if editor._server.returncode is None:
            editor._server.kill()
            await editor.wait()


def run(session: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(session(), PATIENCE_S))


def apply(text: str, edits: list[types.TextEdit] | tuple[types.TextEdit, ...]) -> str:
    """The text after edits, places counted in UTF-16 units: an editor's own reckoning."""
    lines = [line.encode("utf-16-le") for line in text.split("\n")]
    for edit in sorted(edits, key=lambda e: (e.range.start.line, e.range.start.character), reverse=True):
        start, end = edit.range.start, edit.range.end
        head, tail = lines[start.line][: 2 * start.character], lines[end.line][2 * end.character :]
        lines[start.line : end.line + 1] = [head + edit.new_text.encode("utf-16-le") + tail]
    return "\n".join(line.decode("utf-16-le") for line in lines)


def test_a_plan_is_written_mended_and_formatted(toolfile: Path, tmp_path: Path) -> None:
    uri = (tmp_path / "plan.txt").as_uri()
    document = types.TextDocumentIdentifier(uri)
    text = 'x = [ "😋", fnd("😋"), "\t" ]\nreturn x'

    async def session() -> None:
        async with editing("--tools", str(toolfile)) as editor:
            editor.open(uri, text)
            [found] = await editor.diagnostics()
            assert (found.code, found.severity, found.source) == ("E0301", types.DiagnosticSeverity.Error, "llmcc")
            assert found.message == "no tool is called `fnd`\nhelp: did you mean `find`?"
            assert found.range == types.Range(types.Position(0, 12), types.Position(0, 15))  # 😋 has two units
            context = types.CodeActionContext([found], [types.CodeActionKind.QuickFix])
            asked = types.CodeActionParams(document, found.range, context)
            [action] = await editor.text_document_code_action_async(asked) or []
            assert isinstance(action, types.CodeAction)
            assert action.is_preferred
            assert action.edit is not None and action.edit.changes is not None
            [edit] = action.edit.changes[uri]
            editor.change(uri, 2, types.TextDocumentContentChangePartial(edit.range, edit.new_text))
            assert await editor.diagnostics(2) == []

            options = types.FormattingOptions(4, True)
            edits = await editor.text_document_formatting_async(types.DocumentFormattingParams(document, options))
            formatted = apply(apply(text, [edit]), list(edits or ()))
            assert formatted == 'x = ["😋", find("😋"), "\\t"]\nreturn x\n'
            editor.change(uri, 3, types.TextDocumentContentChangeWholeDocument(formatted))
            assert await editor.diagnostics(3) == []
            assert not await editor.text_document_formatting_async(types.DocumentFormattingParams(document, options))
            editor.text_document_did_close(types.DidCloseTextDocumentParams(document))
            assert await editor.diagnostics() == []
            assert await editor.leave() == 0
            assert editor.messages == []

    run(session)


def test_words_are_explained_and_completed(toolfile: Path) -> None:
    uri = "untitled:plan"
    document = types.TextDocumentIdentifier(uri)
    text = 'cities = find("😋")\n\ta = [find("😋" + c.) for c in cities]\n'

    async def session() -> None:
        async with editing("--tools", str(toolfile)) as editor:
            editor.open(uri, text)
            await editor.diagnostics()
            hover = await editor.text_document_hover_async(types.HoverParams(document, types.Position(0, 11)))
            assert hover is not None and isinstance(hover.contents, types.MarkupContent)
            assert "find(country: str" in hover.contents.value
            assert "read(atlas), latency 0.2s" in hover.contents.value
            assert hover.range == types.Range(types.Position(0, 9), types.Position(0, 13))
            column = text.split("\n")[1].index(".") + 2  # behind the dot; one more for the character of two units
            place = types.Position(1, column)
            items = await editor.text_document_completion_async(types.CompletionParams(document, place))
            assert isinstance(items, list | tuple)
            assert [item.label for item in items] == ["name", "people", "post code"]
            first = items[0].text_edit
            assert isinstance(first, types.TextEdit)
            assert first.range == types.Range(place, place)
            assert "+ c.name)" in apply(text, [first])
            help = await editor.text_document_signature_help_async(types.SignatureHelpParams(document, place))
            assert help is not None and help.signatures[0].label.startswith("find(country: str")
            assert help.active_parameter == 0
            assert await editor.leave() == 0

    run(session)


def test_the_catalogue_of_the_command_line_counts(toolfile: Path, tmp_path: Path) -> None:
    catalog = tmp_path / "effects.toml"
    catalog.write_text('[find]\neffect = "write"\nresource = "journal"\n')

    async def session() -> None:
        async with editing("--tools", str(toolfile), "--catalog", str(catalog)) as editor:
            editor.open("untitled:plan", 'return find("ch")\n')
            document = types.TextDocumentIdentifier("untitled:plan")
            told = await editor.text_document_hover_async(types.HoverParams(document, types.Position(0, 8)))
            assert told is not None and "write(journal)" in str(told.contents)
            assert await editor.leave() == 0

    run(session)


@pytest.mark.parametrize(("encoding", "column"), [("utf-8", 14), ("utf-16", 12), ("utf-32", 11)])
def test_places_are_counted_as_was_agreed(encoding: str, column: int, toolfile: Path) -> None:
    general = types.GeneralClientCapabilities(position_encodings=[types.PositionEncodingKind(encoding)])

    async def session() -> None:
        capabilities = types.ClientCapabilities(general=general)
        async with editing("--tools", str(toolfile), capabilities=capabilities) as editor:
            editor.open("untitled:plan", 'x = [ "😋", fnd("1")]\nreturn x\n')
            [found] = await editor.diagnostics()
            assert found.range.start == types.Position(0, column)
            # The character before `fnd` and the three letters of it are replaced, as the server counts.
            start, end = types.Position(0, column - 1), types.Position(0, column + 3)
            change = types.TextDocumentContentChangePartial(types.Range(start, end), ' "\u2028", find')
            editor.change("untitled:plan", 2, change)
            assert await editor.diagnostics(2) == []
            assert await editor.leave() == 0

    run(session)


def test_line_ends_are_those_of_the_protocol(toolfile: Path) -> None:
    """U+2028 and the form feed end no line, neither for the editor nor for the plan."""

    async def session() -> None:
        async with editing("--tools", str(toolfile)) as editor:
            editor.open("untitled:plan", 'a = "\u2028\u0085"\r\nb = fnd(a)\rreturn b')
            found = await editor.diagnostics()
            assert [one.range.start for one in found if one.code == "E0301"] == [types.Position(1, 4)]
            place = types.Range(types.Position(1, 5), types.Position(1, 5))
            editor.change("untitled:plan", 2, types.TextDocumentContentChangePartial(place, "i"))
            assert "E0301" not in [one.code for one in await editor.diagnostics(2)]
            assert await editor.leave() == 0

    run(session)


def test_tools_come_from_the_editor(toolfile: Path, tmp_path: Path) -> None:
    asked = types.ClientCapabilities(workspace=types.WorkspaceClientCapabilities(configuration=True))

    async def session() -> None:
        async with editing(root=tmp_path, given={"tools": "tools.json"}) as editor:
            editor.open("untitled:plan", "return fnd(1)\n")
            assert [one.code for one in await editor.diagnostics()] == ["E0301"]
            params = types.DidChangeConfigurationParams({"llmcc": {"tools": "nothing.json"}})
            editor.workspace_did_change_configuration(params)
            [problem] = await editor.diagnostics()
            assert "nothing.json" in problem.message
            params = types.DidChangeConfigurationParams({"llmcc": {"tools": 7}})
            editor.workspace_did_change_configuration(params)
            assert "nothing.json" in (await editor.diagnostics())[0].message
            assert editor.messages == ["llmcc: the setting `llmcc.tools` is the path of a tools.json or tools.py"]
            assert await editor.leave() == 0
        async with editing(root=tmp_path, settings={"tools": "tools.json"}, capabilities=asked) as editor:
            editor.open("untitled:plan", "return fnd(1)\n")
            while [one.code for one in await editor.diagnostics()] != ["E0301"]:
                pass  # the settings are on their way
            assert await editor.leave() == 0

    run(session)


def test_a_toolbox_that_fails_is_a_diagnostic_and_can_be_mended(tmp_path: Path) -> None:
    tools = tmp_path / "mine.json"
    tools.write_text("[")
    uri = (tmp_path / "plan.txt").as_uri()

    async def session() -> None:
        async with editing() as editor:
            editor.open(uri, "# tools: mine.json\nreturn one()\n")
            [problem] = await editor.diagnostics()
            assert "line 1, column 2" in problem.message
            assert problem.range == types.Range(types.Position(0, 9), types.Position(0, 18))
            tools.write_text('[{"name": "one", "effect": "read"}]')
            event = types.FileEvent(tools.as_uri(), types.FileChangeType.Changed)
            editor.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
            assert await editor.diagnostics() == []
            assert await editor.leave() == 0

    run(session)


def test_what_a_file_of_tools_prints_does_not_reach_the_editor(tmp_path: Path) -> None:
    tools = tmp_path / "tools.py"
    tools.write_text(
        "import os, sys, llmcc\nprint('noise'); os.write(1, b'noise'); assert sys.stdin.read() == ''\n"
        "@llmcc.tool(effect='read')\ndef one() -> int: ...\n"
    )

    async def session() -> None:
        async with editing("--tools", str(tools)) as editor:
            editor.open("untitled:plan", "return one()\n")
            assert await editor.diagnostics() == []
            assert await editor.leave() == 0

    run(session)


def test_what_is_not_known_is_answered(tmp_path: Path) -> None:
    nowhere = types.TextDocumentIdentifier("file:///nowhere")
    place = types.Position(3, 3)

    async def session() -> None:
        async with editing() as editor:
            assert await editor.text_document_hover_async(types.HoverParams(nowhere, place)) is None
            assert not await editor.text_document_completion_async(types.CompletionParams(nowhere, place))
            editor.change("file:///nowhere", 2, types.TextDocumentContentChangeWholeDocument("x"))
            with pytest.raises(JsonRpcMethodNotFound):
                await editor.protocol.send_request_async("plan/sing", {})
            editor.open("untitled:plan", "x = f(\n")
            options = types.FormattingOptions(4, True)
            document = types.TextDocumentIdentifier("untitled:plan")
            formatting = types.DocumentFormattingParams(document, options)
            assert await editor.text_document_formatting_async(formatting) is None
            far = types.HoverParams(document, types.Position(2**31 - 1, 2**31 - 1))
            assert await editor.text_document_hover_async(far) is None
            assert await editor.leave() == 0

    run(session)


# In bytes.


def message(**fields: Any) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", **fields}).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def start(*options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*SERVER, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


INITIALIZE = message(id=1, method="initialize", params={"processId": None, "rootUri": None, "capabilities": {}})


def answers(sent: bytes) -> tuple[list[dict[str, Any]], int]:
    """What a server says to some bytes, and how it ends after them."""
    server = start()
    out, _ = server.communicate(sent, timeout=PATIENCE_S)
    found = []
    while out:
        header, _, rest = out.partition(b"\r\n\r\n")
        length = int(header.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
        found.append(json.loads(rest[:length]))
        out = rest[length:]
    return found, server.returncode


def test_malformed_messages_are_answered_and_the_next_one_too() -> None:
    no_json = b"Content-Length: 5\r\n\r\n{nope"
    no_sense = message(id=2, method="textDocument/hover", params={"position": "here"})
    odd = b"Content-Length: 2\r\n\r\n[]" + message(method="plan/sing") + message(id=99, result=None)
    hover = {"textDocument": {"uri": "x:y"}, "position": {"line": 0, "character": 0}}
    sent = INITIALIZE + no_json + no_sense + odd + message(id=3, method="textDocument/hover", params=hover)
    found, code = answers(sent + message(id=4, method="shutdown") + message(method="exit"))
    by_id = {answer.get("id"): answer for answer in found if "method" not in answer}
    assert by_id[1]["result"]["capabilities"]["textDocumentSync"]["change"] == 2
    assert by_id[None]["error"]["code"] == -32700
    assert by_id[2]["error"]["code"] == -32602
    assert by_id[3]["result"] is None
    assert by_id[4]["result"] is None
    assert code == 0


@pytest.mark.parametrize("sent", [b"", INITIALIZE, INITIALIZE + message(method="exit"), INITIALIZE[:40]])
def test_a_client_that_just_leaves_takes_the_server_with_it(sent: bytes) -> None:
    assert answers(sent)[1] == 1


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_that_is_killed_is_gone(number: signal.Signals) -> None:
    server = start()
    assert server.stdin is not None and server.stdout is not None
    with server:
        server.stdin.write(INITIALIZE)
        server.stdin.flush()
        assert server.stdout.readline().startswith(b"Content-Length")
        server.send_signal(number)
        assert server.wait(PATIENCE_S) == -number


def test_without_pygls_the_extra_is_named(tmp_path: Path) -> None:
    hidden = "import sys; sys.modules['pygls'] = None; import llmcc.driver.cli as c; c.main(['lsp'])"
    done = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 1
    assert done.stderr == "error: the language server needs pygls: pip install 'llmcc-toolchain[lsp]'\n"
    assert done.stdout == ""

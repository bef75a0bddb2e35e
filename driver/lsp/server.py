"""The language server: the protocol's requests, answered from what we know of the document."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

import llmcc
from llmcc.driver.lsp import convert
from llmcc.driver.lsp.analysis import Analysis
from llmcc.driver.lsp.protocol import Protocol
from llmcc.driver.lsp.text import Text
from llmcc.driver.lsp.toolboxes import Toolboxes, Tools

#: How long the writer has to pause before the plan is looked at again, in seconds.
PAUSE_S = 0.1
#: The protocol's code for a message that is no JSON.
PARSE_ERROR = -32700


class Document:
    """An open plan; it is analysed when somebody asks, and again only if it or its tools have changed."""

    def __init__(self, path: Path | None, text: Text, version: int) -> None:
        self.path = path
        self.text = text
        self.version = version
        self.later: asyncio.TimerHandle | None = None
        self._known: tuple[Text, Tools, Analysis] | None = None

    def look(self, toolboxes: Toolboxes, dialect: str) -> tuple[Tools, Analysis]:
        """The plan's tools, and what is known of it."""
        tools = toolboxes.find(self.text.line(1), self.path)
        if self._known is None or self._known[0] is not self.text or self._known[1] != tools:
            self._known = self.text, tools, Analysis(self.text.source, tools.signatures, dialect)
        return tools, self._known[2]


class PlanServer(LanguageServer):
    """Serves plans of one dialect. `option` and `catalog` are the files of the command line, if there are any."""

    def __init__(self, option: str | None, dialect: str, catalog: str | None = None) -> None:
        super().__init__("llmcc", llmcc.__version__, protocol_cls=Protocol)
        self.toolboxes = Toolboxes(option, catalog)
        self.dialect = dialect
        self.documents: dict[str, Document] = {}
        #: Whether the client has asked for the end; if it just leaves, that is an error.
        self.asked_to_end = False

    def opened(self, params: types.DidOpenTextDocumentParams) -> None:
        """Takes a document in, and says what is wrong with it."""
        given = params.text_document
        path = to_fs_path(given.uri) if given.uri.startswith("file:") else None
        text = Text(given.text, str(types.PositionEncodingKind(self.workspace.position_encoding or "utf-16").value))
        self.documents[given.uri] = Document(None if path is None else Path(path), text, given.version)
        self.publish(given.uri)

    def changed(self, params: types.DidChangeTextDocumentParams) -> None:
        """Follows the writer; says what is wrong as soon as they pause."""
        uri = params.text_document.uri
        document = self.documents.get(uri)
        if document is None:
            return
        for change in params.content_changes:
            if isinstance(change, types.TextDocumentContentChangePartial):
                start, end = convert.place(change.range.start), convert.place(change.range.end)
                document.text = document.text.replace(start, end, change.text)
            else:
                document.text = Text(change.text, document.text.encoding)
        document.version = params.text_document.version
        if document.later is not None:
            document.later.cancel()
        document.later = asyncio.get_running_loop().call_later(PAUSE_S, self.publish, uri)

    def closed(self, params: types.DidCloseTextDocumentParams) -> None:
        """Forgets a document, and takes back what was said about it."""
        document = self.documents.pop(params.text_document.uri, None)
        if document is not None and document.later is not None:
            document.later.cancel()
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(params.text_document.uri, []))

    def publish(self, uri: str) -> None:
        """Says what is wrong with a document."""
        document = self.documents[uri]
        tools, analysis = document.look(self.toolboxes, self.dialect)
        found = convert.diagnostics(document.text, analysis.diagnostics, tools)
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, found, document.version))

    def publish_all(self) -> None:
        """Says what is wrong with every document, after something around them has changed."""
        for uri in [*self.documents]:
            self.publish(uri)

    def configure(self, settings: Any) -> None:
        """Takes over the editor's settings, `{"tools": FILE}`, perhaps within `{"llmcc": ...}`."""
        if isinstance(settings, dict) and "llmcc" in settings:
            settings = settings["llmcc"]
        tools = settings.get("tools") if isinstance(settings, dict) else None
        if tools is not None and not isinstance(tools, str):
            message = "llmcc: the setting `llmcc.tools` is the path of a tools.json or tools.py"
            self.window_show_message(types.ShowMessageParams(types.MessageType.Error, message))
            return
        self.toolboxes.setting = tools or None

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Answers what is no JSON, as the protocol wants it; shows every other error that has no request."""
        if source is JsonRpcException and isinstance(error, ValueError):
            answer = types.ResponseError(PARSE_ERROR, f"the message is no JSON: {error}")
            self.protocol._send_response(None, error=answer)  # type: ignore[arg-type]  # the id is not known
            return
        super().report_server_error(error, source)

"""What we do differently from pygls: our own documents, and an answer to every request, however malformed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.protocol import LanguageServerProtocol, lsp_method
from pygls.protocol.json_rpc import JsonRPCNotification

if TYPE_CHECKING:
    from llmcc.driver.lsp.server import PlanServer


class Protocol(LanguageServerProtocol):
    """The protocol's messages, as pygls reads them.

    pygls cuts texts into lines where Python does, also at form feeds and U+2028, which neither the protocol nor a plan
    takes for the end of a line. So the documents are kept by the server, and pygls has none.
    """

    _server: PlanServer

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        """A document is opened."""
        self._server.opened(params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        """A document is changed."""
        self._server.changed(params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        """A document is closed."""
        self._server.closed(params)

    def structure_message(self, data: dict[str, Any]) -> Any:
        """A message as an object. A request that makes no sense is answered here, and nothing more comes of it."""
        try:
            return super().structure_message(data)
        except JsonRpcException as error:
            if "id" not in data or "method" not in data:
                raise
            self._send_response(data["id"], error=error.to_response_error())
            # A notification that nobody handles.
            return JsonRPCNotification(method="$/answered", params=None, jsonrpc=self.VERSION)

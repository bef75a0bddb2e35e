"""The requests that the server answers, one function each."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from lsprotocol import types
from pygls.uris import to_fs_path

from llmcc.driver.lsp import convert
from llmcc.driver.lsp.analysis import Analysis
from llmcc.driver.lsp.call_help import call_help
from llmcc.driver.lsp.complete import complete
from llmcc.driver.lsp.edits import actions, formatting
from llmcc.driver.lsp.hover import hover
from llmcc.driver.lsp.server import PlanServer
from llmcc.driver.lsp.text import Text


def create_server(option: str | None = None, dialect: str = "native", catalog: str | None = None) -> PlanServer:
    """A server that knows all requests; see `PlanServer`."""
    server = PlanServer(option, dialect, catalog)
    server.feature(types.INITIALIZE)(_initialize)
    server.feature(types.INITIALIZED)(_initialized)
    server.feature(types.SHUTDOWN)(_shutdown)
    server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)(_settings_changed)
    server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)(_files_changed)
    server.feature(types.TEXT_DOCUMENT_DID_SAVE)(_saved)
    server.feature(types.TEXT_DOCUMENT_HOVER)(_hover)
    server.feature(
        types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=[".", "(", '"', "'", "$", "{", "="])
    )(_completion)
    server.feature(types.TEXT_DOCUMENT_SIGNATURE_HELP, types.SignatureHelpOptions(trigger_characters=["(", ",", "="]))(
        _signature_help
    )
    server.feature(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions([types.CodeActionKind.QuickFix]))(_actions)
    server.feature(types.TEXT_DOCUMENT_FORMATTING)(_formatting)
    return server


def _initialize(server: PlanServer, params: types.InitializeParams) -> None:
    folders = params.workspace_folders or []
    root = to_fs_path(folders[0].uri if folders else params.root_uri or "")
    server.toolboxes.root = Path(root) if root else None
    server.configure(params.initialization_options)


async def _initialized(server: PlanServer, _: types.InitializedParams) -> None:
    workspace = server.client_capabilities.workspace
    watching = workspace.did_change_watched_files if workspace is not None else None
    if watching is not None and watching.dynamic_registration:
        await server.client_register_capability_async(types.RegistrationParams([_watch()]))
    await _pull_settings(server)


def _watch() -> types.Registration:
    """Asks for word of every file that may hold tools, or say what they do."""
    patterns = [types.FileSystemWatcher(f"**/*.{end}") for end in ("json", "py", "toml")]
    options = types.DidChangeWatchedFilesRegistrationOptions(patterns)
    return types.Registration("llmcc-tools", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)


async def _pull_settings(server: PlanServer) -> bool:
    """Asks the editor for its settings, if it can be asked; whether it could."""
    workspace = server.client_capabilities.workspace
    if workspace is None or not workspace.configuration:
        return False
    wanted = types.ConfigurationParams([types.ConfigurationItem(section="llmcc")])
    found = await server.workspace_configuration_async(wanted)
    # Editors answer null where the user has set nothing; what came with `initialize` stays.
    if found and found[0] is not None:
        server.configure(found[0])
        server.publish_all()
    return True


async def _settings_changed(server: PlanServer, params: types.DidChangeConfigurationParams) -> None:
    if params.settings is None or not await _pull_settings(server):
        server.configure(params.settings)
    server.publish_all()


def _files_changed(server: PlanServer, _: types.DidChangeWatchedFilesParams) -> None:
    server.publish_all()


def _saved(server: PlanServer, _: types.DidSaveTextDocumentParams) -> None:
    server.publish_all()


def _shutdown(server: PlanServer, _: Any) -> None:
    server.asked_to_end = True


class _Pointed(NamedTuple):
    """A place in a document, counted as the plan's spans count, and what the compiler finds in that document."""

    analysis: Analysis
    text: Text
    line: int
    column: int

    @property
    def content(self) -> str:
        return self.text.line(self.line)


def _pointed(
    server: PlanServer, params: types.HoverParams | types.CompletionParams | types.SignatureHelpParams
) -> _Pointed | None:
    document = server.documents.get(params.text_document.uri)
    if document is None:
        return None
    _, analysis = document.look(server.toolboxes, server.dialect)
    line, column = document.text.place(*convert.place(params.position))
    return _Pointed(analysis, document.text, line, column - 1)


def _hover(server: PlanServer, params: types.HoverParams) -> types.Hover | None:
    at = _pointed(server, params)
    if at is None:
        return None
    found = hover(at.analysis, at.content, at.line, at.column)
    return None if found is None else convert.hover(at.text, at.line, found)


def _completion(server: PlanServer, params: types.CompletionParams) -> list[types.CompletionItem]:
    at = _pointed(server, params)
    if at is None:
        return []
    return convert.completion(at.text, at.line, complete(at.analysis, at.content, at.line, at.column))


def _signature_help(server: PlanServer, params: types.SignatureHelpParams) -> types.SignatureHelp | None:
    at = _pointed(server, params)
    found = None if at is None else call_help(at.analysis, at.content, at.column)
    return None if found is None else convert.signature_help(found)


def _actions(server: PlanServer, params: types.CodeActionParams) -> list[types.CodeAction]:
    document = server.documents.get(params.text_document.uri)
    # A kind includes its sub-kinds: "" is all, `quickfix.x` is none of ours.
    only = params.context.only
    if document is None or (only is not None and not {"", types.CodeActionKind.QuickFix} & set(only)):
        return []
    _, analysis = document.look(server.toolboxes, server.dialect)
    start, end = convert.place(params.range.start), convert.place(params.range.end)
    return [
        types.CodeAction(
            title=action.title,
            kind=types.CodeActionKind.QuickFix,
            diagnostics=[convert.diagnostic(document.text, action.diagnostic)],
            is_preferred=action.sure,
            edit=types.WorkspaceEdit(changes={params.text_document.uri: convert.edits(action.changes)}),
        )
        for action in actions(document.text, analysis.diagnostics, start, end)
    ]


def _formatting(server: PlanServer, params: types.DocumentFormattingParams) -> list[types.TextEdit] | None:
    document = server.documents.get(params.text_document.uri)
    changes = None if document is None else formatting(document.text, server.dialect)
    return None if changes is None else convert.edits(changes)

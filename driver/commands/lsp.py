"""`llmcc lsp`: the language server, for editors."""

from __future__ import annotations

import os
import sys

import click

from llmcc.driver.commands.common import UserError, catalog_option, dialect_option, tools_option


@click.command("lsp")
@tools_option
@catalog_option
@dialect_option
def command(tools: str | None, catalog: str | None, dialect: str) -> int:
    """Serve an editor over standard input and output (the Language Server Protocol).

    Tools come from the first line of a plan (`# tools: FILE.json`), else from the editor's setting `llmcc.tools`, else
    from --tools. What --catalog says of tools holds wherever they come from.
    """
    try:
        from llmcc.driver.lsp.requests import create_server
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        raise UserError("the language server needs pygls: pip install 'llmcc-toolchain[lsp]'") from None
    server = create_server(tools, dialect, catalog)
    # A tools.py may print, or read from the terminal: the editor's channel is kept out of its reach.
    channel_in, channel_out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(sys.stderr.fileno(), 1)
    server.start_io(channel_in, channel_out)
    return 0 if server.asked_to_end else 1

"""Two look-ups at once, in the syntax of the paper's planner: `--dialect llmcompiler`."""

import trio

import llmcc

PAGES = {
    "scott derrickson": "Scott Derrickson is an American film director.",
    "ed wood": "Ed Wood was an American filmmaker.",
}


@llmcc.tool(effect="read", resource="encyclopedia", latency="50ms", timeout="5s")
async def search(query: str) -> str:
    """Find the page that a query is about.

    Args:
        query: a name and what you want to know of it
    """
    await trio.sleep(0.05)
    for title, text in PAGES.items():
        if title in query.lower():
            return text
    raise llmcc.ToolInputError(f"no page matches {query!r}")

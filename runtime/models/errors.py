"""The ways in which a model can fail, each with its own class, all of them `ModelError`."""

from __future__ import annotations

from llmcc.ir.errors import LlmccError


class ModelError(LlmccError):
    """A model could not answer; the text says why and what to do. Nothing of it holds a key."""


class ModelUnavailable(ModelError):
    """There is no such model here: a package or a file is missing, or the server cannot be reached."""


class ServerFault(ModelUnavailable):
    """The server failed while it worked on the request (HTTP 500 and above), and did so again when asked again."""


class ModelRefused(ModelError):
    """The model's side looked at the request and refused it: bad credentials, unknown model, malformed request."""


class ContextTooLong(ModelError):
    """The request does not fit into the model's context."""


class GrammarError(ModelError):
    """The decoder refuses a grammar, or finds no way on in it.

    What was generated ends there: an unconstrained answer is never passed off as a plan. `requests` says how many it
    took a server to refuse; 0: it had begun to answer.
    """

    def __init__(self, message: str, requests: int = 0) -> None:
        super().__init__(message)
        self.requests = requests


class StreamBroken(ModelError):
    """The answer stopped before its end: the connection broke or the server sent something unreadable."""

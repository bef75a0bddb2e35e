"""What can be told before anything is generated: how long a text is, and whether a decoder takes a grammar.

llama.cpp goes on without a grammar that it cannot read, so it is asked first.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llmcc.runtime.models.errors import GrammarError, ModelUnavailable
from llmcc.runtime.models.extras import require
from llmcc.runtime.models.llama_library import forget_errors, llama_library, logged_errors


def check_llguidance(grammar: str) -> None:
    """Has llguidance judge a grammar in its notation (hosted models' servers use the same library).

    Raises:
        GrammarError: it is refused.
        ModelUnavailable: llguidance is not installed.
    """
    matcher = require("llguidance", "local").LLMatcher
    reason = matcher.validate_grammar(matcher.grammar_from_lark(grammar))
    if reason:
        raise GrammarError(f"llguidance refuses the grammar: {reason.splitlines()[0]}")


def check_gbnf(grammar: str, model: Path) -> None:
    """Has llama.cpp read a grammar in GBNF, with the vocabulary of a model's file.

    Raises:
        GrammarError: it is refused.
        ModelUnavailable: llama_cpp is not installed, or the file is no model.
    """
    with vocabulary(model) as (library, vocab), gbnf_sampler(library, vocab, grammar):
        pass


@contextmanager
def vocabulary(model: Path) -> Iterator[tuple[Any, Any]]:
    """llama_cpp and the vocabulary of a model's file, whose weights are not read."""
    library = llama_library()
    forget_errors()
    params = library.llama_model_default_params()
    params.vocab_only = True
    loaded = library.llama_model_load_from_file(str(model).encode(), params)
    if not loaded:
        raise ModelUnavailable(f"cannot read the vocabulary of {model}: {logged_errors()}")
    try:
        yield library, library.llama_model_get_vocab(loaded)
    finally:
        library.llama_model_free(loaded)


@contextmanager
def gbnf_sampler(library: Any, vocab: Any, grammar: str) -> Iterator[Any]:
    """llama.cpp's sampler for a grammar.

    Raises:
        GrammarError: it is refused.
    """
    forget_errors()
    sampler = library.llama_sampler_init_grammar(vocab, grammar.encode(), b"root")
    if not ctypes.cast(sampler, ctypes.c_void_p).value:
        raise GrammarError(f"llama.cpp refuses the grammar: {logged_errors()}")
    try:
        yield sampler
    finally:
        library.llama_sampler_free(sampler)


def count_tokens(text: str, model: Path) -> int:
    """How many tokens a text is for a model's file.

    Raises:
        ModelUnavailable: llama_cpp is not installed, or the file is no model.
    """
    data = text.encode()
    with vocabulary(model) as (library, vocab):
        # With no room given, the answer is the number of tokens that there is no room for.
        return -int(library.llama_tokenize(vocab, data, len(data), None, 0, False, False))

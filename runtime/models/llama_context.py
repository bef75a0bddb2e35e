"""llama.cpp for one sequence of tokens: load a model, tokenize, decode, remember, abort. No threads, no text logic."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmcc.runtime.models.errors import ModelError, ModelUnavailable
from llmcc.runtime.models.extras import require
from llmcc.runtime.models.llama_library import Aborted, forget_errors, llama_library, logged_errors

_BATCH = 512
_ABORTED = 2


class LlamaContext:
    """A loaded model and the memory of one token sequence (`length` tokens of it are decoded).

    One thread uses it at a time; only `abort` may be called from another.
    """

    def __init__(self, path: Path, *, n_ctx: int, threads: int) -> None:
        """Loads the model file; `n_ctx` is cut to what the model was trained for.

        Raises:
            ModelUnavailable: a package is missing, or llama.cpp cannot load the file.
        """
        self._llama = llama_library()
        self._model = self._load_model(path)
        self.vocab = self._llama.llama_model_get_vocab(self._model)
        self.n_vocab: int = self._llama.llama_vocab_n_tokens(self.vocab)
        self.n_ctx: int = min(n_ctx, self._llama.llama_model_n_ctx_train(self._model))
        self._context = self._load_context(threads, path)
        self._memory = self._llama.llama_get_memory(self._context)
        self._batch = self._llama.llama_batch_init(_BATCH, 0, 1)
        self._remembered: list[int] = []
        self._flag = self._make_abort_flag()
        self._matcher_tokenizer: Any = None
        tokens = range(self.n_vocab)
        self.end_tokens = frozenset(token for token in tokens if self._llama.llama_vocab_is_eog(self.vocab, token))

    @property
    def length(self) -> int:
        """How many tokens the memory holds."""
        return len(self._remembered)

    def tokenize(self, text: str, *, special: bool = False, start: bool = False) -> list[int]:
        """The tokens of `text`.

        `special` reads control tokens that are written out in it, `start` adds the model's begin token, if it has one.
        """
        data = text.encode("utf-8", "replace")
        size = len(data) + 2
        tokens = (ctypes.c_int32 * size)()
        count = self._llama.llama_tokenize(self.vocab, data, len(data), tokens, size, start, special)
        if count < 0:
            raise ModelError(f"llama.cpp cannot tokenize a text of {len(data)} bytes (code {count})")
        return list(tokens[:count])

    def piece(self, token: int, *, special: bool = False) -> bytes:
        """The bytes of a token; a control token has none unless `special`."""
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            count: int = self._llama.llama_token_to_piece(self.vocab, token, buffer, size, 0, special)
            if count >= 0:
                return buffer.raw[:count]
            size = -count

    def border_texts(self) -> tuple[str, str]:
        """How the tokens that begin and end a text are written; empty where the model has none."""
        tokens = (self._llama.llama_vocab_bos(self.vocab), self._llama.llama_vocab_eos(self.vocab))
        begin, end = (self.piece(token, special=True) if token >= 0 else b"" for token in tokens)
        return begin.decode("utf-8", "replace"), end.decode("utf-8", "replace")

    def chat_template(self) -> str | None:
        """The template (Jinja) that the model file holds for chats, if any."""
        template: bytes | None = self._llama.llama_model_chat_template(self._model, None)
        return template.decode("utf-8", "replace") if template else None

    def reuse(self, prompt: Sequence[int]) -> int:
        """Keeps the memory's common beginning with `prompt`, drops the rest; returns how many tokens need no decoding.

        At least the last token of `prompt` is left to decode, because its logits are wanted.
        """
        limit = min(len(prompt) - 1, self.length)
        common = next((at for at in range(limit) if prompt[at] != self._remembered[at]), limit)
        self._truncate(common)
        return self.length

    def decode(self, tokens: Sequence[int]) -> None:
        """Appends `tokens` to the memory; afterwards `logits` are those that follow the last one.

        Raises:
            Aborted: `abort` was called; the memory is as before the batch in which that happened.
            ModelError: llama.cpp failed.
        """
        for at in range(0, len(tokens), _BATCH):
            self.check()
            self._decode_batch(tokens[at : at + _BATCH])

    def logits(self) -> NDArray[np.float32]:
        """The scores of all tokens for the next place; valid until the next `decode`."""
        pointer = self._llama.llama_get_logits_ith(self._context, -1)
        return np.ctypeslib.as_array(pointer, shape=(self.n_vocab,))

    def matcher_tokenizer(self) -> Any:
        """The vocabulary as llguidance wants it; made at the first call (0.3 s and more)."""
        if self._matcher_tokenizer is None:
            self._matcher_tokenizer = require("llguidance", "local").LLTokenizer.from_llamacpp(
                tokens=[self._marked_piece(token) for token in range(self.n_vocab)],
                vocab_ptr=self.vocab,
                tokenize_fptr=ctypes.cast(self._llama.llama_tokenize, ctypes.c_void_p).value,
                eos_token=sorted(self.end_tokens),
                slices=None,
            )
        return self._matcher_tokenizer

    def abort(self) -> None:
        """Ends the current and every following decode with `Aborted`, until `resume`. Any thread may call this."""
        self._flag[0] = b"\1"

    def resume(self) -> None:
        """Takes an `abort` back."""
        self._flag[0] = b"\0"

    def check(self) -> None:
        """Raises `Aborted` if `abort` was called."""
        if self._flag[0] != b"\0":
            raise Aborted

    def close(self) -> None:
        """Frees everything; nothing else may be called afterwards."""
        self._matcher_tokenizer = None
        self._llama.llama_batch_free(self._batch)
        self._llama.llama_free(self._context)
        self._llama.llama_model_free(self._model)

    def _load_model(self, path: Path) -> Any:
        options = self._llama.llama_model_default_params()
        # llama.cpp's AMX code crashes the process when gcc compiled it (the compiler drops the stores into the tile
        # configuration). It is reached only through these buffers.
        options.use_extra_bufts = b"AMX_INT8 = 1" not in self._llama.llama_print_system_info()
        forget_errors()
        model = self._llama.llama_model_load_from_file(os.fsencode(path), options)
        if not model:
            raise ModelUnavailable(f"llama.cpp cannot load `{path}`: {logged_errors()}")
        return model

    def _load_context(self, threads: int, path: Path) -> Any:
        options = self._llama.llama_context_default_params()
        options.n_ctx, options.n_batch, options.n_ubatch = self.n_ctx, _BATCH, _BATCH
        options.n_threads = options.n_threads_batch = threads
        forget_errors()
        context = self._llama.llama_init_from_model(self._model, options)
        if not context:
            self._llama.llama_model_free(self._model)
            reason = logged_errors()
            raise ModelUnavailable(f"llama.cpp cannot make a context of {self.n_ctx} tokens for `{path}`: {reason}")
        return context

    def _make_abort_flag(self) -> Any:
        """Two bytes that llama.cpp looks at between operations: a text, empty for "go on".

        The callback is the C library's `strlen`, not a Python function: that would have to take the interpreter's lock
        a thousand times a token, and a busy Python thread would slow the decoding down fifty times.
        """
        flag = ctypes.create_string_buffer(2)
        library = ctypes.CDLL(None if os.name == "posix" else "msvcrt")
        self._abort_callback = ctypes.cast(library.strlen, self._llama.ggml_abort_callback)
        address = ctypes.cast(flag, ctypes.c_void_p)
        self._llama.llama_set_abort_callback(self._context, self._abort_callback, address)
        return flag

    def _marked_piece(self, token: int) -> bytes:
        """The bytes of a token for llguidance: those that are no text begin with 0xff, which no text does."""
        piece = self.piece(token, special=True)
        kind = self._llama.llama_vocab_get_attr(self.vocab, token)
        is_control = kind & self._llama.LLAMA_TOKEN_ATTR_CONTROL
        looks_like_control = piece.startswith(b"<") and piece.endswith(b">")
        if is_control or (kind & self._llama.LLAMA_TOKEN_ATTR_USER_DEFINED and looks_like_control):
            return b"\xff" + piece
        return piece

    def _decode_batch(self, tokens: Sequence[int]) -> None:
        batch, last = self._batch, len(tokens) - 1
        batch.n_tokens = len(tokens)
        for index, token in enumerate(tokens):
            batch.token[index], batch.pos[index] = token, self.length + index
            batch.n_seq_id[index], batch.seq_id[index][0] = 1, 0
            batch.logits[index] = index == last
        code = self._llama.llama_decode(self._context, batch)
        if code == 0:
            self._remembered += tokens
            return
        self._truncate(self.length)  # parts of the batch may have been stored
        if code == _ABORTED:
            raise Aborted
        raise ModelError(f"llama.cpp failed to decode {len(tokens)} tokens (code {code})")

    def _truncate(self, length: int) -> None:
        """Forgets all but the first `length` tokens (all, where the model cannot forget a part)."""
        if not self._llama.llama_memory_seq_rm(self._memory, 0, length, -1):
            self._llama.llama_memory_clear(self._memory, True)
            length = 0
        del self._remembered[length:]

"""A model's file by llama.cpp: its vocabulary, its template, how it turns texts into tokens and back. No decoding."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

from llmcc.runtime.models.errors import ModelError, ModelUnavailable
from llmcc.runtime.models.extras import require
from llmcc.runtime.models.llama_library import forget_errors, llama_library, logged_errors


class LlamaModel:
    """A loaded model; one thread uses it at a time."""

    def __init__(self, path: Path) -> None:
        """Loads the file.

        Raises:
            ModelUnavailable: a package is missing, or llama.cpp cannot load the file.
        """
        self.path = path
        self.library = llama_library()
        self.handle = self._load(path)
        self.vocab = self.library.llama_model_get_vocab(self.handle)
        self.n_vocab: int = self.library.llama_vocab_n_tokens(self.vocab)
        self.n_trained: int = self.library.llama_model_n_ctx_train(self.handle)
        #: The adapter that is used with the model, if one is.
        self.adapter: Any = None
        self._matcher_tokenizer: Any = None
        tokens = range(self.n_vocab)
        self.end_tokens = frozenset(token for token in tokens if self.library.llama_vocab_is_eog(self.vocab, token))

    @property
    def rewinds(self) -> bool:
        """True if the end of a sequence can be forgotten and its beginning shared; recurrent models cannot."""
        recurrent, hybrid = self.library.llama_model_is_recurrent, self.library.llama_model_is_hybrid
        return not (recurrent(self.handle) or hybrid(self.handle))

    def tokenize(self, text: str, *, special: bool = False, start: bool = False) -> list[int]:
        """The tokens of `text`.

        `special` reads control tokens that are written out in it, `start` adds the model's begin token, if it has one.
        """
        data = text.encode("utf-8", "replace")
        size = len(data) + 2
        tokens = (ctypes.c_int32 * size)()
        count = self.library.llama_tokenize(self.vocab, data, len(data), tokens, size, start, special)
        if count < 0:
            raise ModelError(f"llama.cpp cannot tokenize a text of {len(data)} bytes (code {count})")
        return list(tokens[:count])

    def piece(self, token: int, *, special: bool = False) -> bytes:
        """The bytes of a token; a control token has none unless `special`."""
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            count: int = self.library.llama_token_to_piece(self.vocab, token, buffer, size, 0, special)
            if count >= 0:
                return buffer.raw[:count]
            size = -count

    def border_texts(self) -> tuple[str, str]:
        """How the tokens that begin and end a text are written; empty where the model has none."""
        tokens = (self.library.llama_vocab_bos(self.vocab), self.library.llama_vocab_eos(self.vocab))
        begin, end = (self.piece(token, special=True) if token >= 0 else b"" for token in tokens)
        return begin.decode("utf-8", "replace"), end.decode("utf-8", "replace")

    def chat_template(self) -> str | None:
        """The template (Jinja) that the model file holds for chats, if any."""
        template: bytes | None = self.library.llama_model_chat_template(self.handle, None)
        return template.decode("utf-8", "replace") if template else None

    def matcher_tokenizer(self) -> Any:
        """The vocabulary as llguidance wants it; made at the first call (0.3 s and more)."""
        if self._matcher_tokenizer is None:
            self._matcher_tokenizer = require("llguidance", "local").LLTokenizer.from_llamacpp(
                tokens=[self._marked_piece(token) for token in range(self.n_vocab)],
                vocab_ptr=self.vocab,
                tokenize_fptr=ctypes.cast(self.library.llama_tokenize, ctypes.c_void_p).value,
                eos_token=sorted(self.end_tokens),
                slices=None,
            )
        return self._matcher_tokenizer

    def load_adapter(self, path: Path) -> None:
        """Loads an adapter, for the contexts that are made afterwards. It is freed with the model.

        Raises:
            ModelUnavailable: llama.cpp cannot load it, or it is for another model. The model was freed then.
        """
        forget_errors()
        self.adapter = self.library.llama_adapter_lora_init(self.handle, os.fsencode(path))
        if not self.adapter:
            reason = logged_errors()
            self.close()
            raise ModelUnavailable(f"llama.cpp cannot load the adapter `{path}` with `{self.path}`: {reason}")

    def close(self) -> None:
        """Frees the model; nothing else may be called afterwards."""
        self._matcher_tokenizer = None
        self.library.llama_model_free(self.handle)

    def _load(self, path: Path) -> Any:
        options = self.library.llama_model_default_params()
        # llama.cpp's AMX code crashes the process when gcc compiled it (the compiler drops the stores into the tile
        # configuration). It is reached only through these buffers.
        options.use_extra_bufts = b"AMX_INT8 = 1" not in self.library.llama_print_system_info()
        forget_errors()
        model = self.library.llama_model_load_from_file(os.fsencode(path), options)
        if not model:
            raise ModelUnavailable(f"llama.cpp cannot load `{path}`: {logged_errors()}")
        return model

    def _marked_piece(self, token: int) -> bytes:
        """The bytes of a token for llguidance: those that are no text begin with 0xff, which no text does."""
        piece = self.piece(token, special=True)
        kind = self.library.llama_vocab_get_attr(self.vocab, token)
        is_control = kind & self.library.LLAMA_TOKEN_ATTR_CONTROL
        looks_like_control = piece.startswith(b"<") and piece.endswith(b">")
        if is_control or (kind & self.library.LLAMA_TOKEN_ATTR_USER_DEFINED and looks_like_control):
            return b"\xff" + piece
        return piece

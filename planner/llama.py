"""llama.cpp for training and evaluation: a base with or without an adapter, its tokens, its logits, greedy plans.

llmcc's own engine serves requests; this one also gives the logits of every place, and takes adapters.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from llmcc.runtime.models.llama_files import default_model_path, requantize
from llmcc.runtime.models.llama_library import llama_library

_BATCH = 512
#: What the base can be requantized to.
QUANTIZATIONS = ("q4_0", "q8_0", "f16")


def base_model(quantization: str, folder: Path) -> Path:
    """The bundled model in another quantization, made once in `folder`; `as-is` is the file itself."""
    source = default_model_path()
    if quantization == "as-is":
        return source
    target = folder / f"{source.stem}.{quantization}.gguf"
    if not target.exists():
        requantize(source, target, quantization.upper())
    return target


class Decoder:
    """A loaded model, and the memory of one sequence of tokens.

    Args:
        model: a GGUF file.
        adapter: a low-rank adapter for it, as a GGUF file.
        threads: for all it does.
        n_ctx: the most tokens of a sequence.
        vocabulary_only: read no weights: only `tokenize` and `piece` work then.
    """

    def __init__(
        self,
        model: Path,
        adapter: Path | None = None,
        *,
        threads: int = 1,
        n_ctx: int = 4096,
        vocabulary_only: bool = False,
    ) -> None:
        self._lib = llama_library()
        options = self._lib.llama_model_default_params()
        options.vocab_only = vocabulary_only
        options.use_extra_bufts = b"AMX_INT8 = 1" not in self._lib.llama_print_system_info()  # see ADR 0006
        self._model = self._lib.llama_model_load_from_file(os.fsencode(model), options)
        if not self._model:
            raise RuntimeError(f"llama.cpp cannot load {model}")
        self.vocab = self._lib.llama_model_get_vocab(self._model)
        self.n_vocab: int = self._lib.llama_vocab_n_tokens(self.vocab)
        self.end: int = self._lib.llama_vocab_eos(self.vocab)
        self._context: Any = None
        self._held: list[int] = []
        self._matcher_tokenizer: Any = None
        if not vocabulary_only:
            self._open(threads, n_ctx)
            self._adapt(adapter)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._context is not None:
            self._lib.llama_batch_free(self._batch)
            self._lib.llama_free(self._context)
        self._lib.llama_model_free(self._model)

    def tokenize(self, text: str, *, start: bool = False) -> list[int]:
        """The tokens of a text; `start` adds the model's first token, if it has one."""
        data = text.encode()
        tokens = (ctypes.c_int32 * (len(data) + 2))()
        count = self._lib.llama_tokenize(self.vocab, data, len(data), tokens, len(tokens), start, False)
        return list(tokens[:count])

    def piece(self, token: int) -> bytes:
        """The bytes of a token."""
        buffer = ctypes.create_string_buffer(256)
        count: int = self._lib.llama_token_to_piece(self.vocab, token, buffer, 256, 0, False)
        return buffer.raw[: max(0, count)]

    def ends(self, token: int) -> bool:
        """Whether a token ends the answer."""
        return bool(self._lib.llama_vocab_is_eog(self.vocab, token))

    def read(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """The logits behind a sequence; what it shares with the one before is not decoded again."""
        limit = min(len(tokens) - 1, len(self._held))
        common = next((i for i in range(limit) if tokens[i] != self._held[i]), limit)
        self._forget(common)
        for at in range(common, len(tokens), _BATCH):
            self._decode(tokens[at : at + _BATCH], every=False)
        return self._logits(-1)

    def every_logit(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """The logits behind each token of a sequence of at most 512: one row for each."""
        self._forget(0)
        self._decode(tokens, every=True)
        return np.stack([self._logits(i).copy() for i in range(len(tokens))])

    def matcher_tokenizer(self) -> Any:
        """The vocabulary as llguidance wants it."""
        if self._matcher_tokenizer is None:
            from llguidance.llamacpp import lltokenizer_from_vocab

            self._matcher_tokenizer = lltokenizer_from_vocab(self.vocab)
        return self._matcher_tokenizer

    def _open(self, threads: int, n_ctx: int) -> None:
        options = self._lib.llama_context_default_params()
        options.n_ctx, options.n_batch, options.n_ubatch = n_ctx, _BATCH, _BATCH
        options.n_threads = options.n_threads_batch = threads
        self._context = self._lib.llama_init_from_model(self._model, options)
        self._memory = self._lib.llama_get_memory(self._context)
        self._batch = self._lib.llama_batch_init(_BATCH, 0, 1)

    def _adapt(self, adapter: Path | None) -> None:
        if adapter is None:
            return
        loaded = self._lib.llama_adapter_lora_init(self._model, os.fsencode(adapter))
        if not loaded:
            raise RuntimeError(f"llama.cpp cannot load the adapter {adapter}")
        adapters = (self._lib.llama_adapter_lora_p_ctypes * 1)(loaded)
        scales = (ctypes.c_float * 1)(1.0)
        if self._lib.llama_set_adapters_lora(self._context, adapters, 1, scales) != 0:
            raise RuntimeError(f"llama.cpp does not take the adapter {adapter}")

    def _forget(self, length: int) -> None:
        self._lib.llama_memory_seq_rm(self._memory, 0, length, -1)
        del self._held[length:]

    def _decode(self, tokens: Sequence[int], *, every: bool) -> None:
        batch, last = self._batch, len(tokens) - 1
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i] = token, len(self._held) + i
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
            batch.logits[i] = every or i == last
        code = self._lib.llama_decode(self._context, batch)
        if code != 0:
            raise RuntimeError(f"llama.cpp failed to decode {len(tokens)} tokens (code {code})")
        self._held += tokens

    def _logits(self, index: int) -> NDArray[np.float32]:
        pointer = self._lib.llama_get_logits_ith(self._context, index)
        return np.ctypeslib.as_array(pointer, shape=(self.n_vocab,))

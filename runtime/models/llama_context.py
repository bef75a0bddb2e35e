"""The memory of a model by llama.cpp, with many sequences in it: batches, orders, states, abort. It decides nothing."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmcc.runtime.models.engine.steps import Copy, Limits, Order, Step
from llmcc.runtime.models.errors import ModelError, ModelUnavailable
from llmcc.runtime.models.llama_library import Aborted, forget_errors, logged_errors
from llmcc.runtime.models.llama_model import LlamaModel

_ABORTED = 2
#: How many tokens of a batch llama.cpp puts through its operations at a time. In 512 at once it would compute a score
#: of attention for every pair of them, half of which are masked: 64 at a time read a prompt in a tenth less time. And
#: an operation, between two of which an abort is looked for, takes an eighth of the time.
PORTION = 64


class LlamaContext:
    """Does what a schedule says. One thread uses it at a time; only `abort` may be called from another."""

    def __init__(self, model: LlamaModel, limits: Limits, *, threads: int) -> None:
        """Takes the memory that `limits` asks for.

        Raises:
            ModelUnavailable: llama.cpp cannot make a context.
        """
        self.model = model
        self._llama = model.library
        self._limits = limits
        self._context = self._load_context(threads)
        self._memory = self._llama.llama_get_memory(self._context)
        self._batch = self._llama.llama_batch_init(limits.batch, 0, 1)
        self._flag = self._make_abort_flag()

    def do(self, orders: Iterable[Order]) -> None:
        """Changes which sequences hold which tokens; takes microseconds."""
        for order in orders:
            if isinstance(order, Copy):
                self._llama.llama_memory_seq_cp(self._memory, order.source, order.target, order.start, order.stop)
            else:
                self._llama.llama_memory_seq_rm(self._memory, order.sequence, order.length, -1)

    def decode(self, step: Step) -> None:
        """Decodes a batch, whose orders were done; afterwards there are `scores` for every row that chooses.

        Raises:
            Aborted: `abort` was called; parts of the batch may be in the memory.
            ModelError: llama.cpp failed; likewise.
        """
        if self._flag[0] != b"\0":
            raise Aborted
        code = self._llama.llama_decode(self._context, self._filled(step))
        if code == _ABORTED:
            raise Aborted
        if code != 0:
            raise ModelError(f"llama.cpp failed to decode {self._batch.n_tokens} tokens (code {code})")

    def scores(self, step: Step) -> list[NDArray[np.float32]]:
        """For each row that chooses, the scores of all tokens for its next place; valid until the next `decode`."""
        stops = np.cumsum([len(row.tokens) for row in step.rows]) - 1
        return [self._scores(int(stop)) for stop, row in zip(stops, step.rows, strict=True) if row.chooses]

    def state(self, sequence: int, length: int) -> bytes:
        """What the memory holds of the first `length` tokens of a sequence, for `load_state`."""
        alone = self._limits.sequences
        self._llama.llama_memory_seq_cp(self._memory, sequence, alone, 0, length)
        size = self._llama.llama_state_seq_get_size(self._context, alone)
        buffer = (ctypes.c_uint8 * size)()
        written: int = self._llama.llama_state_seq_get_data(self._context, buffer, size, alone)
        self._llama.llama_memory_seq_rm(self._memory, alone, 0, -1)
        return bytes(memoryview(buffer)[:written])

    def load_state(self, sequence: int, data: bytes) -> bool:
        """Puts what `state` gave into a sequence without tokens; False if llama.cpp does not take it."""
        buffer = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
        read: int = self._llama.llama_state_seq_set_data(self._context, buffer, len(data), sequence)
        return read == len(data)

    def abort(self) -> None:
        """Ends the current and every following decode with `Aborted`, until `resume`. Any thread may call this."""
        self._flag[0] = b"\1"

    def resume(self) -> None:
        """Takes an `abort` back."""
        self._flag[0] = b"\0"

    def close(self) -> None:
        """Frees everything, the model too; nothing else may be called afterwards."""
        self._llama.llama_batch_free(self._batch)
        self._llama.llama_free(self._context)
        self.model.close()

    def _load_context(self, threads: int) -> Any:
        options, limits = self._llama.llama_context_default_params(), self._limits
        options.n_ctx, options.n_batch, options.n_ubatch = limits.cells, limits.batch, min(limits.batch, PORTION)
        options.n_seq_max, options.kv_unified = limits.sequences + 1, True  # the last one is for states
        # On processors, flash attention takes three times as long as soon as several sequences write (0026).
        options.flash_attn_type = self._llama.LLAMA_FLASH_ATTN_TYPE_DISABLED
        options.n_threads = options.n_threads_batch = threads
        forget_errors()
        context = self._llama.llama_init_from_model(self.model.handle, options)
        if not context:
            reason, path = logged_errors(), self.model.path
            self.model.close()
            raise ModelUnavailable(f"llama.cpp cannot make a context of {limits.cells} tokens for `{path}`: {reason}")
        if self.model.adapter:
            self._adapt(context)
        return context

    def _adapt(self, context: Any) -> None:
        adapters, scales = (self._llama.llama_adapter_lora_p_ctypes * 1)(self.model.adapter), (ctypes.c_float * 1)(1.0)
        if self._llama.llama_set_adapters_lora(context, adapters, 1, scales) != 0:
            self._llama.llama_free(context)
            self.model.close()
            raise ModelUnavailable(f"llama.cpp does not use the adapter with `{self.model.path}`")

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

    def _filled(self, step: Step) -> Any:
        """The batch of a step."""
        batch, at = self._batch, 0
        for row in step.rows:
            for place, token in enumerate(row.tokens, row.start):
                batch.token[at], batch.pos[at] = token, place
                batch.n_seq_id[at], batch.seq_id[at][0] = 1, row.sequence
                batch.logits[at] = False
                at += 1
            batch.logits[at - 1] = row.chooses
        batch.n_tokens = at
        return batch

    def _scores(self, place: int) -> NDArray[np.float32]:
        pointer = self._llama.llama_get_logits_ith(self._context, place)
        return np.ctypeslib.as_array(pointer, shape=(self.model.n_vocab,))

"""A Llama in torch, whose base is frozen and whose linear layers have low-rank adapters.

The layout is that of GGUF files: queries and keys are permuted there, so that positions turn neighbouring pairs.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812  # as everybody calls it
from planner.train.weights import Config, read_gguf
from torch import Tensor, nn

#: The linear layers of a block by their GGUF names.
LINEAR = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
MOST_POSITIONS = 2048


class Adapted(nn.Module):  # type: ignore[misc]  # torch is not read: see pyproject.toml
    """A frozen linear layer and its adapter: `W x + scale * B (A x)`. `B` begins as zero: nothing changes at first."""

    def __init__(self, weight: Tensor, rank: int, scale: float) -> None:
        super().__init__()
        out, inside = weight.shape
        self.register_buffer("weight", weight, persistent=False)
        self.a = nn.Parameter(torch.randn(rank, inside) / math.sqrt(inside))
        self.b = nn.Parameter(torch.zeros(out, rank))
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        """The layer's output."""
        low = F.linear(x, self.a.to(x.dtype))
        return F.linear(x, self.weight) + F.linear(low, (self.b * self.scale).to(x.dtype))


class Block(nn.Module):  # type: ignore[misc]  # torch is not read: see pyproject.toml
    """One layer: attention over groups of queries, then a gated network."""

    def __init__(self, tensors: dict[str, Tensor], index: int, config: Config, rank: int, scale: float) -> None:
        super().__init__()
        self.config = config
        for name in ("attn_norm", "ffn_norm"):
            self.register_buffer(name, tensors[f"blk.{index}.{name}.weight"], persistent=False)
        for name in LINEAR:
            self.add_module(name, Adapted(tensors[f"blk.{index}.{name}.weight"], rank, scale))

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, bias: Tensor) -> Tensor:
        """The layer's output; `bias` is far below zero where a place may not look."""
        c = self.config
        batch, length, _ = x.shape
        h = _normed(x, self.attn_norm, c.eps)
        q = _turned(self.attn_q(h).view(batch, length, c.heads, c.head), cos, sin).transpose(1, 2)
        k = _turned(self.attn_k(h).view(batch, length, c.kv_heads, c.head), cos, sin).transpose(1, 2)
        v = self.attn_v(h).view(batch, length, c.kv_heads, c.head).transpose(1, 2)
        groups = c.heads // c.kv_heads
        k, v = k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)
        seen = _attended(q, k, v, bias)
        x = x + self.attn_output(seen.transpose(1, 2).reshape(batch, length, -1))
        h = _normed(x, self.ffn_norm, c.eps)
        out: Tensor = x + self.ffn_down(F.silu(self.ffn_gate(h)) * self.ffn_up(h))
        return out


class Llama(nn.Module):  # type: ignore[misc]  # torch is not read: see pyproject.toml
    """The model.

    Args:
        base: its GGUF file, of any quantization.
        rank: of the adapters.
        alpha: their strength; they count `alpha / rank` times.
        dtype: of the base and of what flows through it; adapters are kept as 32-bit floats.
        seed: for the adapters' first values.
    """

    def __init__(
        self, base: Path, *, rank: int = 32, alpha: float = 64.0, dtype: torch.dtype = torch.bfloat16, seed: int = 0
    ) -> None:
        super().__init__()
        torch.manual_seed(seed)
        read, self.config = read_gguf(base)
        tensors = {name: tensor.to(dtype) for name, tensor in read.items()}
        self.rank, self.alpha = rank, alpha
        self.register_buffer("embedding", tensors["token_embd.weight"], persistent=False)
        self.register_buffer("head", tensors.get("output.weight", tensors["token_embd.weight"]), persistent=False)
        self.register_buffer("norm", tensors["output_norm.weight"], persistent=False)
        blocks = [Block(tensors, i, self.config, rank, alpha / rank) for i in range(self.config.layers)]
        self.blocks = nn.ModuleList(blocks)
        pairs = torch.arange(0, self.config.head, 2).float() / self.config.head
        angles = torch.arange(MOST_POSITIONS).float()[:, None] * self.config.theta**-pairs
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, ids: Tensor, positions: Tensor, mask: Tensor, chosen: Tensor | None = None) -> Tensor:
        """Logits, of all places or of those that `chosen` (a mask of the batch) has."""
        x: Tensor = F.embedding(ids, self.embedding)
        cos, sin = (table[positions][:, :, None].to(x.dtype) for table in (self.cos, self.sin))
        bias = torch.zeros(mask.shape, dtype=x.dtype, device=x.device).masked_fill(~mask, -1e9)
        for block in self.blocks:
            x = block(x, cos, sin, bias)
        x = _normed(x, self.norm, self.config.eps)
        return F.linear(x if chosen is None else x[chosen], self.head)

    def adapters(self) -> dict[str, Tensor]:
        """The adapters by the names that GGUF has for them."""
        found: dict[str, Tensor] = {}
        for i, block in enumerate(self.blocks):
            for name in LINEAR:
                layer = getattr(block, name)
                found[f"blk.{i}.{name}.weight.lora_a"] = layer.a.detach()
                found[f"blk.{i}.{name}.weight.lora_b"] = layer.b.detach()
        return found


def causal(length: int, device: torch.device | None = None) -> Tensor:
    """The mask of one plain sequence."""
    return torch.ones(1, 1, length, length, dtype=torch.bool, device=device).tril()


def _normed(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    return F.rms_norm(x.float(), (x.shape[-1],), weight.float(), eps).to(x.dtype)


def _attended(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """What each place takes from those that it looks at."""
    if q.is_cuda:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
    # On processors the backward pass of the fused kernel takes twice the time of these two products.
    return torch.softmax((q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2) + bias, -1) @ v


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions on neighbouring pairs."""
    first, second = x[..., 0::2], x[..., 1::2]
    return torch.stack((first * cos - second * sin, first * sin + second * cos), -1).flatten(-2)

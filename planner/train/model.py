"""A Llama in torch, whose base is frozen and whose linear layers have low-rank adapters.

The layout is that of GGUF files: queries and keys are permuted there, so that positions turn neighbouring pairs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  # as everybody calls it
from planner.train.weights import Config, read_gguf
from torch import Tensor, nn

#: The linear layers of a block by their GGUF names.
LINEAR = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
#: Which of them have the same input.
JOINED = {
    "qkv": ("attn_q", "attn_k", "attn_v"),
    "out": ("attn_output",),
    "gate_up": ("ffn_gate", "ffn_up"),
    "down": ("ffn_down",),
}
MOST_POSITIONS = 2048
#: In so many parts attention is computed.
PARTS = 4


class Adapter(nn.Module):  # type: ignore[misc]  # torch is not read: see pyproject.toml
    """A low-rank change of a linear layer: `B (A x)`. `B` begins as zero: nothing changes at first."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        out, inside = weight.shape
        self.a = nn.Parameter(torch.randn(rank, inside) / math.sqrt(inside))
        self.b = nn.Parameter(torch.zeros(out, rank))


class Block(nn.Module):  # type: ignore[misc]  # torch is not read: see pyproject.toml
    """One layer. Weights that are applied to the same input are kept as one matrix: queries, keys, values; gate, up."""

    def __init__(self, tensors: dict[str, Tensor], index: int, config: Config, rank: int, scale: float) -> None:
        super().__init__()
        self.config, self.scale = config, scale
        weights = {name: tensors[f"blk.{index}.{name}.weight"] for name in (*LINEAR, "attn_norm", "ffn_norm")}
        self.register_buffer("attn_norm", weights["attn_norm"], persistent=False)
        self.register_buffer("ffn_norm", weights["ffn_norm"], persistent=False)
        for name, parts in JOINED.items():
            self.register_buffer(name, torch.cat([weights[part] for part in parts]), persistent=False)
        for name in LINEAR:
            self.add_module(name, Adapter(weights[name], rank))

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, bias: Tensor) -> Tensor:
        """The layer's output; `bias` is far below zero where a place may not look."""
        linear = []
        for name, parts in JOINED.items():
            down = torch.cat([getattr(self, part).a for part in parts]).to(x.dtype)
            up = [(getattr(self, part).b * self.scale).to(x.dtype) for part in parts]
            linear.append((getattr(self, name), down, up))
        return layer(x, self.attn_norm, self.ffn_norm, linear, cos, sin, bias, self.config)


def layer(
    x: Tensor,
    attn_norm: Tensor,
    ffn_norm: Tensor,
    linear: Sequence[tuple[Tensor, Tensor, Sequence[Tensor]]],
    cos: Tensor,
    sin: Tensor,
    bias: Tensor,
    c: Config,
) -> Tensor:
    """Attention over groups of queries, then a gated network; a function of its weights, so that it is compiled once.

    `linear` has for each of `JOINED` the weights, what adapters multiply with first, and then, part by part.
    """
    batch, length, width = x.shape
    q, k, v = _adapted(_normed(x, attn_norm, c.eps).view(-1, width), *linear[0])
    q = _turned(q.view(batch, length, c.heads, c.head), cos, sin)
    k = _turned(k.view(batch, length, c.kv_heads, c.head), cos, sin).transpose(1, 2)
    v = v.view(batch, length, c.kv_heads, c.head).transpose(1, 2)
    seen = _attended(q, k, v, bias)
    (o,) = _adapted(seen.reshape(-1, width), *linear[1])
    x = x + o.view(batch, length, width)
    gate, up = _adapted(_normed(x, ffn_norm, c.eps).view(-1, width), *linear[2])
    (down,) = _adapted(F.silu(gate) * up, *linear[3])
    return x + down.view(batch, length, width)


def _adapted(x: Tensor, weight: Tensor, down: Tensor, ups: Sequence[Tensor]) -> list[Tensor]:
    """What layers with the same input give: `x` (places, inside), their weights one below the other, their adapters."""
    whole: Tensor = Joint.apply(x, weight, down, *ups)
    return list(whole.split([up.shape[0] for up in ups], 1))


class Joint(torch.autograd.Function):  # type: ignore[misc]  # torch is not read: see pyproject.toml
    """`x W' + (x A') B'` as one product, of `[x, x A']` with `[W, B]`: small ones of rank 32 take as long as big ones.

    `W` is frozen, so nothing is computed for it on the way back.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, down: Tensor, *ups: Tensor) -> Tensor:
        """What all the layers give, side by side."""
        low = x @ down.t()
        both = torch.cat([weight, torch.block_diag(*ups)], 1)
        ctx.save_for_backward(x, low, both, down)
        ctx.sizes = [up.shape for up in ups]
        return torch.cat([x, low], 1) @ both.t()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """For `x`, `down` and `ups`."""
        (grad,) = grads
        x, low, both, down = ctx.saved_tensors
        back = grad @ both
        low_back = back[:, x.shape[1] :]
        outs, ranks = [out for out, _ in ctx.sizes], [rank for _, rank in ctx.sizes]
        parts = zip(grad.split(outs, 1), low.split(ranks, 1), strict=True)
        ups = [(lower.t() @ part).t() for part, lower in parts]
        return torch.addmm(back[:, : x.shape[1]], low_back, down), None, low_back.t() @ x, *ups


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
        bias = torch.zeros(mask.shape, dtype=torch.float32, device=x.device).masked_fill(~mask, -1e9)
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

    def take(self, adapters: Mapping[str, Tensor]) -> None:
        """Puts adapters in the place of its own, by the same names.

        Raises:
            ValueError: they are not for these layers, or of another rank.
        """
        own = self.adapters()
        if own.keys() != adapters.keys() or any(own[name].shape != adapters[name].shape for name in own):
            raise ValueError(
                f"these are not pairs of rank {self.rank} for all linear layers of {len(self.blocks)} blocks"
            )
        for name, values in own.items():
            values.copy_(adapters[name])


def causal(length: int, device: torch.device | None = None) -> Tensor:
    """The mask of one plain sequence."""
    return torch.ones(1, 1, length, length, dtype=torch.bool, device=device).tril()


def _normed(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    wide = x.float()
    return (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + eps)).to(x.dtype) * weight


def _attended(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """What each place takes from those that it looks at.

    `q` is (batch, length, heads, head), `k` and `v` are (batch, kv heads, length, head); gives what `q` is.
    """
    batch, length, heads, head = q.shape
    kv = k.shape[1]
    if q.is_cuda:
        k, v = k.repeat_interleave(heads // kv, 1), v.repeat_interleave(heads // kv, 1)
        return F.scaled_dot_product_attention(q.transpose(1, 2), k, v, attn_mask=bias.to(q.dtype)).transpose(1, 2)
    # On processors the backward pass of the fused kernel takes twice the time of these products. A part of the places
    # looks no further than to its own end, which spares three eighths of them.
    grouped = q.view(batch, length, kv, heads // kv, head).permute(0, 2, 3, 1, 4) * head**-0.5
    k, v = k.reshape(batch * kv, length, head), v.reshape(batch * kv, length, head)
    part, seen = -(-length // PARTS), []
    for begin in range(0, length, part):
        end = min(begin + part, length)
        asked = grouped[:, :, :, begin:end].reshape(batch * kv, -1, head)
        scores = torch.bmm(asked, k[:, :end].transpose(1, 2)).view(batch, heads, end - begin, end)
        shares = torch.softmax(scores.float() + bias[:, :, begin:end, :end], -1).to(q.dtype)
        taken = torch.bmm(shares.view(batch * kv, -1, end), v[:, :end])
        seen.append(taken.view(batch, heads, end - begin, head))
    return torch.cat(seen, 2).transpose(1, 2)


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions on neighbouring pairs."""
    first, second = x[..., 0::2], x[..., 1::2]
    return torch.stack((first * cos - second * sin, first * sin + second * cos), -1).flatten(-2)

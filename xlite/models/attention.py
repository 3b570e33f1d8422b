"""Self-attention over the tokens of a feature map: exact (MHSA) and linear-time (Performer).

Beside them stands their control, which averages (MeanMixing).

B batch, T tokens, D channels, H heads, d = D / H channels of a head, M random features.
All three modules hold the same 4 D^2 + 3 D parameters: LayerNorm (2 D), qkv without bias (3 D^2)
and the output projection (D^2 + D). So a comparison between them is one of mechanism, not of size.
"""

from __future__ import annotations

import math
from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional

NUM_RANDOM_FEATURES = 256
"""M of the Performer: d log d = 266 for d = 64, Choromanski et al.'s rule, as a power of two."""


class MultiHeadSelfAttention(nn.Module):
    """Tokens (B, T, D) plus what they gather from one another, (B, T, D).

    x + W_o concat_h softmax(Q_h K_h^T / sqrt(d)) V_h with Q, K, V = LayerNorm(x) W_qkv:
    Vaswani et al. 2017 (arXiv:1706.03762), normalised before instead of after (Xiong et al. 2020,
    arXiv:2002.04745), so that a pretrained backbone's features pass unchanged beside it.

    num_heads has to divide num_channels; None takes `choose_num_heads`.
    """

    def __init__(self, num_channels: int, *, num_heads: int | None = None) -> None:
        super().__init__()
        self.num_heads = choose_num_heads(num_channels) if num_heads is None else num_heads
        if num_channels % self.num_heads:
            raise ValueError(f"{self.num_heads} heads do not divide {num_channels} channels")
        self.norm = nn.LayerNorm(num_channels)
        self.qkv = nn.Linear(num_channels, 3 * num_channels, bias=False)
        self.projection = nn.Linear(num_channels, num_channels)
        for linear in (self.qkv, self.projection):
            nn.init.trunc_normal_(linear.weight, std=0.02)
        nn.init.zeros_(self.projection.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        """The tokens (B, T, D) after attention and the residual sum."""
        B, T, D = tokens.shape
        qkv = self.qkv(self.norm(tokens)).view(B, T, 3, self.num_heads, D // self.num_heads)
        queries, keys, values = qkv.permute(2, 0, 3, 1, 4)
        gathered = self.attend(queries, keys, values).transpose(1, 2).reshape(B, T, D)
        mixed: Tensor = self.projection(gathered)
        return tokens + mixed

    def attend(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """softmax(Q K^T / sqrt(d)) V of each head: (B, H, T, d) from three of that shape."""
        return functional.scaled_dot_product_attention(queries, keys, values)


class MeanMixing(MultiHeadSelfAttention):
    """The same block with the mean of all tokens in the place of attention: a control.

    What MHSA has beyond it is what attention adds: the rest is width, a residual and knowledge of
    the whole image. It starts from the same weights. Those of queries and keys, half of the
    block's, are kept for that and get gradients of zero.
    """

    def attend(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """The mean value of all tokens for each of them: (B, H, T, d) from three of that shape."""
        return values.mean(dim=-2, keepdim=True).expand_as(values)


class PerformerAttention(MultiHeadSelfAttention):
    """The same block with softmax attention estimated in time linear in T (see `attend_linearly`).

    The M random features are a buffer: they are saved with the weights, since the weights were
    trained with them, and change only by `redraw_features`.
    """

    random_features: Tensor

    def __init__(
        self,
        num_channels: int,
        *,
        num_heads: int | None = None,
        num_features: int = NUM_RANDOM_FEATURES,
    ) -> None:
        super().__init__(num_channels, num_heads=num_heads)
        features = draw_orthogonal_features(num_features, num_channels // self.num_heads)
        self.register_buffer("random_features", features)

    def attend(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """An estimate of softmax attention: (B, H, T, d) from three of that shape."""
        # Half precision has no room for exp(); the estimate is made in float32 at least.
        dtype = torch.promote_types(queries.dtype, torch.float32)
        # The meta device, on which models are counted, has no autocast to disable.
        device_type = queries.device.type
        has_autocast = torch.amp.is_autocast_available(device_type)
        with torch.autocast(device_type, enabled=False) if has_autocast else nullcontext():
            result = attend_linearly(
                queries.to(dtype), keys.to(dtype), values.to(dtype), self.random_features.to(dtype)
            )
        return result.to(values.dtype)

    def redraw_features(self, generator: torch.Generator) -> None:
        """Replace the random features by new ones from `generator`, a CPU generator.

        They are drawn on the CPU whatever the device, so that a seed means the same everywhere.
        """
        num_features, head_channels = self.random_features.shape
        self.random_features.copy_(
            draw_orthogonal_features(num_features, head_channels, generator=generator)
        )


def redraw_performer_features(model: nn.Module, generator: torch.Generator) -> int:
    """The number of Performer blocks in `model`, each of which now has new random features.

    Choromanski et al. 2021, section 2.4, redraw during training, so that the weights do not learn
    one draw's errors. A `generator` keyed by seed and epoch keeps a resumed run the same.
    """
    blocks = [module for module in model.modules() if isinstance(module, PerformerAttention)]
    for block in blocks:
        block.redraw_features(generator)
    return len(blocks)


def attend_linearly(queries: Tensor, keys: Tensor, values: Tensor, features: Tensor) -> Tensor:
    """The FAVOR+ estimate of softmax(Q K^T / sqrt(d)) V: (..., T, d) from three of that shape.

    Choromanski et al. 2021 (arXiv:2009.14794), lemma 1: for w ~ N(0, I) and q, k scaled by
    d^(-1/4), exp(q.k) = E[exp(w.q - |q|^2/2) exp(w.k - |k|^2/2)], and the mean over the rows w
    of `features` (M, d) estimates it; positive, so that no denominator is near zero.

    Two additions leave softmax as it is. The keys are centred, which a query's softmax can't see:
    with a common part as large as the rest it cuts the error by a third. And the exponents are
    shifted by their largest key per feature, then by their largest feature per query; each
    denominator is then at least 1, so nothing overflows and no epsilon biases the result
    (|q|^2/2 cancels too).

    Measured |estimate - exact| / |exact|, T = 49, d = 64, mean of 20 draws of 4 heads, for M = 16,
    64, 256, 1024: q, k ~ N(0, 1/4), about those of a fresh block, 0.91, 0.58, 0.37, 0.22;
    q, k ~ N(0, 1), 2.01, 1.83, 1.65, 1.50: sharp attention needs far more features than d log d.
    Uniform averaging errs by 0.24 in the first case, less than the estimate with 256 features.
    """
    scale = queries.shape[-1] ** -0.25
    scaled_keys = (keys - keys.mean(dim=-2, keepdim=True)) * scale
    key_exponents = scaled_keys @ features.mT - scaled_keys.square().sum(-1, keepdim=True) / 2
    # No gradient through the shifts: the ratio does not depend on them.
    key_shift = key_exponents.detach().amax(dim=-2, keepdim=True)
    query_exponents = (queries * scale) @ features.mT + key_shift
    query_shift = query_exponents.detach().amax(dim=-1, keepdim=True)

    key_features = (key_exponents - key_shift).exp()
    query_features = (query_exponents - query_shift).exp()
    numerator = query_features @ (key_features.mT @ values)
    denominator = query_features @ key_features.sum(dim=-2).unsqueeze(-1)
    estimate: Tensor = numerator / denominator
    return estimate


def draw_orthogonal_features(
    num_features: int, num_channels: int, *, generator: torch.Generator | None = None
) -> Tensor:
    """Random directions (M, d) in float32: rows N(0, I), orthogonal within each block of d.

    Choromanski et al. 2021, section 2.4: orthogonality lowers the variance of the estimate, and
    independent chi(d) lengths keep each row Gaussian, which keeps the estimate unbiased.
    Without `generator` torch's default one is used, as for any new weight.

    >>> rows = draw_orthogonal_features(4, 4, generator=torch.Generator().manual_seed(0))
    >>> gram = rows @ rows.T
    >>> torch.allclose(gram, gram.diag().diag(), atol=1e-5)
    True
    """
    blocks = []
    for _ in range(math.ceil(num_features / num_channels)):
        orthogonal, triangular = torch.linalg.qr(
            torch.randn(num_channels, num_channels, generator=generator)
        )
        # LAPACK fixes the signs; only with R's diagonal made positive is Q uniform (Mezzadri 2007).
        blocks.append((orthogonal * triangular.diagonal().sign()).T)
    lengths = torch.randn(num_features, num_channels, generator=generator).norm(dim=1, keepdim=True)
    features: Tensor = torch.cat(blocks)[:num_features] * lengths
    return features


def choose_num_heads(num_channels: int, *, head_channels: int = 64) -> int:
    """The divisor of D that brings the channels of a head closest to 64, by ratio.

    >>> [choose_num_heads(channels) for channels in (1280, 960, 768, 192, 368)]
    [20, 15, 12, 3, 8]
    """
    divisors = [heads for heads in range(1, num_channels + 1) if num_channels % heads == 0]
    return min(divisors, key=lambda heads: abs(math.log(num_channels / heads / head_channels)))


def encode_positions(height: int, width: int, num_channels: int) -> Tensor:
    """The 2-D sine-cosine code (H' W', D) of a grid's positions, row by row, in [-1, 1].

    A quarter of the channels each: sin and cos of the column, sin and cos of the row, at
    frequencies 10000^(-i / (D/4 - 1)): Beyer et al. 2022 (arXiv:2205.01580). Channels beyond a
    multiple of four are zero. It has no parameters, so any grid gets its code.

    >>> encode_positions(7, 7, 96).shape
    torch.Size([49, 96])
    """
    num_frequencies = num_channels // 4
    exponents = torch.arange(num_frequencies) / max(num_frequencies - 1, 1)
    frequencies = 10_000.0**-exponents
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    column_phases = columns.reshape(-1, 1) * frequencies
    row_phases = rows.reshape(-1, 1) * frequencies
    code = torch.cat(
        [column_phases.sin(), column_phases.cos(), row_phases.sin(), row_phases.cos()], dim=1
    )
    return functional.pad(code, (0, num_channels - code.shape[1]))

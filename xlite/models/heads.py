"""What makes logits of tokens: the plain head, and the four that a model's name can ask for.

B batch, C classes, D channels, E channels of a query, H heads of csra, T tokens.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from xlite.errors import InputError
from xlite.models.attention import choose_num_heads
from xlite.models.catalogue import HeadName
from xlite.settings import CSRA_LAMBDA

_CSRA_TEMPERATURES = {
    2: (1.0, math.inf),
    4: (1.0, 2.0, 4.0, math.inf),
    6: (1.0, 2.0, 3.0, 4.0, 5.0, math.inf),
    8: (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, math.inf),
}
"""Of the heads of csra, by their number: the paper's, whose 99 stands for the largest score."""

_QUERY_CHANNELS = 256
_FEED_FORWARD_WIDTH = 2
"""Times the channels of a query. At D = 1280 the whole head is then as large as the plain one:
862,734 parameters for 14 labels, and 828,814."""


class Head(nn.Module):
    """Tokens (B, T, D) to logits (B, C)."""

    needs_places = False
    """Whether of a single token it would be another head than its name says."""


class MapHead(Head):
    """A head that has, of each label, a map of where its logit comes from."""

    needs_places = True

    def draw_maps(self, tokens: Tensor) -> Tensor:
        """What each token (B, T, D) is to the logit of each label: (B, C, T)."""
        raise NotImplementedError


class MeanHead(nn.Sequential, Head):
    """The mean over the tokens, through layers (B, D) to (B, C): the plain head and `+linear`."""

    def forward(self, tokens: Tensor) -> Tensor:
        """The logits (B, C) of tokens (B, T, D)."""
        logits: Tensor = super().forward(self.pool(tokens))  # type: ignore[no-untyped-call]
        return logits

    def pool(self, tokens: Tensor) -> Tensor:
        """What the layers get (B, D) of tokens (B, T, D)."""
        return tokens.mean(dim=1)


class GemHead(MeanHead):
    """The plain head over generalised means, mean(x^p)^(1/p) a channel, with a p that is learned.

    Radenović et al. 2018 (arXiv:1711.02512), one p for all channels, 3 to begin with: 1 is the
    mean, and the largest value is where p goes to infinity. It is a mean of what is not negative,
    as after a ReLU; of other backbones, and after attention, what is below 0 counts as 0.
    """

    needs_places = True

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__(*layers)
        self.exponent = nn.Parameter(torch.tensor(3.0))

    def pool(self, tokens: Tensor) -> Tensor:
        """The generalised means (B, D), of at least 1e-6 each: a root's slope at 0 is infinite."""
        # In float32: the cube of what bfloat16 holds has three times its relative error.
        exact = tokens.to(torch.promote_types(tokens.dtype, torch.float32))
        powers = exact.clamp(min=1e-6).pow(self.exponent)
        return powers.mean(dim=1).pow(1 / self.exponent)


class CsraHead(MapHead):
    """Class-specific residual attention: a linear classifier of each token, averaged twice.

    Zhu and Wu 2021 (arXiv:2108.02456). With scores s_tc = w_c x_t + b_c of the tokens, the logit of
    a class is mean_t s_tc + λ sum_t a_tc s_tc with a_c = softmax_t(τ_h s_c): of all places alike,
    and of those that speak for the class. Several heads, each with classifiers and a temperature
    τ_h of its own, are added up. λ = 0 is the mean followed by one linear layer.

    Their code divides w_c by its norm and has no b_c; here neither, as in their equations 1 to 6:
    a rare label's logit has to be able to be far below 0 on every film.
    """

    def __init__(
        self,
        num_channels: int,
        num_classes: int,
        *,
        dropout: float,
        strength: float = CSRA_LAMBDA,
        temperatures: tuple[float, ...] = (1.0,),
    ) -> None:
        """strength: λ. temperatures: τ_h of each head, above 0; infinity is the largest score."""
        super().__init__()
        self.strength, self.temperatures = strength, temperatures
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(num_channels, len(temperatures) * num_classes)

    def forward(self, tokens: Tensor) -> Tensor:
        """The logits (B, C) of tokens (B, T, D)."""
        B, _, D = tokens.shape
        # The same channels are left out of all tokens, as of their mean in the linear head.
        scores = self._by_head(self.classifier(tokens * self.dropout(tokens.new_ones(B, 1, D))))
        attended = (self._attend(scores) * scores).sum(dim=1)
        return (scores.mean(dim=1) + self.strength * attended).sum(dim=1)

    def draw_maps(self, tokens: Tensor) -> Tensor:
        """What each token adds to each logit (B, C, T); their sum is the logit but for its bias."""
        scores = self._by_head(self.classifier(tokens))
        weights = 1 / tokens.shape[1] + self.strength * self._attend(scores)
        own = scores - self._by_head(self.classifier.bias)
        return (weights * own).sum(dim=2).mT

    def _by_head(self, scores: Tensor) -> Tensor:
        """(…, H C) as (…, H, C)."""
        return scores.reshape(*scores.shape[:-1], len(self.temperatures), -1)

    def _attend(self, scores: Tensor) -> Tensor:
        """a (B, T, H, C), which adds up to 1 over the tokens, from the scores of that shape."""
        shares = [
            _share_by_score(scores[:, :, head], temperature)
            for head, temperature in enumerate(self.temperatures)
        ]
        return torch.stack(shares, dim=2)


class QueryHead(MapHead):
    """A query a label, which gathers from the tokens what the label's logit is made of.

    One decoder layer of Query2Label (Liu et al. 2021, arXiv:2107.10834), whose queries are learned,
    without attention among queries, which ML-Decoder (Ridnik et al. 2023, arXiv:2111.12933) found
    to be of no use, and with its narrower tokens, relu(W x):

        q = norm(queries);  q = norm(q + attend(q, tokens));  q = norm(q + W2 relu(W1 q))

    and a label's logit is w_c q_c + b_c. No code of places is added to the tokens.
    """

    def __init__(self, num_channels: int, num_classes: int, *, dropout: float) -> None:
        super().__init__()
        E, width = _QUERY_CHANNELS, _FEED_FORWARD_WIDTH * _QUERY_CHANNELS
        self.queries = nn.Parameter(torch.randn(num_classes, E))
        self.narrow = nn.Sequential(nn.Linear(num_channels, E), nn.ReLU())
        self.query_norm = nn.LayerNorm(E)
        self.attention = nn.MultiheadAttention(
            E, choose_num_heads(E), dropout=dropout, batch_first=True
        )
        self.attention_norm = nn.LayerNorm(E)
        self.feed_forward = nn.Sequential(
            nn.Linear(E, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, E)
        )
        self.feed_forward_norm = nn.LayerNorm(E)
        self.dropout = nn.Dropout(dropout)
        self.classifier = _LabelwiseLinear(num_classes, E)

    def forward(self, tokens: Tensor) -> Tensor:
        """The logits (B, C) of tokens (B, T, D)."""
        queries, keys = self._ask(tokens)
        gathered, _ = self.attention(queries, keys, keys, need_weights=False)
        queries = self.attention_norm(queries + self.dropout(gathered))
        queries = self.feed_forward_norm(queries + self.dropout(self.feed_forward(queries)))
        logits: Tensor = self.classifier(queries)
        return logits

    def draw_maps(self, tokens: Tensor) -> Tensor:
        """The share of its attention that a label's query gives each token (B, C, T), the mean of
        its heads; they add up to 1.
        """
        queries, keys = self._ask(tokens)
        shares: Tensor = self.attention(queries, keys, keys, need_weights=True)[1]
        return shares

    def _ask(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """The queries (B, C, E) and the narrower tokens (B, T, E)."""
        keys = self.narrow(tokens)
        return self.query_norm(self.queries).expand(tokens.shape[0], -1, -1).to(keys), keys


class _LabelwiseLinear(nn.Module):
    """The logits (B, C) of a vector a label (B, C, E)."""

    def __init__(self, num_classes: int, num_channels: int) -> None:
        super().__init__()
        # As nn.Linear begins: uniform within 1 / sqrt(E).
        bound = num_channels**-0.5
        self.weight = nn.Parameter(torch.empty(num_classes, num_channels).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(num_classes).uniform_(-bound, bound))

    def forward(self, vectors: Tensor) -> Tensor:
        return (vectors * self.weight).sum(dim=-1) + self.bias


def build_head(
    name: HeadName,
    num_channels: int,
    num_classes: int,
    *,
    dropout: float,
    csra_lambda: float = CSRA_LAMBDA,
    csra_temperature: float = 1.0,
    csra_heads: int = 1,
) -> Head:
    """The head of that name with new weights, from torch's default generator.

    csra_lambda, csra_temperature, csra_heads: of csra alone, and refused of any other head; the
    temperature is that of a single head, several have the paper's. Raises InputError.
    """
    D, C = num_channels, num_classes
    if name == "csra":
        temperatures = _choose_temperatures(csra_heads, csra_temperature)
        return CsraHead(D, C, dropout=dropout, strength=csra_lambda, temperatures=temperatures)
    if (csra_lambda, csra_temperature, csra_heads) != (CSRA_LAMBDA, 1.0, 1):
        raise InputError(
            "--csra-lambda, --csra-temperature and --csra-heads are of the head csra, and this "
            f"model has the {name} one. Leave them out, or write +csra behind the model's name."
        )
    if name == "query":
        return QueryHead(D, C, dropout=dropout)
    if name == "linear":
        return MeanHead(nn.Dropout(dropout), nn.Linear(D, C))
    kind = GemHead if name == "gem" else MeanHead
    return kind(nn.Linear(D, D // 2), nn.ReLU(), nn.Dropout(dropout), nn.Linear(D // 2, C))


def _choose_temperatures(num_heads: int, temperature: float) -> tuple[float, ...]:
    if num_heads == 1:
        return (temperature,)
    if num_heads not in _CSRA_TEMPERATURES:
        raise InputError(
            f"--csra-heads {num_heads}: csra has temperatures for 1, 2, 4, 6 or 8 heads."
        )
    if temperature != 1:
        raise InputError(
            f"--csra-temperature {temperature:g} is that of a single head, and --csra-heads "
            f"{num_heads} have temperatures of their own. Leave one of the two out."
        )
    return _CSRA_TEMPERATURES[num_heads]


def _share_by_score(scores: Tensor, temperature: float) -> Tensor:
    """Shares (B, T, C) that add up to 1 over the tokens, by scores (B, T, C)."""
    if math.isinf(temperature):
        is_largest = (scores == scores.amax(dim=1, keepdim=True)).to(scores.dtype)
        return is_largest / is_largest.sum(dim=1, keepdim=True)
    return torch.softmax(scores * temperature, dim=1)

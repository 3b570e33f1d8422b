"""Films of a batch mixed in pairs, as a function of where training stands: mixup and CutMix.

B images of a process's share of a batch, C classes, S image side.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from xlite.labels import UNKNOWN
from xlite.randomness import derive_generator

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from xlite.settings import TrainSettings


def mix_batch(
    images: Tensor, targets: Tensor, settings: TrainSettings, *place: int
) -> tuple[Tensor, Tensor]:
    """A share of a batch in which every film is mixed with the one at its mirror place.

    images: (B, 1, S, S), grey values of 0 to 255. targets: (B, C), 1, 0, between, or -1 for
    unknown; those of a pair are mixed as its films are, and an entry that either does not know is
    unknown. place: epoch, step and rank, of which the draw is a function, with the seed.

    mixup adds films up, λ of one and 1 - λ of the other (Zhang et al. 2018, arXiv:1710.09412);
    CutMix puts a box of one into the other, whose area is 1 - λ (Yun et al. 2019,
    arXiv:1905.04899). λ is drawn from Beta(α, α), once a batch, and where both are on one of them
    is, evenly: as timm does.
    """
    rng = derive_generator("mix", settings.seed, *place)
    is_cut = bool(settings.cutmix) and (not settings.mixup or bool(rng.random() < 0.5))
    alpha = settings.cutmix if is_cut else settings.mixup
    lam = float(rng.beta(alpha, alpha))
    partners = images.flip(0)
    if is_cut:
        top, bottom, left, right = _draw_box(rng, lam, *images.shape[2:])
        images = images.clone()
        images[:, :, top:bottom, left:right] = partners[:, :, top:bottom, left:right]
        lam = 1 - (bottom - top) * (right - left) / images[0, 0].numel()
    else:
        images = images.float() * lam + partners.float() * (1 - lam)
    others = targets.flip(0)
    is_known = (targets != UNKNOWN) & (others != UNKNOWN)
    mixed = lam * targets + (1 - lam) * others
    return images, torch.where(is_known, mixed, float(UNKNOWN))


def _draw_box(
    rng: np.random.Generator, lam: float, height: int, width: int
) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of a box of the share 1 - lam, cut off at the image's border."""
    share = math.sqrt(1 - lam)
    sides = []
    for length in (height, width):
        half, middle = int(length * share) // 2, int(rng.integers(length))
        sides += [max(middle - half, 0), min(middle + half, length)]
    top, bottom, left, right = sides
    return top, bottom, left, right

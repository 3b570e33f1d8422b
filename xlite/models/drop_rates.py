"""Stochastic depth and dropout within a timm backbone: which of its arguments do what is asked.

timm's models name them alike and heed them unlike each other. In most of them `drop_rate` is the
dropout of a classifier that xlite does not take, some have no such argument, and some that take
one make nothing of it. So what the model draws at random is compared, with and without.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from xlite.errors import InputError
from xlite.models.backbone import PROBE_SIZE, Backbone
from xlite.models.pretrained import check_timm_name, import_timm

_Draws = tuple[tuple[str, tuple[float, ...]], ...]
"""Each operator that draws random numbers, in order, with the numbers that it was called with."""

_DROP_PATH: Final = ("drop_path_rate",)
_DROP_RATE: Final = ("proj_drop_rate", "drop_rate")
"""Names of timm's arguments, those that reach into the blocks first."""


def choose_drop_arguments(
    timm_name: str, *, drop_path: float | None, drop_rate: float | None
) -> dict[str, float]:
    """The arguments for timm's `create_model` that give a backbone these rates.

    None leaves timm's own (0 but for a few, such as Swin's stochastic depth of 0.1), 0 switches
    it off. Raises InputError for a rate that nothing in the backbone answers to.
    """
    if drop_path is None and drop_rate is None:
        return {}
    check_timm_name(timm_name)
    return {
        **_choose(timm_name, "--drop-path", _DROP_PATH, drop_path),
        **_choose(timm_name, "--drop-rate", _DROP_RATE, drop_rate),
    }


def _choose(
    timm_name: str, option: str, arguments: tuple[str, ...], rate: float | None
) -> dict[str, float]:
    if rate is None:
        return {}
    for argument in arguments:
        draws = _list_draws(timm_name, argument, 0.0)
        if draws is None:
            continue
        if rate == 0 or _list_draws(timm_name, argument, rate) != draws:
            return {argument: rate}
    if rate == 0:
        return {}
    raise InputError(
        f"{option} {rate:g} changes nothing: timm's {timm_name} drops nothing by it before its "
        "last feature map. Leave it out, or choose another backbone."
    )


@cache
def _list_draws(timm_name: str, argument: str, rate: float) -> _Draws | None:
    """What a training pass of the outlined model draws; None where it takes no such argument."""
    given: dict[str, Any] = {argument: rate}
    with torch.device("meta"):
        try:
            model: nn.Module = import_timm().create_model(
                timm_name, pretrained=False, num_classes=0, **given
            )
        except TypeError:
            return None
        backbone = Backbone(model, timm_name=timm_name).train()
        size = backbone.default_image_size if backbone.has_fixed_image_size else PROBE_SIZE
        # Two images: batch normalisation refuses one whose map is a single pixel.
        with _RandomDraws() as draws, torch.no_grad():
            backbone(torch.zeros(2, 3, size, size))
    return tuple(draws.found)


class _RandomDraws(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A block in which every operator that draws random numbers is noted."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[tuple[str, tuple[float, ...]]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if torch.Tag.nondeterministic_seeded in func.tags:
            numbers = tuple(float(one) for one in args if isinstance(one, float))
            self.found.append((str(func), numbers))
        return func(*args, **(kwargs or {}))

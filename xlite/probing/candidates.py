"""What is probed: every backbone at every size on every cache, by a name of its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from xlite.arrays import read_count
from xlite.errors import InputError
from xlite.models.catalogue import parse_model_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xlite.clahe_cache.store import ClaheCache

_SMALLEST, _LARGEST = 32, 8_192


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One backbone at one size on one cache."""

    name: str
    model: str
    """timm's name of the backbone."""
    image_size: int
    cache_dir: Path


def list_candidates(
    models: Sequence[str], image_sizes: Sequence[int], caches: Mapping[Path, ClaheCache]
) -> list[Candidate]:
    """Every model at every size on every cache; without sizes at that of each cache.

    Raises InputError for a model that is named twice, for one with an attention or a head, for
    caches of equal names, and for a single candidate.
    """
    if not models:
        raise InputError("nothing to probe: pass --models A,B.")
    for what, given in (
        ("--models", models),
        ("--image-sizes", image_sizes),
        ("--cache", [folder.resolve().name for folder in caches]),
    ):
        twice = [str(one) for one, count in Counter(given).items() if count > 1]
        if twice:
            raise InputError(f"{what} names {twice[0]} twice. Name each once.")
    for size in image_sizes:
        if not _SMALLEST <= read_count(size, "image_sizes", at_least=1) <= _LARGEST:
            raise InputError(f"an image size is {_SMALLEST} to {_LARGEST:,} pixels, not {size}.")
    for model in models:
        spec = parse_model_name(model)
        if (spec.attention, spec.head) != ("none", "plain"):
            raise InputError(
                f"{model} names an attention or a head, which have learnt nothing yet, and a probe "
                f"is of what a backbone knows. Probe {spec.timm_name}."
            )
    candidates = []
    for model, (folder, cache) in product(models, caches.items()):
        for size in image_sizes or [cache.size]:
            name = f"{model}-{size}" + (f"-{folder.resolve().name}" if len(caches) > 1 else "")
            candidates.append(Candidate(name=name, model=model, image_size=size, cache_dir=folder))
    if len(candidates) < 2:
        raise InputError(
            f"only {candidates[0].name} is there to rank. Name two backbones, sizes or caches."
        )
    return candidates


def find_weights(given: Sequence[str], models: Sequence[str]) -> dict[str, Path]:
    """The file of weights of each model that has one, of `MODEL=FILE`, or `FILE` for a single one.

    Raises InputError for a model that is not probed, for one that has two, and for a file that is
    not there.

    >>> find_weights([], ["resnet18"])
    {}
    """
    found: dict[str, Path] = {}
    for text in given:
        model, equals, file = text.partition("=")
        if not equals:
            if len(models) != 1:
                raise InputError(f"--weights {text}: say of which model: --weights MODEL={text}.")
            model, file = models[0], text
        if model not in models:
            raise InputError(f"--weights {text}: {model} is none of --models {','.join(models)}.")
        if model in found:
            raise InputError(f"--weights names two files for {model}. Pass one.")
        if not Path(file).is_file():
            raise InputError(f"weights file {file} does not exist. Pass --weights {model}=FILE.")
        found[model] = Path(file)
    return found

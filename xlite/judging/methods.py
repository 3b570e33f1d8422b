"""Methods: models, or variants of one, each with the predictions of one training or several.

N images, C labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xlite.errors import InputError
from xlite.judging.labelled_predictions import LabelledPredictions

Seed = int | None
"""None: predictions of which no seed is known."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Method:
    """What is compared: the predictions of a method by the seed of its training."""

    name: str
    predictions: Mapping[Seed, LabelledPredictions]


def align_methods(methods: Sequence[Method]) -> tuple[list[Method], int]:
    """The methods on the images and labels that all of them have, and how many images leave.

    Images and labels are in the order of the first. Raises InputError when none is in all.
    """
    every = [labelled for method in methods for labelled in method.predictions.values()]
    images = set(every[0].image_ids).intersection(*(labelled.image_ids for labelled in every[1:]))
    labels = tuple(
        name
        for name in every[0].vocabulary
        if all(name in labelled.vocabulary for labelled in every)
    )
    if not images or not labels:
        what = "image" if not images else "label"
        raise InputError(
            f"no {what} is in all of {', '.join(labelled.name for labelled in every)}. Compare "
            "predictions of the same images."
        )
    order = [image for image in every[0].image_ids if image in images]
    aligned = [
        Method(
            name=method.name,
            predictions={
                seed: _take(labelled, order, labels)
                for seed, labelled in method.predictions.items()
            },
        )
        for method in methods
    ]
    return aligned, len(set().union(*(labelled.image_ids for labelled in every))) - len(order)


def _take(
    labelled: LabelledPredictions, images: Sequence[str], labels: Sequence[str]
) -> LabelledPredictions:
    place = {image: row for row, image in enumerate(labelled.image_ids)}
    taken = labelled.select(np.array([place[image] for image in images]))
    columns = [labelled.vocabulary.index(label) for label in labels]
    return replace(
        taken,
        targets=taken.targets[:, columns],
        probs=taken.probs[:, columns],
        vocabulary=tuple(labels),
    )


def share_seeds(one: Sequence[Seed], other: Sequence[Seed]) -> list[tuple[Seed, Seed]]:
    """The pairs of runs of two methods that are compared, by their seeds.

    Those of equal seeds. Where there are none, two single runs are a pair under whichever seeds,
    and a single run of which no seed is known is one with the other's first.

    >>> share_seeds([0, 1, 2], [2, 0]), share_seeds([0, 1], [None]), share_seeds([0, 1], [2])
    ([(0, 0), (2, 2)], [(0, None)], [])
    """
    pairs: list[tuple[Seed, Seed]] = [(seed, seed) for seed in one if seed in other]
    is_single = len(one) == len(other) == 1
    has_no_seed = list(one) == [None] or list(other) == [None]
    return pairs or ([(one[0], other[0])] if is_single or has_no_seed else [])

"""Label sets told apart by the source of their images, and weights with given shares of sources.

N images, K distinct label sets, S sources. Each source's own images are weighed by the sampler,
as if there were no others, and then all of a source's weights are multiplied by one number: so
shares of sources are met exactly, and where a label is as common among the draws of one source as
of another, it can't be told by the source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from xlite.errors import InputError
from xlite.sampling.label_sets import LabelSets, find_label_sets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.settings import SamplerSettings
    from xlite.tables.manifest import Manifest

_SOURCE = "source"


def find_sampling_sets(train: Manifest, settings: SamplerSettings) -> LabelSets:
    """The label sets of a training part, by source where the sampler has shares of sources.

    Raises InputError where it has, and the images' sources are not known.
    """
    sets = find_label_sets(train.labels)
    if settings.source_shares is None:
        return sets
    return divide_by_source(sets, train.table.get(_SOURCE))


def divide_by_source(sets: LabelSets, sources: Any) -> LabelSets:
    """The sets of each source apart; sources: (N,) text, or None where they are not known."""
    if sources is None or (np.asarray(sources) == "").any():
        raise InputError(
            "--source-shares is for a merged table, whose column `Source` says which data set each "
            "image is of. Make one with `xlite tables merge`, or leave it out."
        )
    codes, names = pd.factorize(np.asarray(sources, dtype=object), sort=True)
    both = sets.inverse.astype(np.int64) * len(names) + codes
    inverse, distinct = pd.factorize(both, sort=True)
    parents = distinct // len(names)
    return LabelSets(
        patterns=sets.patterns[parents],
        inverse=inverse.astype(np.int32),
        counts=np.bincount(inverse, minlength=len(distinct)),
        no_finding=sets.no_finding[parents],
        source=(distinct % len(names)).astype(np.int64),
        source_names=tuple(map(str, names)),
    )


def weigh_sources(
    sets: LabelSets,
    settings: SamplerSettings,
    weigh: Callable[[LabelSets, SamplerSettings], NDArray[np.float64] | None],
) -> NDArray[np.float64]:
    """(N,) weights with mean 1 whose sums by source have the shares of the settings.

    weigh: gives those of a source's images alone. Raises InputError, naming the source, where it
    does, and for shares of other sources than there are.
    """
    if sets.source is None:
        raise InputError("--source-shares needs the sources of the images, which are not known.")
    plain = settings.model_copy(update={"source_shares": None})
    weights = np.empty(sets.num_images)
    source_of_image = sets.source[sets.inverse]
    for code, share in enumerate(_shares_of(sets, settings).values()):
        rows = source_of_image == code
        try:
            own = weigh(_select_source(sets, code), plain)
        except InputError as error:
            raise InputError(f"source {sets.source_names[code]}: {error}") from None
        own = np.ones(int(rows.sum())) if own is None else own
        weights[rows] = own / own.sum() * share * sets.num_images
    return weights


def count_by_source(sets: LabelSets, set_counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """(S,) of a count of each set, (K,), the sums by source."""
    assert sets.source is not None
    summed = np.bincount(sets.source, weights=set_counts, minlength=len(sets.source_names))
    return summed.round().astype(np.int64)


def source_exposure(sets: LabelSets, weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """(S,) the expected share of draws of each source."""
    assert sets.source is not None
    w = np.ones(sets.num_images) if weights is None else weights
    mass = np.bincount(sets.source[sets.inverse], weights=w, minlength=len(sets.source_names))
    return np.asarray(mass / mass.sum())


def _shares_of(sets: LabelSets, settings: SamplerSettings) -> Mapping[str, float]:
    """The share of each source, in the order of the sets' names."""
    names, given = sets.source_names, settings.read_source_shares()
    if given is None:
        return dict.fromkeys(names, 1 / len(names))
    if set(given) != set(names):
        raise InputError(
            f"--source-shares names {', '.join(sorted(given))}, and the images are of "
            f"{', '.join(names)}. Give each of these a share."
        )
    return {name: given[name] for name in names}


def _select_source(sets: LabelSets, code: int) -> LabelSets:
    """The sets of one source alone, with its images in their order."""
    assert sets.source is not None
    kept = sets.source == code
    place = np.cumsum(kept) - 1
    is_own = kept[sets.inverse]
    return replace(
        sets,
        patterns=sets.patterns[kept],
        inverse=place[sets.inverse[is_own]].astype(np.int32),
        counts=sets.counts[kept],
        no_finding=sets.no_finding[kept],
        source=None,
        source_names=(),
    )

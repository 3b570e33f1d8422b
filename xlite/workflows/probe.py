"""`probe`: which backbone, image size and CLAHE are worth a run, by linear heads in minutes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from xlite import places
from xlite.errors import ArgumentError, InputError
from xlite.judging.comparison import compare_methods
from xlite.judging.ranking import parse_order
from xlite.ownership import require_writable_folder
from xlite.probing.candidates import Candidate, find_weights, list_candidates
from xlite.probing.extraction import extract_features
from xlite.probing.feature_folder import FeatureFolder
from xlite.probing.judged_heads import judge_heads, measure_interval
from xlite.probing.out_of_fold import FilmFeatures, Heads, fit_heads
from xlite.probing.pooled_backbone import PooledBackbone
from xlite.probing.probe_folder import check_probe_folder, write_probe
from xlite.probing.probed_data import ProbedData, choose_films
from xlite.probing.views import choose_views
from xlite.results.probe import Probe, ProbedBackbone
from xlite.settings import Runtime
from xlite.signals import StopRequest, StopSource, heed_no_signals
from xlite.training.device import build_fabric
from xlite.workflows.loaded_data import load_data

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from xlite.judging.paired_differences import JudgedMethods
    from xlite.tables.table_files import TableFiles

NUM_VIEWS = 4

Several = str | Path | Sequence[str | Path]
"""One, or several."""


def probe(
    models: str | Sequence[str],
    *,
    image_sizes: Sequence[int] = (),
    split: str | Path = places.SPLIT_DIR,
    labels: TableFiles | None = None,
    cache: Several = places.CACHE_DIR,
    weights: Several = (),
    pretrained: bool = True,
    views: int = NUM_VIEWS,
    features: str | Path = places.FEATURES_DIR,
    out: str | Path | None = None,
    runtime: Runtime | None = None,
    stopping: StopSource = heed_no_signals,
    command: str = "",
) -> Probe:
    """Backbones ranked by linear heads on their features: which of them is worth a run.

    models: names of backbones, as timm has them. image_sizes: sides in pixels; that of each cache
    where none is given. split: folds, over which each film is judged by a head that was fitted to
    the others, or a split, whose validation part is judged and whose test part is not looked at.
    cache: one CLAHE cache or several, which are ranked, too. weights: a file of weights for a
    single model, or `MODEL=FILE`, any number of them; pretrained: otherwise ImageNet's, or random
    ones where False. views: of each film, 1 to 8: as it is, mirrored, then small movements.
    features: the folder that keeps features, where later calls find them. out: the folder for
    probe.csv, probe.json and what the heads say of each film; not written without it.

    Raises InputError for what can't be used, among it features of another backbone, and
    InterruptedRunError once what `stopping` gives is set; chunks of films that are done are kept.
    """
    begun = time.monotonic()
    names, files = _list(models), find_weights(_list(weights), _list(models))
    if files and not pretrained:
        raise InputError("--weights and --no-pretrained exclude each other. Pass one.")
    view_names = tuple(choose_views(views))
    if out is not None:
        check_probe_folder(Path(out))
    require_writable_folder(Path(features), option="--features")
    data = {Path(one): choose_films(load_data(split, labels, one, None)) for one in _list(cache)}
    caches = {folder: films.cache for folder, films in data.items()}
    candidates = list_candidates(names, list(image_sizes), caches)
    fabric = build_fabric(runtime or Runtime(), "fp32")
    work = _Work(files, pretrained, views, Path(features), fabric)
    with stopping() as stop:
        probed = [_probe_one(one, data[one.cache_dir], work, stop) for one in candidates]
    heads = {one.name: one for one, _ in probed}
    judged = judge_heads(list(heads.values()), next(iter(data.values())).folds)
    comparison = compare_methods(judged, parse_order("val.auroc", None), command=command)
    described = {one.name: one for _, one in probed}
    made = Probe(
        views=view_names,
        probed=tuple(_with_score(described[row.name], judged) for row in comparison.rows),
        comparison=comparison,
        seconds=round(time.monotonic() - begun, 2),
    )
    if out is None:
        return made
    return write_probe(Path(out), made, {name: one.predictions[0] for name, one in heads.items()})


@dataclass(frozen=True)
class _Work:
    """How every candidate is probed."""

    weights: dict[str, Path]
    pretrained: bool
    num_views: int
    features: Path
    fabric: Fabric


def _probe_one(
    candidate: Candidate, data: ProbedData, work: _Work, stop: StopRequest
) -> tuple[Heads, ProbedBackbone]:
    """What a candidate's heads say, and what is known of it but its score."""
    begun, image_ids = time.monotonic(), data.image_ids
    backbone = PooledBackbone(
        candidate.model,
        pretrained=work.pretrained,
        weights_path=work.weights.get(candidate.model),
    )
    features, was_there = extract_features(
        backbone,
        data.cache,
        image_ids,
        image_size=candidate.image_size,
        num_views=work.num_views,
        parent=work.features,
        fabric=work.fabric,
        stop=stop,
    )
    extracted = time.monotonic()
    heads = fit_heads(FilmFeatures(features, image_ids), data, name=candidate.name)
    return heads, ProbedBackbone(
        name=candidate.name,
        model=candidate.model,
        image_size=candidate.image_size,
        cache=str(candidate.cache_dir),
        weights=features.key.weights,
        features=str(FeatureFolder(work.features, features.key).path),
        num_features=sum(features.widths),
        strengths=tuple(one.strength for one in heads.choices),
        shares=tuple(one.share for one in heads.choices),
        was_there=was_there,
        seconds_extracting=round(extracted - begun, 2),
        seconds_fitting=round(time.monotonic() - extracted, 2),
    )


def _with_score(one: ProbedBackbone, judged: JudgedMethods) -> ProbedBackbone:
    auroc, low, high = measure_interval(judged, one.name)
    return replace(one, auroc=auroc, auroc_low=low, auroc_high=high)


def _list(given: Several) -> list[str]:
    several = [given] if isinstance(given, str | Path) else list(given)
    for one in several:
        if not isinstance(one, str | Path):
            raise ArgumentError(f"{one!r} is neither text nor a path.")
    return [str(one) for one in several]

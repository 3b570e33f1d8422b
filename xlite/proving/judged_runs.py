"""Runs judged once each, and put together as any comparison has them.

Each run sees the resamples that all see, so that what was found of it alone is what is found of it
beside others. A study is compared, ablated and held against its baseline by the same runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from xlite.errors import InputError
from xlite.judging.evaluation import Resampling
from xlite.judging.methods import Method
from xlite.judging.paired_differences import JudgedMethods, judge_methods
from xlite.proving.project import BundledProject

Groups = Mapping[str, Mapping[int, str]]
"""Names of runs by method and seed."""
Values = NDArray[np.float64]


def judge_runs(project: BundledProject, groups: Groups, resampling: Resampling) -> JudgedMethods:
    """Methods by the runs of their seeds, all of one split.

    Raises InputError where two runs are of other images or labels.
    """
    names = [run for seeds in groups.values() for run in seeds.values()]
    parts = [_judge(project, name, resampling) for name in names]
    first = parts[0].reference
    for part in parts[1:]:
        other = part.reference
        if other.vocabulary != first.vocabulary or not (
            np.array_equal(other.image_ids, first.image_ids)
            and np.array_equal(other.targets, first.targets)
        ):
            raise InputError(f"{other.name} and {first.name} are not of the same images and labels")
    methods = tuple(
        Method(name=name, predictions={s: project.labelled(run) for s, run in seeds.items()})
        for name, seeds in groups.items()
    )
    return replace(
        parts[0],
        methods=methods,
        calls=tuple(part.calls[0] for part in parts),
        scores=_join([part.scores for part in parts]),
        resampled=_join([part.resampled for part in parts]),
    )


def _join(parts: Sequence[Mapping[str, Values]]) -> dict[str, Values]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _judge(project: BundledProject, run: str, resampling: Resampling) -> JudgedMethods:
    key = (run, resampling)
    if key not in project.judged:
        one = Method(name=run, predictions={0: project.labelled(run)})
        project.judged[key] = judge_methods([one], resampling=resampling)
    return project.judged[key]

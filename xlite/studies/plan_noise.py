"""What the thresholds of a plan can be told apart from, by the images that it judges on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from xlite.errors import did_you_mean
from xlite.results.study_check import PlannedChoice, PlannedThreshold
from xlite.scores.detectable import (
    SEED_DEVIATION,
    detectable_difference,
    macro_error,
    score_error,
    total_error,
)
from xlite.scores.selection import expected_best_of
from xlite.studies.plan_size import count_trials
from xlite.studies.rules.asked_scores import finishing_of
from xlite.studies.study_plan import Experiment, On, Phase, ScoreName, StudyPlan

TYPICAL_SCORE: Final = 0.8
"""Where the noise of a choice is looked at, whose scores nobody knows yet."""


@dataclass(frozen=True, kw_only=True)
class JudgedImages:
    """What scores are computed from: the images of a part, or of all folds together."""

    where: str
    """In words, as in `the val part of data/splits`."""
    labels: tuple[str, ...]
    positives: tuple[int, ...]
    """Images with each label."""
    negatives: tuple[int, ...]
    """Images known to be without it."""
    images: int
    patients: int

    def error(self, score: ScoreName, value: float) -> float:
        """The standard error of a score from these images alone; NaN where it is unknown."""
        counts = list(zip(self.positives, self.negatives, strict=True))
        if score.label is not None:
            return score_error(score.score, value, *counts[self.labels.index(score.label)])
        return macro_error([score_error(score.score, value, *one) for one in counts])

    def rarest(self, score: ScoreName) -> int:
        """Positives of the score's label, or of the rarest label with any."""
        if score.label is not None:
            return self.positives[self.labels.index(score.label)]
        return min((count for count in self.positives if count), default=0)

    def find_fault(self, score: ScoreName) -> str | None:
        """Why the score would be undefined; None where it would not."""
        if score.label is None:
            return None if any(self.positives) else f"{self.where} has no positives of any label."
        if score.label not in self.labels:
            hint = did_you_mean(score.label, self.labels) or f" There are {', '.join(self.labels)}."
            return f"there is no label {score.label!r} in {self.where}.{hint}"
        if not self.positives[self.labels.index(score.label)]:
            return (
                f"no image of {self.where} has {score.label}, so that {score} would be undefined. "
                "Judge by another label, or by a split with more images in the part."
            )
        return None


Images = Callable[[Path, ScoreName], JudgedImages | None]
"""The images by which a score is judged on a split; None where they can't be read."""


@dataclass(frozen=True)
class _Level:
    """A value that a score is held against, or is known to have today."""

    name: str
    """As in `minimum`, `known`, or `rule above-96`."""
    value: float
    on: On
    is_known: bool = False


def list_thresholds(plan: StudyPlan, images: Images) -> Iterator[PlannedThreshold]:
    """Each threshold of criteria and rules with the difference that can be detected there."""
    for owner, score, levels in _list_levels(plan):
        found = images(owner.split or plan.split, score)
        if found is None or found.find_fault(score):
            continue
        for level in levels:
            error = _error(found, score, level.value, owner)
            yield PlannedThreshold(
                where=f"{owner.id}: {level.name}",
                score=str(score),
                on=level.on,
                threshold=level.value,
                images=found.images,
                patients=found.patients,
                positives=found.rarest(score),
                seeds=len(owner.seeds),
                standard_error=error,
                detectable=detectable_difference(error),
            )


def find_noise_faults(plan: StudyPlan, images: Images) -> Iterator[str]:
    """Scores that would be undefined, and thresholds that chance alone would cross."""
    for owner, score, levels in _list_levels(plan):
        found = images(owner.split or plan.split, score)
        if found is None:
            continue
        if fault := found.find_fault(score):
            yield f"{owner.id}: {fault}"
            continue
        judged = [level for level in levels if level.on == "point" or level.is_known]
        ordered = sorted(judged, key=lambda level: level.value)
        for low, high in pairwise(ordered):
            error = _error(found, score, high.value, owner)
            distance = high.value - low.value
            if 0 < distance < detectable_difference(error):
                yield _describe_noise(owner, score, (low, high), found, error)


def list_choices(plan: StudyPlan, images: Images) -> Iterator[PlannedChoice]:
    """Each choice of the best of several, and by how much its score is too good by that."""
    phases = {phase.id: phase for phase in plan.phases}
    for phase in plan.phases:
        count = count_trials(phase, phases)
        yield from _describe_choice(
            f"{phase.id}: the best trial", count, phase, phase.score, plan, images
        )
    parts: dict[str, Experiment | Phase] = {**{one.id: one for one in plan.experiments}, **phases}
    for rule in plan.rules:
        if rule.when.quantifier != "all" and rule.when.on == "point":
            owner, name = parts[rule.when.of[0]], f"{rule.id}: {rule.when.quantifier} of them"
            yield from _describe_choice(
                name, len(rule.when.of), owner, rule.when.score, plan, images
            )
    if plan.experiments and finishing_of(plan.finish):
        owner, count = plan.experiments[0], len(plan.experiments)
        yield from _describe_choice("the winner", count, owner, plan.finish.score, plan, images)


def _describe_choice(
    where: str,
    count: int,
    owner: Experiment | Phase,
    score: ScoreName,
    plan: StudyPlan,
    images: Images,
) -> Iterator[PlannedChoice]:
    found = images(owner.split or plan.split, score)
    if count < 2 or found is None or found.find_fault(score):
        return
    error = _error(found, score, TYPICAL_SCORE, owner)
    yield PlannedChoice(
        where=f"{where} of {count} by {score}",
        count=count,
        images=found.images,
        standard_error=error,
        too_good=expected_best_of(count) * error,
    )


def _list_levels(
    plan: StudyPlan,
) -> Iterator[tuple[Experiment | Phase, ScoreName, Sequence[_Level]]]:
    """What each experiment's or phase's scores are held against, all of a score together."""
    found: dict[tuple[str, ScoreName], list[_Level]] = {}
    for one in plan.experiments:
        if one.success is not None:
            levels = found.setdefault((one.id, one.success.score), [])
            levels += _levels_of(one)
    for rule in plan.rules:
        when = rule.when
        values = [when.low, when.high] if when.comparison == "within" else [when.low]
        for name in when.of:
            levels = found.setdefault((name, when.score), [])
            levels += [_Level(f"rule {rule.id}", value, when.on) for value in values]
    for phase in plan.phases:
        found.setdefault((phase.id, phase.score), [])
    parts: dict[str, Experiment | Phase] = {one.id: one for one in plan.experiments}
    parts |= {one.id: one for one in plan.phases}
    for (name, score), levels in found.items():
        yield parts[name], score, levels
    if finishing_of(plan.finish):
        for score in dict.fromkeys((plan.finish.score, *plan.finish.then)):
            for one in plan.experiments:
                if (one.id, score) not in found:
                    yield one, score, ()


def _levels_of(experiment: Experiment) -> list[_Level]:
    success = experiment.success
    assert success is not None
    named = {name: getattr(success, name) for name in ("minimum", "target", "stretch")}
    levels = [_Level(name, value, success.on) for name, value in named.items() if value is not None]
    # What a lower bound reaches is above what is known by more than chance already.
    if success.known is not None and success.on == "point":
        levels.insert(0, _Level("known", success.known, "point", is_known=True))
    return levels


def _error(found: JudgedImages, score: ScoreName, value: float, owner: Experiment | Phase) -> float:
    return total_error(found.error(score, value), num_seeds=len(owner.seeds))


def _describe_noise(
    owner: Experiment | Phase,
    score: ScoreName,
    levels: tuple[_Level, _Level],
    found: JudgedImages,
    error: float,
) -> str:
    low, high = levels
    distance = high.value - low.value
    of_images = found.error(score, high.value)
    room = (distance / detectable_difference(1.0)) ** 2 - SEED_DEVIATION**2 / len(owner.seeds)
    images = f"{math.ceil(of_images**2 / room):,} times as many images" if room > 0 else ""
    ways = [images or "more seeds and more images", "out-of-fold scores of all images (folds)"]
    return (
        f"{owner.id}: {high.name} {high.value:g} is {distance:.3g} above {low.name} {low.value:g} "
        f"in {score}, and {found.where} ({found.images:,} images, {found.rarest(score):,} positives"
        f"{' of the rarest label' if score.label is None else ''}) with {len(owner.seeds)} "
        f"{'seed' if len(owner.seeds) == 1 else 'seeds'} can tell a difference of "
        f"{detectable_difference(error):.3f} or more. It takes {ways[0]}, or {ways[1]}, or a "
        'criterion on = "lower bound".'
    )

"""What is seen while films are learnt by heart, and what it means where they are not.

N films, C labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from xlite.results.trials import Finding
from xlite.scores.ranking import auroc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.loading.loader import Batch
    from xlite.models.classifier import Classifier
    from xlite.tables.manifest import Manifest
    from xlite.training.state import EpochTally
    from xlite.training.step import Stepper

_NAMED = 5
_STILL = 1e-9
"""Of a layer's largest weight: a change that is none. Zeros move by whatever is added to them."""


class Recital(NamedTuple):
    """What the model says of the films by their ids, beside what the table says."""

    logits: NDArray[np.float32]
    truth: NDArray[np.int8]
    judged: NDArray[np.bool_]

    @property
    def lowest_auroc(self) -> float:
        """Of the judged labels."""
        return float(auroc(self.truth, self.logits)[self.judged].min())

    @property
    def is_right(self) -> bool:
        """Whether every judged label is told apart without an error."""
        return self.lowest_auroc == 1.0


@dataclass
class Lesson:
    """What is seen while a model learns the films."""

    model: Classifier
    judged: NDArray[np.bool_]
    """(C,) the labels that are present and absent among the films."""
    at_first: dict[str, Tensor]
    """The weights before the first step."""
    losses: list[float] = field(default_factory=list)
    aurocs: NDArray[np.float64] | None = None
    """(C,) of the last step."""
    answer_spread: float = 0.0
    """The largest difference between two films' logits in the last step."""
    strangers: list[str] = field(default_factory=list)
    """Films that came with other labels than the table has for them."""
    alike: int = 0
    """Films whose pixels are those of another one."""
    is_finite: bool = True
    """Whether loss and gradient were, in all steps."""

    @classmethod
    def begin(cls, stepper: Stepper, judged: NDArray[np.bool_]) -> Lesson:
        """Before the first step."""
        weights = {name: one.detach().clone() for name, one in stepper.model.named_parameters()}
        return cls(stepper.model, judged, weights)

    @property
    def num_steps(self) -> int:
        """Steps so far."""
        return len(self.losses)

    @property
    def loss(self) -> float:
        """Of the last step; NaN before the first one."""
        return self.losses[-1] if self.losses else float("nan")

    @property
    def lowest_auroc(self) -> float:
        """Of the judged labels in the last step; NaN before the first one."""
        return float("nan") if self.aurocs is None else float(self.aurocs[self.judged].min())

    @property
    def is_hopeless(self) -> bool:
        """Whether more steps can't help."""
        return bool(self.list_still() or self.strangers) or self.sees_one_film

    @property
    def sees_one_film(self) -> bool:
        """Whether all films give the same answer, to a float's precision."""
        return self.answer_spread < 1e-6

    def see(self, batch: Batch, films: Manifest, truth: NDArray[np.int8]) -> None:
        """Look at what comes before the first step: are films and labels those of the table?"""
        if self.losses:
            return
        rows = batch.index.numpy()
        differs = (batch.targets.numpy() != truth[rows]).any(axis=1)
        self.strangers = [str(films.image_ids[row]) for row in rows[differs]]
        distinct = {image.tobytes() for image in batch.images.numpy()}
        self.alike = len(rows) - len(distinct)

    def note(self, loss: float, tally: EpochTally) -> None:
        """Count a step in."""
        logits, targets = torch.cat(tally.logits).numpy(), torch.cat(tally.targets).numpy()
        self.losses.append(loss)
        self.aurocs = auroc(targets, logits)
        self.answer_spread = float(np.ptp(logits, axis=0).max())

    def list_still(self) -> list[str]:
        """What has weights and has not moved: the backbone, a layer of attention or head."""
        changes: dict[str, float] = {}
        sizes: dict[str, float] = {}
        for name, weight in self.model.named_parameters():
            group, before = _group(name), self.at_first[name]
            change = float((weight.detach() - before).abs().max())
            changes[group] = max(changes.get(group, 0.0), change)
            sizes[group] = max(sizes.get(group, 0.0), float(before.abs().max()))
        return [group for group, change in changes.items() if change <= _STILL * sizes[group]]


def _group(name: str) -> str:
    layer, _, _ = name.rpartition(".")
    return "backbone" if layer.startswith("backbone.") else layer


def find_faults(
    lesson: Lesson, recital: Recital | None, films: Manifest, floor: float
) -> Iterator[Finding]:
    """What failed, causes before their consequences."""
    if not lesson.is_finite:
        yield Finding(
            fault=f"loss or gradient is no longer finite after {lesson.num_steps} steps",
            meaning="lower --lr; with --precision fp16 or bf16 try fp32; look at the films.",
        )
        return
    still = lesson.list_still()
    all_layers = {_group(name) for name in lesson.at_first}
    if len(still) == len(all_layers):
        yield Finding(
            fault=f"no weight has moved in {lesson.num_steps} steps",
            meaning="the learning rate is zero, or too small for a float: look at --lr.",
        )
    elif still:
        yield Finding(
            fault=f"these have not moved at all: {_name(still)}",
            meaning="they are frozen, cut off from the loss, or not handed to the optimizer.",
        )
    if lesson.strangers:
        yield Finding(
            fault=f"{len(lesson.strangers)} of {len(films)} films come with other labels than the "
            f"table has for them: {_name(lesson.strangers)}",
            meaning="labels and images are out of step. A model learns that by heart as well, and "
            "knows nothing of any other film.",
        )
    if lesson.alike:
        yield Finding(
            fault=f"{lesson.alike} of {len(films)} films are the pixels of another one",
            meaning="what is the same can't be told apart: look at the cache (xlite cache-clahe) "
            "and at the films.",
        )
    if lesson.sees_one_film:
        yield Finding(
            fault="the model says the same of all films",
            meaning="what reaches it is constant, or it does not look: nothing of the films gets "
            "through to the logits.",
        )
    yield from _judge_learning(lesson, films, floor)
    if recital is not None and lesson.lowest_auroc == 1.0 and not recital.is_right:
        confused = _list_confused(auroc(recital.truth, recital.logits), recital.judged, films)
        yield Finding(
            fault=f"asked by id it is wrong on {_name(confused)}, though it was right in training",
            meaning="the films that were learnt are not those of the table's rows, or the model "
            "is another one in evaluation mode.",
        )


def _judge_learning(lesson: Lesson, films: Manifest, floor: float) -> Iterator[Finding]:
    is_falling = lesson.num_steps > 20 and (
        np.mean(lesson.losses[-10:]) < 0.98 * np.mean(lesson.losses[-20:-10])
    )
    advice = (
        "the loss was still falling: a larger --lr may do (xlite train --find-lr)."
        if is_falling
        else "no larger number of films can be learnt either: look at --lr, at the loss and at the "
        "films."
    )
    assert lesson.aurocs is not None, "a step was taken"
    confused = _list_confused(lesson.aurocs, lesson.judged, films)
    if confused:
        yield Finding(
            fault=f"not learnt by heart in {lesson.num_steps} steps: {_name(confused)}",
            meaning=advice,
        )
    if not lesson.loss < floor:
        yield Finding(
            fault=f"the loss is {lesson.loss:.4f} after {lesson.num_steps} steps, and not under "
            f"the floor of {floor:.4f}",
            meaning=advice,
        )


def _list_confused(
    aurocs: NDArray[np.float64], judged: NDArray[np.bool_], films: Manifest
) -> list[str]:
    return [
        f"{films.vocabulary[column]} (AUROC {aurocs[column]:.3f})"
        for column in np.flatnonzero(judged & (aurocs < 1))
    ]


def _name(names: list[str]) -> str:
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{rest}"

"""The mean of runs' weights, greedily: Wortsman et al. 2022, arXiv:2203.05482, recipe 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xlite.errors import CheckFailedError
from xlite.models.ensemble import average_weights, build_joined
from xlite.models.weights_file import read_weights
from xlite.places import VALIDATION
from xlite.results.combination import SoupStep
from xlite.scores.ranking import auroc, macro_mean
from xlite.training.predict import to_probs

if TYPE_CHECKING:
    from torch import Tensor

    from xlite.run_folder.folder import RunFolder
    from xlite.training.part_judge import PartJudge


@dataclass(frozen=True, eq=False)
class Soup:
    """What greedy averaging has kept."""

    members: list[RunFolder]
    weights: dict[str, Tensor]
    steps: tuple[SoupStep, ...]


def stir(runs: Sequence[RunFolder], judge: PartJudge) -> Soup:
    """The greedy soup of runs of one kind and split; CheckFailedError where it is one run alone.

    Runs come in the order of their macro AUROC on validation, and each is kept where the mean with
    it scores no less there than the mean without.
    """
    first, *others = sorted(runs, key=lambda run: run.val_auroc, reverse=True)
    read = {run.path: read_weights(run.find_weights()) for run in runs}
    model = build_joined(first.settings, num_classes=len(first.labels), num_models=1)
    kept, best = [first], first.val_auroc
    steps = [SoupStep(run=first.name, auroc=best, is_kept=True)]
    for run in others:
        model.load_state_dict(average_weights([read[one.path] for one in (*kept, run)]))
        outputs = judge.predict(model, VALIDATION, title=f"with {run.name}")
        reached = macro_mean(auroc(outputs.targets, to_probs(outputs.logits)))[0]
        steps.append(SoupStep(run=run.name, auroc=reached, is_kept=reached >= best))
        if reached >= best:
            kept, best = [*kept, run], reached
    if len(kept) == 1:
        tried = ", ".join(f"{step.auroc:.4f} with {step.run}" for step in steps[1:])
        raise CheckFailedError(
            f"no mean of weights is as good on validation as {first.name} alone, whose macro AUROC "
            f"is {best:.4f}: {tried}. Nothing was written. What models say can be averaged where "
            "their weights can't: --as ensemble."
        )
    return Soup(kept, average_weights([read[run.path] for run in kept]), tuple(steps))

"""XL007: a verdict about two ways of training, by one training of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from xlite.judging.checks.check import Check, Issue, NotApplicable, Observation, Passed
from xlite.judging.examined.project import ExaminedProject
from xlite.results.ablation import VariantVerdict
from xlite.results.comparison import Comparison

_MOST_NAMED = 4
_OPEN = "UNDECIDED"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """That one thing is better, worse or no other than another."""

    what: str
    """In words: `ablation.json: ADOPT focal`."""
    seeds: int
    """That both were trained with."""


def look(project: ExaminedProject) -> Observation:
    """A verdict other than UNDECIDED, of an ablation or a study, has to rest on two seeds that both
    sides share, and so has a comparison that ranks one method below another. The interval of
    a single seed is that of the images: it knows nothing of the chance in training.
    """
    return look_at_claims(list(_list_claims(project)))


def look_at_claims(claims: Iterable[Claim]) -> Observation:
    """Whether any claim rests on a single seed."""
    told = list(claims)
    if not told:
        return NotApplicable("nothing is claimed to be better, worse or equal")
    single = [claim.what for claim in told if claim.seeds < 2]
    numbers = {"claims": len(told), "of_one_seed": len(single)}
    if not single:
        least = min(claim.seeds for claim in told)
        return Passed(f"{len(told)} verdicts rest on {least} seeds or more", numbers)
    more = f" and {len(single) - _MOST_NAMED} more" if len(single) > _MOST_NAMED else ""
    named = ", ".join(single[:_MOST_NAMED]) + more
    return Issue(f"{len(single)} of {len(told)} verdicts rest on one seed: {named}.", numbers)


def _list_claims(project: ExaminedProject) -> Iterator[Claim]:
    for path, ablation in project.ablations.items():
        yield from _list_verdicts(path.name, ablation.verdict)
    for path, study in project.verdicts.items():
        yield from _list_verdicts(f"{path.parent.name}/{path.name}", study.verdicts)
    for path, comparison in project.comparisons.items():
        yield from _list_ranks(path.name, comparison)


def _list_verdicts(where: str, verdicts: dict[str, VariantVerdict]) -> Iterator[Claim]:
    for name, verdict in verdicts.items():
        if verdict.decision != _OPEN:
            yield Claim(what=f"{where}: {verdict.decision} {name}", seeds=verdict.seeds)


def _list_ranks(where: str, comparison: Comparison) -> Iterator[Claim]:
    best = next((row for row in comparison.rows if row.name == comparison.best), None)
    for row in comparison.others:
        if row.rank > 1:
            least = row.seeds if best is None else min(row.seeds, best.seeds)
            seeds = least if row.seeds_compared is None else row.seeds_compared
            yield Claim(what=f"{where}: {row.name} below {comparison.best}", seeds=seeds)


CHECK = Check(
    code="XL007",
    title="a verdict by a single seed",
    severity="error",
    subject=ExaminedProject,
    look=look,
    consequence="What is said of two ways of training is true of two trained models: with other "
    "seeds the order may be the other way round.",
    remedy="Train both sides with three seeds or more (--seeds 0,1,2), and judge again.",
)

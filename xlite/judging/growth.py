"""A study that grows seed by seed until its verdicts are known: what each look at it says.

Looks are a pure function of the predictions: whoever has those of the finished runs comes to the
same, whatever was looked at before. Once a variant is decided, later seeds do not count for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from xlite.judging.variant_verdict import judge_variant
from xlite.scores.anytime import Looks
from xlite.scores.last_look import foresee

if TYPE_CHECKING:
    from xlite.judging.methods import Seed
    from xlite.judging.paired_difference import PairedDifference
    from xlite.judging.paired_differences import JudgedMethods
    from xlite.results.ablation import VariantVerdict

HOPE = 0.1
"""A chance: what has less of it to be decided by the last look gets no further seeds.

What it costs in power is paid for by more seeds at most, and what it saves is in docs/judging.md.
"""

DECIDED, HOPELESS, LAST_LOOK = "decided", "hopeless", "last look"


@dataclass(frozen=True, kw_only=True)
class Growth:
    """The seeds of a study that is looked at after the first of them and after each further one."""

    seeds: tuple[int, ...]
    """All that may be trained with, in their order."""
    first: int
    """How many of them there are before the first look; from 2."""

    @property
    def looks(self) -> Looks:
        """The looks that limits and p have to hold at together."""
        return Looks(len(self.seeds))

    def describe_rule(self) -> str:
        """What is added to the rule of the verdicts."""
        return (
            f"Looked at after {self.first} seeds and each further one, up to {len(self.seeds)}: "
            "intervals, p and chances hold at all of these looks together. A variant gets no "
            f"further seeds once it is decided, or has less than {HOPE:.0%} chance to be by the "
            "last look."
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Ending:
    """A variant at its last look so far."""

    verdict: VariantVerdict
    view: JudgedMethods
    """What was looked at: the variants and seeds that counted."""


def follow_looks(
    judged: JudgedMethods, baseline: str, growth: Growth, *, margin: float, safety_margin: float
) -> dict[str, Ending]:
    """Each variant at the look that ended it, or at the last so far, by name.

    At each look the seeds until then count, of the baseline and of variants that are still open:
    those tell of the seeds' spread together. None before the first look can be made.
    """
    endings: dict[str, Ending] = {}
    variants = [method.name for method in judged.methods if method.name != baseline]
    trained = max((growth.seeds.index(s) + 1 for s in judged.rows(baseline)), default=0)
    for number, count in enumerate(range(growth.first, trained + 1), start=1):
        still_open = [one for one in variants if not _has_ended(endings.get(one))]
        chosen = {
            name: [seed for seed in growth.seeds[:count] if seed in judged.rows(name)]
            for name in (baseline, *still_open)
        }
        if not chosen[baseline]:
            continue
        view = judged.take({name: seeds for name, seeds in chosen.items() if seeds})
        for variant in (one for one in still_open if chosen[one]):
            found = view.difference(baseline, variant, "auroc", looks=growth.looks)
            options = {"margin": margin, "safety_margin": safety_margin}
            verdict = judge_variant(view, baseline, variant, found, **options)
            ended = None
            if verdict.decision != "UNDECIDED":
                ended = DECIDED
            elif count == len(growth.seeds):
                ended = LAST_LOOK
            elif not _has_hope(view, baseline, variant, found, options):
                ended = HOPELESS
            endings[variant] = Ending(verdict=_mark(verdict, number, ended, growth), view=view)
    return endings


def list_looked_at(
    judged: JudgedMethods, baseline: str, endings: Mapping[str, Ending]
) -> dict[str, Sequence[Seed]]:
    """The seeds that count: all of the baseline, and of a variant those until its last look."""
    seeds: dict[str, Sequence[Seed]] = {baseline: list(judged.rows(baseline))}
    for method in judged.methods:
        if method.name != baseline:
            view = endings[method.name].view if method.name in endings else judged
            seeds[method.name] = list(view.rows(method.name))
    return seeds


def _has_ended(ending: Ending | None) -> bool:
    return ending is not None and ending.verdict.ended is not None


def _has_hope(
    view: JudgedMethods,
    baseline: str,
    variant: str,
    found: PairedDifference,
    options: Mapping[str, float],
) -> bool:
    """Whether the rule may give a verdict at the last look, were chance kind in any direction."""
    if found.num_seeds < 2:
        return True
    level = view.resampling.level
    for direction in (1, -1, 0):
        classes = foresee(found.classes, HOPE, direction, level=level)
        later = replace(
            found.conclude(classes, foresee(found.macro, HOPE, direction, level=level)),
            num_seeds=found.macro.looks.most if found.macro.looks else found.num_seeds,
        )
        if judge_variant(view, baseline, variant, later, **options).decision != "UNDECIDED":
            return True
    return False


def _mark(verdict: VariantVerdict, looks: int, ended: str | None, growth: Growth) -> VariantVerdict:
    most, times = len(growth.seeds), "once" if looks == 1 else f"{looks} times"
    reason = f"Looked at {times}, after {growth.first} and up to {verdict.seeds} seeds"
    if looks == 1:
        reason = f"Looked at once, after {verdict.seeds} seeds"
    reason += f": limits hold at all looks up to {most} seeds."
    if ended == HOPELESS:
        reason += f" No further seeds: the chance to be decided by then is below {HOPE:.0%}."
    # The audit simulates one look at a fixed number of seeds.
    reason += " Not audited: its own error and power are not simulated where looks end it."
    reasons = (*verdict.reasons, reason)
    return replace(verdict, reasons=reasons, looks=looks, ended=ended)

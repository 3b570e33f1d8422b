"""XL008: the best of many, told as if it had been the only one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from xlite.judging.checks.check import (
    Check,
    Issue,
    NotApplicable,
    Observation,
    Passed,
    gather,
)
from xlite.judging.examined.project import ExaminedProject
from xlite.scores.multiplicity import adjust_holm

if TYPE_CHECKING:
    from xlite.results.ablation import Ablation
    from xlite.results.comparison import Comparison
    from xlite.results.selection import Choice, ChoiceKind
    from xlite.results.study import Search, Study

_ADOPT = "ADOPT"


def look(project: ExaminedProject) -> Observation:
    """A comparison has to say what to expect of its best on other patients, and to rank by p values
    that are corrected for all pairs, since the data chose the best of them. A variant that an
    ablation adopts has to pass when its p is corrected for the number of variants. Of a search that
    has ended, the best trial is given with how much too good it is, or is confirmed with other
    seeds.

    How many there were is what the ledger of choices (val_choices.json) has noted of the same
    validation set, and not only what the last file holds: methods that were compared before and
    left out since, and variants of earlier ablations, count.
    """
    seen = [
        look_at_comparison(path.name, one, project.list_choices(path))
        for path, one in project.comparisons.items()
    ]
    seen += [
        look_at_ablation(path.name, one, project.list_choices(path))
        for path, one in project.ablations.items()
    ]
    seen += [look_at_searches(one) for one in project.studies.values()]
    return gather(seen, because="nothing was chosen from several")


def look_at_comparison(
    where: str, comparison: Comparison, noted: Sequence[Choice] = ()
) -> Observation:
    """Whether the best of several methods is given with its expected score, too, and for as many
    as were compared; noted: the choices of its folder.
    """
    best = next((row for row in comparison.rows if row.name == comparison.best), None)
    count = len(comparison.rows)
    if best is None or count < 2:
        return NotApplicable("one method is no choice")
    score = comparison.ranking_score
    expected = best.expected(score)
    numbers: dict[str, float] = {"methods": count, "score": best.score(score)}
    if expected is None:
        return Issue(
            f"{where}: {comparison.best} is the best of {count}, and its {score} of "
            f"{best.score(score):.3f} is not corrected for that.",
            numbers,
        )
    numbers["expected"] = expected
    names = {row.name for row in comparison.rows}
    compared = _find_earlier(noted, "comparison", names) | names
    if len(compared) > count:
        return Issue(
            f"{where}: {comparison.best} is corrected for being the best of {count}, and "
            f"{len(compared)} methods were compared on its validation set.",
            numbers | {"compared": len(compared)},
        )
    uncorrected = [row.name for row in comparison.others if row.p_all_pairs is None]
    if uncorrected and any(row.rank > 1 for row in comparison.others):
        return Issue(
            f"{where}: ranks of {count} methods are by p values against the best that are not "
            "corrected for its having been picked.",
            numbers,
        )
    return Passed(
        f"{where}: of the best of {count}, with {score} {best.score(score):.3f}, {expected:.3f} is "
        "to be expected",
        numbers,
    )


def look_at_ablation(where: str, ablation: Ablation, noted: Sequence[Choice] = ()) -> Observation:
    """Whether what is adopted would be, were its p corrected for the number of variants (Holm),
    those of earlier ablations included; noted: the choices of its folder.
    """
    names = list(ablation.verdict)
    tried = {*names, ablation.baseline}
    count = len(_find_earlier(noted, "ablation", tried) | tried) - 1
    if count < 2:
        return NotApplicable("one variant is no choice")
    rows = [ablation.find_row(name, None) for name in names]
    p = np.array([np.nan if row is None else row.auroc_p for row in rows] + [1.0] * count)[:count]
    corrected = dict(zip(names, adjust_holm(p.clip(0, 1)).tolist(), strict=False))
    adopted = [name for name in names if ablation.verdict[name].decision == _ADOPT]
    level = 1 - ablation.level
    lost = [name for name in adopted if corrected[name] > level]
    numbers = {"variants": count, "adopted": len(adopted), "lost": len(lost)}
    if not lost:
        return Passed(
            f"{where}: {len(adopted)} of {len(names)} variants adopted, by corrected p", numbers
        )
    told = ", ".join(f"{name} (p {corrected[name]:.2g})" for name in lost)
    return Issue(
        f"{where}: {len(adopted)} of {len(names)} variants are adopted, of which {told} would not "
        f"be at {level:.2g}, corrected for {'' if count == len(names) else 'all '}{count}.",
        numbers,
    )


def _find_earlier(noted: Sequence[Choice], kind: ChoiceKind, names: set[str]) -> set[str]:
    """All that were chosen from on the validation set that has chosen from these names last; none
    where that is not noted.
    """
    mine = [one for one in noted if one.kind == kind]
    last = next((one for one in reversed(mine) if {*one.names} == names), None)
    if last is None:
        return set()
    return {name for one in mine if one.val_set == last.val_set for name in one.names}


def look_at_searches(study: Study) -> Observation:
    """Whether the best trial of each search that has ended is given with its optimism."""
    ended = [one for one in study.searches if _is_choice(one)]
    if not ended:
        return NotApplicable("no search has ended")
    confirmed = any(one.method == "confirm" for one in study.searches)
    lost = [] if confirmed else [one for one in ended if one.optimism is None]
    numbers = {"searches": len(ended), "uncorrected": len(lost)}
    if lost:
        told = ", ".join(f"{one.id} (best of {_count(one.trials)})" for one in lost)
        return Issue(
            f"study {study.name}: nothing says how much too good the best is of {told}.", numbers
        )
    return Passed(f"study {study.name}: the best of {len(ended)} searches is corrected", numbers)


def _is_choice(search: Search) -> bool:
    is_search = search.method != "confirm" and search.state == "finished"
    return is_search and search.best is not None and _count(search.trials) > 1


def _count(trials: Sequence[object]) -> int:
    return sum(getattr(trial, "score", None) is not None for trial in trials)


CHECK = Check(
    code="XL008",
    title="the best of many, uncorrected",
    severity="warning",
    subject=ExaminedProject,
    look=look,
    consequence="The best of many is the best by chance, too: its score is too good, the more so "
    "the more there were, and one in twenty variants passes a test at 5 % without being better.",
    remedy="Give the corrected score beside it (`xlite compare` does), confirm the best with seeds "
    "that did not choose it, or look at it once on the test part.",
)

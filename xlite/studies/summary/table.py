"""The table of a study, `summary.csv`: what each experiment and confirmed trial has reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from xlite.results.study import Study, StudyScore


def tabulate_study(study: Study) -> pd.DataFrame:
    """A row an experiment, in the order of the plan, and a row a confirmed trial."""
    rows = [
        {
            "experiment": one.id,
            "title": one.title,
            "state": one.state,
            "score": one.score,
            **_limits(one.result),
            "on": one.on if one.has_criteria else None,
            "minimum": one.minimum,
            "target": one.target,
            "stretch": one.stretch,
            "reached": one.reached,
            "expected_low": one.expected[0] if one.expected else None,
            "expected_high": one.expected[1] if one.expected else None,
            "as_expected": one.is_as_expected,
            "seeds": len(one.seeds),
            "finished_runs": len(one.runs),
            "failed_runs": len(one.failures),
            "minutes": round(one.seconds / 60, 2),
            **_other_scores(one.scores, one.score),
        }
        for one in study.experiments
    ]
    rows += [
        {
            "experiment": f"{search.id}/{trial.number}",
            "title": ", ".join(f"{name}={value}" for name, value in trial.settings.items()),
            "state": trial.state,
            "score": search.score,
            "point": trial.score,
            "finished_runs": len(trial.runs),
        }
        for search in study.searches
        if search.method == "confirm"
        for trial in search.trials
    ]
    counts = ["seeds", "finished_runs", "failed_runs"]
    table = pd.DataFrame(rows, columns=_columns_of(rows))
    return table.astype({name: "Int64" for name in counts if name in table})


def _columns_of(rows: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row)) or ["experiment"]


def _limits(score: StudyScore) -> dict[str, float | None]:
    return {"point": score.point, "low": score.low, "high": score.high}


def _other_scores(scores: Mapping[str, StudyScore], shown: str) -> dict[str, float | None]:
    """The scores but the one that the row is of, three columns each."""
    return {
        f"{name}{end}": value
        for name, score in scores.items()
        if name != shown
        for end, value in (("", score.point), ("_low", score.low), ("_high", score.high))
    }

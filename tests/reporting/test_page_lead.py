"""What a page says before anything else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import write_run

from xlite.console import decimal
from xlite.reporting.html_page import Headline, Outline, Paragraph, Question
from xlite.reporting.html_runs import score_macro_auroc
from xlite.reporting.page_lead import BestModel, date_results, describe_lead
from xlite.run_folder.folder import RunFolder
from xlite.settings import TrainSettings


@dataclass
class Images:
    name: str
    image_ids: Any
    patient_ids: Any
    targets: Any
    probs: Any
    vocabulary: tuple[str, ...]


def make_images(name: str, skill: float) -> Images:
    rng = np.random.default_rng(5)
    targets = (rng.random((80, 2)) < 0.3).astype(np.int8)
    probs = np.clip(0.4 + skill * (targets - 0.5) + rng.normal(0, 0.2, targets.shape), 0, 1)
    ids = np.arange(80).astype(str)
    return Images(name, ids, np.repeat(np.arange(40).astype(str), 2), targets, probs, ("A", "B"))


def write_split(folder: Path, *, overlap: int = 0) -> None:
    part = {"no_finding": 1, "positives": {"A": 1}, "deviation_pp": {"A": 0.0}}
    parts = {
        name: {"images": images, "patients": patients, **part}
        for name, images, patients in (("train", 1400, 900), ("val", 300, 200), ("test", 300, 201))
    }
    record = {"source": "<i>.csv", "labels": ["A"], "patient_overlap": overlap, "parts": parts}
    (folder / "split.json").write_text(json.dumps({**record, "files": {}}))


def test_the_mean_of_the_seeds_stands_beside_the_best_run(tmp_path: Path) -> None:
    runs = [make_images("s1", 0.5), make_images("s0", 0.2), make_images("s2", 0.05)]
    best = BestModel(name="m, loss bce", why="the comparison", runs=runs)
    said, headline = describe_lead(best, tmp_path, tmp_path)
    assert isinstance(said, Paragraph)
    assert said.text.startswith("Nothing has been judged yet")
    assert isinstance(headline, Headline)
    each = np.array([score_macro_auroc(run) for run in runs])
    assert headline.value == decimal(each[:, 0].mean()) < decimal(each[0, 0])
    mean, interval, best_run = headline.notes
    assert mean == "macro AUROC on validation, mean of 3 seeds; chosen by the comparison"
    low, high = map(decimal, each[:, 1:].mean(axis=0))
    assert interval == f"95 % interval {low} to {high}, over 80 films of 40 patients"
    assert best_run.startswith(f"its best run: {decimal(each[0, 0])} (")
    alone = BestModel(name="m", why="its mean score", runs=runs[:1])
    _, headline = describe_lead(alone, tmp_path, tmp_path)
    assert isinstance(headline, Headline)
    assert len(headline.notes) == 2, "of one seed there is no best"
    assert "one seed" in headline.notes[0]


def test_data_and_split_are_one_line(tmp_path: Path) -> None:
    write_split(tmp_path)
    [said] = describe_lead(None, tmp_path, tmp_path)
    assert isinstance(said, Paragraph)
    assert said.text == (
        "Data: 2,000 films of 1,301 patients from <i>.csv, 1 labels: 1,400 to train, 300 to "
        "validate, 300 to test; no patient stands on two sides."
    )
    write_split(tmp_path, overlap=3)
    [said] = describe_lead(None, tmp_path, tmp_path)
    assert isinstance(said, Paragraph)
    assert said.text.endswith("; 3 patients stand on two sides.")


@pytest.fixture
def ablation(tmp_path: Path) -> dict[str, Any]:
    from reporting.test_judged_studies import ablation

    content = ablation()
    (tmp_path / "ablation.json").write_text(json.dumps(content))
    return content


def test_a_verdict_is_said_in_words_as_well(tmp_path: Path, ablation: Any) -> None:
    question, answers = describe_lead(None, tmp_path, tmp_path)
    assert isinstance(question, Question)
    assert question.text == "Does loss=focal do better than loss=bce?"
    assert isinstance(answers, Outline)
    [answer] = answers.lines
    assert (answer.word, answer.tone) == ("ADOPT", "good")
    assert answer.title == "loss=focal instead of loss=bce"
    assert answer.text.startswith("Better: take it. Macro AUROC +0.021 (+0.004 to +0.038).")


def test_the_date_is_that_of_the_newest_result(tmp_path: Path, ablation: Any) -> None:
    assert date_results([], tmp_path) == "7 June 2025"
    run = write_run(tmp_path / "runs" / "a", TrainSettings(model="m"), config={"sittings": []})
    sitting = {
        "started": "2025-06-08T23:00:00+00:00",
        "ended": "2025-06-09T01:00:00+00:00",
        "outcome": "finished",
        "epochs": 3,
        "from_epoch": 0,
        "from_step": 0,
        "environment": json.loads((run / "config.json").read_text())["environment"],
    }
    text = json.dumps({"schema_version": 2, "sittings": [sitting]})
    (run / "sittings.json").write_text(text)
    assert date_results([RunFolder(run)], tmp_path) == "9 June 2025"
    (run / "sittings.json").write_text(text.replace("2025-06-09T01", "soon"))
    assert date_results([RunFolder(run)], tmp_path) == "8 June 2025"

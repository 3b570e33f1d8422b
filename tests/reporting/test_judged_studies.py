"""Ablations and comparisons as files, in the log and in the report."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from xlite.errors import InputError
from xlite.reporting.experiment_log import Remarks, update_experiment_log
from xlite.reporting.html_page import Paragraph, Table, VerdictBox, render_page
from xlite.reporting.html_verdicts import describe_studies
from xlite.reporting.judged_studies import read_study
from xlite.results.ablation import Ablation


def ablation(variant: str = "loss=focal", **changes: Any) -> dict[str, Any]:
    rows = []
    for name in ("loss=bce", variant):
        for label, positives in (("Hernia", 12), ("Mass", 340), ("macro", None)):
            row: dict[str, Any] = {"variant": name, "label": label, "seeds": 2}
            row |= {"train_positives": positives, "val_positives": positives}
            row["few_positives"] = positives is not None and positives < 30
            for score in ("auroc", "average_precision", "f1"):
                values = (0.7, 0.021, 0.004, 0.038, 0.001, 0.013)
                if name == "loss=bce":
                    values = (0.7, 0.0, None, None, None, None)  # type: ignore[assignment]
                keys = ("", "_change", "_change_low", "_change_high", "_p", "_p_holm")
                row |= {score + key: value for key, value in zip(keys, values, strict=True)}
            rows.append(row)
    content = {
        "command": "xlite ablate --losses bce,focal",
        "time": "2025-06-07T08:09:10+00:00",
        "baseline": "loss=bce",
        "images": 1500,
        "patients": 700,
        "seeds": [0, 1],
        "level": 0.95,
        "rule": "ADOPT: the interval lies above 0.",
        "part": "val",
        "margin": 0.01,
        "resamples": 2000,
        "verdict": {variant: verdict("ADOPT", "macro AUROC +0.021.")},
        "variants": [
            {
                "name": name,
                "values": {"loss": name},
                "cost": {"seconds_a_run": 90, "epochs_a_run": 3, "peak_memory_mb": None},
                "runs": [{"seed": 0, "name": f"{name}:s0", "run": f"run-{name}", "error": None}],
            }
            for name in ("loss=bce", variant)
        ],
        "collapse": [],
        "rows": rows,
    }
    return content | changes


def verdict(decision: str, reason: str) -> dict[str, Any]:
    return {"decision": decision, "reasons": [reason], "seeds": 2, "covers": "seeds and images"}


def comparison(**changes: Any) -> dict[str, Any]:
    scores = {"auroc": 0.8, "average_precision": 0.3, "f1": 0.25, "recall": 0.4, "brier": 0.1}
    scores |= dict.fromkeys(("precision", "specificity", "balanced_accuracy", "mcc"))  # type: ignore[arg-type]
    rows: list[dict[str, Any]] = [{"rank": 1, "name": "a|b", "seeds": 2, **scores}]
    change = {"change": -0.02, "change_low": -0.05, "change_high": 0.01, "p": 0.2, "p_holm": 0.2}
    rows.append({"rank": 1, "name": "<i>c</i>", "seeds": 2, **scores, **change})
    content = {
        "time": "2025-07-08T09:10:11+00:00",
        "part": "val",
        "images": 1500,
        "patients": 700,
        "labels": ["Mass"],
        "level": 0.95,
        "resamples": 2000,
        "best": "a|b",
        "per_class": {},
        "order": ["val.auroc", "val.recall"],
        "chosen": "a|b",
        "steps": ["val.auroc: a|b is best"],
        "rows": rows,
    }
    return content | changes


@pytest.fixture
def experiments(tmp_path: Path) -> Path:
    folder = tmp_path / "experiments"
    folder.mkdir()
    return folder


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "EXPERIMENT_LOG.md"


def put(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content))


def read_index(log: Path) -> list[list[str]]:
    lines = [line for line in log.read_text().splitlines() if line.startswith("| EXP-")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_an_ablation_has_a_row_and_a_record(log: Path, experiments: Path) -> None:
    put(experiments / "ablation.json", ablation())
    update_experiment_log(log, experiments)
    assert read_index(log) == [
        [
            *("EXP-001", "2025-06-07", "loss=bce against loss=focal", "finished"),
            *("loss=focal macro AUROC +0.021 (+0.004 to +0.038)", "loss=focal: ADOPT"),
        ]
    ]
    text = log.read_text()
    for part in (
        "- Objective: whether loss=focal should replace loss=bce\n",
        "- Seeds: 0, 1\n",
        "- Verdict on loss=focal: ADOPT. macro AUROC +0.021.\n",
        "- Rule: ADOPT: the interval lies above 0.\n",
        "- Cost of loss=focal: 1.5 min a run\n",
        "| Hernia | 12 | 12 | 0.700 | +0.021 (+0.004 to +0.038) |\n",
        "| macro |  |  | 0.700 | +0.021 (+0.004 to +0.038) |\n",
        "```sh\nxlite ablate --losses bce,focal\n```\n",
    ):
        assert part in text


def test_a_comparison_has_a_row_and_a_record(log: Path, experiments: Path) -> None:
    put(experiments / "comparison.json", comparison())
    update_experiment_log(log, experiments)
    [row] = read_index(log)
    assert row[1] == "2025-07-08"
    assert row[4:] == [r"a\|b: auroc 0.800", r"chosen: a\|b"]
    assert r"| &lt;i>c&lt;/i> | 1 | 2 | 0.800 | 0.400 | -0.020 (-0.050 to +0.010) | 0.200 |" in (
        log.read_text()
    )


def test_a_record_stays_when_the_next_study_overwrites_its_file(
    log: Path, experiments: Path
) -> None:
    put(experiments / "ablation.json", ablation())
    update_experiment_log(log, experiments)
    first = log.read_text()
    record = first[first.index("<!-- ablation:EXP-001") : first.index("<!-- xlite:end")]
    put(experiments / "ablation.json", ablation("loss=ldam"))
    update_experiment_log(log, experiments)
    assert [row[0] for row in read_index(log)] == ["EXP-001", "EXP-002"]
    assert read_index(log)[0][3:] == [
        *("finished", "loss=focal macro AUROC +0.021 (+0.004 to +0.038)", "loss=focal: ADOPT")
    ]
    assert record in log.read_text()
    put(experiments / "ablation.json", ablation())
    update_experiment_log(log, experiments)
    assert [row[0] for row in read_index(log)] == ["EXP-001", "EXP-002"], "no third id"
    (experiments / "ablation.json").unlink()
    before = log.stat()
    update_experiment_log(log, experiments)
    assert log.stat().st_ino == before.st_ino, "nothing changed, so nothing is written"


def test_the_same_runs_judged_again_keep_their_id(log: Path, experiments: Path) -> None:
    put(experiments / "ablation.json", ablation())
    update_experiment_log(log, experiments)
    worse = {"loss=focal": verdict("REJECT", "worse.")}
    put(experiments / "ablation.json", ablation(verdict=worse))
    update_experiment_log(log, experiments)
    [row] = read_index(log)
    assert row[0] == "EXP-001"
    assert row[5] == "loss=focal: REJECT"


def test_the_date_is_that_of_the_last_run(log: Path, experiments: Path) -> None:
    put(experiments / "ablation.json", ablation())
    models = {
        name: {"run": f"runs/run-{name}", "finished": f"2025-01-0{day}T00:00:00+00:00"}
        for day, name in ((2, "loss=bce"), (1, "loss=focal"), (9, "other"))
    }
    put(experiments / "training_progress.json", {"models": models})
    update_experiment_log(log, experiments)
    assert read_index(log)[0][1] == "2025-01-02"


def test_remarks_go_into_the_notes_and_the_index(log: Path, experiments: Path) -> None:
    path = experiments / "ablation.json"
    put(path, ablation())
    put(experiments / "comparison.json", comparison())
    update_experiment_log(log, experiments)
    text = log.read_text().replace("<!-- notes:EXP-001 -->\n", "<!-- notes:EXP-001 -->\nMine.\n")
    log.write_text(text)
    said = {"Decision": "keep | bce --> <!-- end notes -->", "Objective": "to see"}
    assert update_experiment_log(log, experiments, remarks=Remarks(said, source=path)) == "EXP-001"
    text = log.read_text()
    assert "Mine.\nDecision: keep | bce" in text
    assert "- Objective: to see\n" in text
    assert read_index(log)[0][5].startswith(r"keep \| bce")
    # Said again, it replaces what was said; and it outlives the file.
    path.unlink()
    again = Remarks({"Decision": "adopt", "Focus": "rare labels"}, key="EXP-001")
    assert update_experiment_log(log, experiments, remarks=again) == "EXP-001"
    assert "keep" not in log.read_text().partition("<!-- notes:EXP-001")[2]
    assert read_index(log)[0][2::3] == ["rare labels", "adopt"]
    # Without a name it is the newest.
    assert update_experiment_log(log, experiments, remarks=Remarks({})) == "EXP-002"
    before = log.read_bytes()
    update_experiment_log(log, experiments)
    assert log.read_bytes() == before


def test_remarks_on_nothing_are_refused(log: Path, experiments: Path) -> None:
    with pytest.raises(InputError, match="no record yet"):
        update_experiment_log(log, experiments, remarks=Remarks({}))
    put(experiments / "ablation.json", ablation())
    for remarks, message in (
        (Remarks({}, key="EXP-009"), r"no record EXP-009; it has EXP-001"),
        (Remarks({}, source=Path("runs/absent")), r"'absent' is no finished run"),
        (Remarks({}, source=Path("absent.json")), r"absent\.json does not exist"),
    ):
        with pytest.raises(InputError, match=message):
            update_experiment_log(log, experiments, remarks=remarks)
    assert not log.exists()


@pytest.mark.parametrize("lost", ["rows", "verdict", "variants", "rule", "images"])
def test_a_study_that_lacks_something_is_named(experiments: Path, lost: str) -> None:
    content = ablation()
    del content[lost]
    put(experiments / "ablation.json", content)
    with pytest.raises(InputError, match=r"ablation\.json has (no|None in|.* in) '"):
        read_study(experiments / "ablation.json")


def test_undefined_numbers_are_nan(experiments: Path) -> None:
    put(experiments / "ablation.json", ablation())
    study = read_study(experiments / "ablation.json")
    assert isinstance(study, Ablation)
    row = study.find_row("loss=bce", "Mass")
    assert row is not None
    assert row.change("auroc").low != row.change("auroc").low
    assert study.labels == ("Hernia", "Mass")


def test_the_report_shows_verdicts_and_changes(experiments: Path) -> None:
    assert all(section.is_absent for section in describe_studies(experiments))
    evil = "loss=<script>x</script>"
    collapse = {"variant": evil, "kind": "never found", "meaning": "F1 of 0", "cause": "too few"}
    found = ablation(evil, collapse=[collapse | {"labels": {"Hernia": [0, 1]}}])
    found["variants"][1]["runs"].append(
        {"seed": 1, "name": "s1", "run": "run-s1", "error": "no memory"}
    )
    put(experiments / "ablation.json", found)
    put(experiments / "comparison.json", comparison())
    sections = describe_studies(experiments)
    verdicts, changes, ranking = sections
    words = [block for block in verdicts.blocks if isinstance(block, VerdictBox)]
    assert [(v.word, v.tone) for v in words] == [("ADOPT", "good"), ("CHOSEN", "open")]
    assert words[0].rule == "ADOPT: the interval lies above 0."
    tables = [block for block in changes.blocks if isinstance(block, Table)]
    for table in (*tables, *(block for block in ranking.blocks if isinstance(block, Table))):
        assert {len(row) for row in (*table.rows, *table.foot)} == {len(table.columns)}
    assert tables[1].rows[0][3].text == "+0.021 (+0.004 to +0.038)"
    assert [row[0].text for row in tables[1].foot] == ["macro"]
    page = render_page("t", "i", sections)
    assert page.count("<script>") == 1
    assert "&lt;i&gt;c&lt;/i&gt;" in page
    assert "Failed: s1: no memory" in page
    assert "never found: Hernia" in page


def test_a_label_called_macro_is_not_taken_for_the_mean(experiments: Path) -> None:
    content = ablation()
    for row in content["rows"]:
        row["label"] = "macro" if row["label"] == "Hernia" else row["label"]
    put(experiments / "ablation.json", content)
    study = read_study(experiments / "ablation.json")
    assert isinstance(study, Ablation)
    assert study.labels == ("macro", "Mass")
    label, mean = study.find_row("loss=focal", "macro"), study.find_row("loss=focal", None)
    assert label is not None
    assert mean is not None
    assert (label.val_positives, mean.val_positives) == (12, None)
    tables = [
        block for block in describe_studies(experiments)[1].blocks if isinstance(block, Table)
    ]
    assert len(tables[1].rows) == 2
    assert len(tables[1].foot) == 1


def test_a_comparison_shows_its_corrected_p_and_that_of_version_0_1(experiments: Path) -> None:
    new = comparison()
    new["rows"][1] |= {"p_all_pairs": 0.321}
    new["rows"][0]["auroc_expected"] = 0.777
    for content, p in ((comparison(), "0.200"), (new, "0.321")):
        put(experiments / "comparison.json", content)
        [table] = [b for b in describe_studies(experiments)[2].blocks if isinstance(b, Table)]
        assert table.rows[1][-1].text == p
    assert "0.777" in [cell.text for cell in table.rows[0]]


def test_a_comparison_of_runs_that_were_looked_at_after_each_seed_says_so(
    log: Path, experiments: Path
) -> None:
    put(experiments / "comparison.json", comparison())
    update_experiment_log(log, experiments)
    assert "looked at after each" not in log.read_text()
    grown = {"methods": ["a|b"], "max_seeds": 6}
    put(experiments / "comparison.json", comparison(grown=grown))
    [note] = [b for b in describe_studies(experiments)[2].blocks if isinstance(b, Paragraph)]
    assert note.is_warning
    assert note.text.startswith("a|b: seeds were added one after the other, up to 6")
    update_experiment_log(log, experiments)
    assert "up to 6, and looked at after each" in log.read_text()


def test_an_ablation_shows_how_probable_each_change_is(experiments: Path) -> None:
    content = ablation()
    for row in content["rows"]:
        row |= {"auroc_p_worse": 0.02, "auroc_p_equivalent": 0.9, "auroc_p_better": 0.08}
    put(experiments / "ablation.json", content | {"margins": {"auroc": 0.01}})
    _, section, _ = describe_studies(experiments)
    tables = [block for block in section.blocks if isinstance(block, Table)]
    titles = [column.title for column in tables[1].columns]
    assert titles.count("P worse / equivalent / better") == 1
    column = titles.index("P worse / equivalent / better")
    for row in [*tables[1].rows, *tables[1].foot]:
        assert row[column].text == "0.020 / 0.900 / 0.080"
    assert "Margins: AUROC 0.01." in tables[1].caption


@pytest.mark.parametrize(
    ("decision", "tone"),
    [("EQUIVALENT", "even"), ("NON-INFERIOR", "even"), ("REJECT", "bad"), ("UNDECIDED", "open")],
)
def test_a_comparison_shows_its_verdicts(
    log: Path, experiments: Path, decision: str, tone: str
) -> None:
    name = "<i>c</i>"
    content = comparison(verdict={name: verdict(decision, "it is so")}, rule="By rule.")
    content["rows"][1] |= {"p_worse": 0.02, "p_equivalent": 0.9, "p_better": 0.08}
    put(experiments / "comparison.json", content)
    _, _, section = describe_studies(experiments)
    (table,) = [block for block in section.blocks if isinstance(block, Table)]
    assert [cell.text for cell in table.rows[0]][-2:] == ["–", "–"]
    assert [cell.text for cell in table.rows[1]][-2:] == [decision, "0.020 / 0.900 / 0.080"]
    (box,) = [block for block in section.blocks if isinstance(block, VerdictBox)]
    assert (box.word, box.tone, box.reason) == (decision, tone, "It is so")
    update_experiment_log(log, experiments)
    text = log.read_text()
    assert f"b: {decision}. it is so" in text
    assert "Rule of verdicts: By rule." in text

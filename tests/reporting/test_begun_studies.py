"""Studies on the page and in the log: the path taken, criteria, searches, decisions."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from told_studies import FINE_TUNING, SEARCH, tell_fine_tuning, tell_search

from xlite.files import write_json
from xlite.reporting.begun_studies import find_studies
from xlite.reporting.experiment_log import update_experiment_log
from xlite.reporting.html_page import Outline, Picture, Table, VerdictBox, write_page
from xlite.reporting.html_studies import describe_begun_studies
from xlite.reporting.search_figures import draw_parallel_axes
from xlite.results.study import RungCorrelation, Study
from xlite.studies.folder import StudyFolder
from xlite.studies.rules.standing import Standing
from xlite.studies.study_plan import StudyPlan
from xlite.studies.summary.study import write_study_record


def tell(experiments: Path, name: str, plan: StudyPlan, told: Any, **options: Any) -> Study:
    folder = StudyFolder(experiments / "studies" / name)
    return write_study_record(folder, Standing(plan, told.state, {}), **options)


def titles(outline: Outline) -> list[tuple[str, str]]:
    return [(line.word, line.title) for line in outline.lines]


def test_a_study_shows_its_path_criteria_and_decisions(tmp_path: Path) -> None:
    told = tell_fine_tuning()
    told.answer("choose", "best: 2.5", "it is better")
    told.decide("winner", "reader 1 chose", id="2.5")
    tell(tmp_path, "one", FINE_TUNING, told)
    [section] = describe_begun_studies(tmp_path)
    [box] = [block for block in section.blocks if isinstance(block, VerdictBox)]
    assert (box.word, box.subject, box.reason) == ("WINNER", "2.5", "Reader 1 chose.")
    [outline] = [block for block in section.blocks if isinstance(block, Outline)]
    assert titles(outline)[-1] == (
        "decided",
        "rule above-83: any of 2.1, 2.2 above 0.83 in val.auroc",
    )
    below = outline.lines[-1].items
    assert titles(Outline(below)) == [
        ("finished", "then → 2.5: longer"),
        ("decided", "question choose: Which becomes the default?"),
        ("not taken", "otherwise → check: was the checkpoint loaded?"),
    ]
    assert titles(Outline(below[1].items)) == [("decided", "best: 2.5 → the study ends")]
    criteria, decisions = (block for block in section.blocks if isinstance(block, Table))
    row = {
        column.title: cell for column, cell in zip(criteria.columns, criteria.rows[1], strict=True)
    }
    assert row["score"].text == "val.auroc (lower bound)"
    assert row["value"].text == "0.820"
    assert row["interval"].text == "0.750 to 0.880"
    assert (row["reached"].text, row["reached"].is_marked) == ("nothing", True)
    assert [cell.text for cell in decisions.rows[1]][:2] == ["ask:choose", "reader 1"]


def test_no_improvement_is_said(tmp_path: Path) -> None:
    tell(tmp_path, "one", FINE_TUNING, tell_fine_tuning(is_good=False))
    [section] = describe_begun_studies(tmp_path)
    [box] = [block for block in section.blocks if isinstance(block, VerdictBox)]
    assert (box.word, box.subject) == ("NO IMPROVEMENT", "nothing won")
    assert box.reason == "Nothing reached a minimum."


def test_a_baseline_that_wins_is_no_improvement(tmp_path: Path) -> None:
    told = tell_fine_tuning()
    told.decide("winner", "keep", id="2.1")
    tell(tmp_path, "one", FINE_TUNING, told)
    [section] = describe_begun_studies(tmp_path)
    [box] = [block for block in section.blocks if isinstance(block, VerdictBox)]
    assert (box.word, box.subject) == ("NO IMPROVEMENT", "the baseline 2.1 stays")


def test_a_question_that_waits_is_said(tmp_path: Path) -> None:
    tell(tmp_path, "one", FINE_TUNING, tell_fine_tuning(), open_questions=("choose",))
    [section] = describe_begun_studies(tmp_path)
    texts = [getattr(block, "text", "") for block in section.blocks]
    assert any("Waits for a person: Which becomes the default?" in text for text in texts)


def svg_of(uri: str) -> str:
    return base64.b64decode(uri.partition(",")[2]).decode()


def test_a_search_is_drawn_on_axes_of_its_own_scale(tmp_path: Path) -> None:
    study = tell(tmp_path, "one", SEARCH, tell_search())
    svg = svg_of(draw_parallel_axes(study.searches[0]))
    texts = re.findall(r"<!-- (.*?) -->", svg)
    for name in ("model", "lr", "dropout", "batch-size", "val.auroc"):
        assert name in texts
    # A decade each: a linear axis would have crowded all but the last.
    assert {"1e-05", "0.0001", "0.001", "0.01"} <= set(texts)
    assert {"8", "16", "24", "32"} <= set(texts)


def test_names_are_no_formulas_in_figures(tmp_path: Path) -> None:
    study = tell(tmp_path, "one", SEARCH, tell_search())
    search = study.searches[0]
    odd = replace(search.space[0], values=("$x^2", "a$b"))
    assert draw_parallel_axes(replace(search, space=(odd, *search.space[1:])))


def test_a_search_says_how_far_to_believe_it(tmp_path: Path) -> None:
    study = tell(tmp_path, "one", SEARCH, tell_search())
    first, second = study.searches
    told = replace(
        first,
        importance={"lr": 0.7, "model": 0.3},
        rung_correlations=(RungCorrelation(epochs=1, later_epochs=3, trials=4, correlation=0.8),),
    )
    path = tmp_path / "studies" / "one" / "study.json"
    write_json(path, replace(study, searches=(told, second)).to_json())
    [section] = describe_begun_studies(tmp_path)
    texts = [getattr(block, "text", "") for block in section.blocks]
    assert any("about 0.031 too good in val.auroc" in text for text in texts)
    assert any("0.829 corrected" in text for text in texts)
    pictures = [block.alt for block in section.blocks if isinstance(block, Picture)]
    assert pictures == [
        "The trials of first as lines over their settings and score.",
        "The score of each trial of first at each rung that it reached.",
        "Importance of the settings of first.",
    ]
    tables = [block.caption for block in section.blocks if isinstance(block, Table)]
    assert any("Spearman" in caption for caption in tables)


def test_a_damaged_record_is_named_and_the_others_are_shown(tmp_path: Path) -> None:
    tell(tmp_path, "one", FINE_TUNING, tell_fine_tuning())
    bad = tmp_path / "studies" / "two" / "study.json"
    bad.parent.mkdir()
    bad.write_text("{")
    found, faults = find_studies(tmp_path)
    assert [path.name for path in found] == ["one"]
    assert len(faults) == 1
    assert "the study two is left out" in faults[0]
    assert len(describe_begun_studies(tmp_path)) == 2


def test_the_log_has_a_section_a_study_that_goes_on_with_it(tmp_path: Path) -> None:
    log = tmp_path / "LOG.md"
    tell(tmp_path, "one", FINE_TUNING, tell_fine_tuning(), open_questions=("choose",))
    update_experiment_log(log, tmp_path)
    first = log.read_text()
    assert "| EXP-001 | 2026-03-01 | study fine-tuning | waiting |" in first
    assert "xlite study work studies/one\n" in first
    assert "  - then → 2.5: longer (finished). val.auroc 0.900 (0.850 to 0.940)" in first
    told = tell_fine_tuning()
    told.answer("choose", "keep baseline", "not worth | the <time>")
    told.decide("winner", "a person's word", id="2.1")
    told.decide("end", "nothing is left")
    tell(tmp_path, "one", FINE_TUNING, told)
    update_experiment_log(log, tmp_path)
    text = log.read_text()
    assert text.count("### EXP-") == 1
    assert (
        "| finished | 2.1: val.auroc 0.870 (0.800 to 0.900) | no improvement; the baseline 2.1"
        in text
    )
    assert r"not worth \| the &lt;time>" in text
    update_experiment_log(log, tmp_path)
    assert log.read_text() == text


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_of_studies_is_sound_in_a_browser(
    browser: Any, tmp_path: Path, width: int
) -> None:
    told = tell_fine_tuning()
    told.answer("choose", "best: 2.5", "<script>alert(1)</script> " + "a long reason " * 40)
    tell(tmp_path, "one", FINE_TUNING, told)
    tell(tmp_path, "two", SEARCH, tell_search())
    page = tmp_path / "page.html"
    write_page(page, "Studies", "", describe_begun_studies(tmp_path))
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.call("Emulation.setDeviceMetricsOverride", **size)
    browser.open(page)
    assert browser.complaints == []
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate("Math.min(...[...document.images].map(i => i.naturalWidth))") > 0
    # The rule's branches hang on it, and the end of the study on the question.
    assert (
        browser.evaluate("document.querySelectorAll('.outline .outline .outline li').length") == 1
    )
    assert json.loads(browser.evaluate("JSON.stringify(document.scripts.length)")) == 1


def test_a_search_is_called_by_its_phase_in_the_tree(tmp_path: Path) -> None:
    tell(tmp_path, "one", SEARCH, tell_search())
    [section] = describe_begun_studies(tmp_path)
    [outline] = [block for block in section.blocks if isinstance(block, Outline)]
    assert titles(outline) == [
        ("finished", "Search first: tpe, 12 runs"),
        ("finished", "Search second: fresh seeds 100, 101"),
    ]


def test_a_study_that_looks_for_no_winner_says_so_once_it_has_ended(tmp_path: Path) -> None:
    told = tell_search(is_confirmed=False)
    told.decide("end", "nothing is left")
    tell(tmp_path, "one", SEARCH, told)
    [section] = describe_begun_studies(tmp_path)
    [box] = [block for block in section.blocks if isinstance(block, VerdictBox)]
    assert (box.word, box.subject) == ("ENDED", "")
    assert box.reason == "The plan looks for no winner: it has no [finally]."

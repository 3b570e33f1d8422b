"""The card of an exported run: front matter for the hub, kept notes, and nothing that is forged."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from xlite.errors import InputError
from xlite.reporting.export_card import CardFacts, render_export_card
from xlite.results.evaluation import Look
from xlite.run_folder.folder import RunFolder
from xlite.settings import TrainSettings

SETTINGS = TrainSettings(model="resnet10t", initial_weights="none", epochs=1)
HOSTILE = (
    "<script>alert(1)</script>",
    "a|b\n---\npipeline_tag: x <!-- end notes --> [x](http://y)",
)


@pytest.fixture
def run(tmp_path: Path, make_run: Any) -> RunFolder:
    return RunFolder(make_run(tmp_path / "experiments/runs/a", SETTINGS))


def read_front(card: str) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load(card.split("---\n")[1])
    return values


def test_front_matter_is_what_the_hub_reads_and_names_no_licence(run: RunFolder) -> None:
    card = render_export_card(run)
    front = read_front(card)
    assert front["pipeline_tag"] == "image-classification"
    assert front["library_name"] == "xlite"
    assert front["tags"] == ["chest-x-ray", "multi-label", "xlite", "resnet10t"]
    assert "license" not in front
    hub = pytest.importorskip("huggingface_hub")
    data = hub.ModelCard(card).data
    scores = {one.metric_name: one.metric_value for one in data.eval_results}
    assert scores["val.auroc"] == 0.5
    assert (data.model_name, data.license) == ("a", None)


def test_what_people_write_between_the_markers_stays(run: RunFolder) -> None:
    card = render_export_card(run)
    edited = card.replace("# notes\n", "# notes\nlicense: cc-by-4.0\n").replace(
        "<!-- notes:card -->", "<!-- notes:card -->\nTrained for **us**.\r\n"
    )
    again = render_export_card(run, old=edited)
    assert again == edited
    assert read_front(again)["license"] == "cc-by-4.0"
    spoilt = edited.replace("## Intended use", "## Use it for anything")
    assert render_export_card(run, old=spoilt) == edited


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<!-- end notes -->", "", r"one line <!-- end notes -->; it has 1 and 0"),
        ("# end notes\n", "", r"one line # end notes; it has 1 and 0"),
        ("# notes\n", "# notes\nlicense: [\n", "no YAML.*license: cc-by-4.0"),
        ("# notes\n", "# notes\n- mit\n", "name no key"),
        ("# notes\n", "# notes\ntags: [x]\n", "'tags', which is generated"),
    ],
)
def test_damaged_notes_are_refused(run: RunFolder, old: str, new: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        render_export_card(run, old=render_export_card(run).replace(old, new))


def test_markup_in_labels_and_names_neither_acts_nor_forges(tmp_path: Path, make_run: Any) -> None:
    scores = {"val": {"per_class": {label: {"auroc": 0.5} for label in HOSTILE}}}
    config = {"labels": list(HOSTILE)}
    path = tmp_path / "x_<img src=y>: {a `b"
    run = RunFolder(make_run(path, SETTINGS, config=config, scores=scores))
    for old in (None, render_export_card(run)):
        card = render_export_card(run, old=old)
        assert set(read_front(card)) == {"pipeline_tag", "library_name", "tags", "model-index"}
        body = card.split("---\n", 2)[2]
        assert not re.search(r"<(?!!-- (notes:card|end notes|What you write))", body)
        assert body.count("<!-- end notes -->") == 1
        assert not re.search(r"(?<!\\)\[x(?<!\\)\]\(", body)
        assert not re.search(r"\{a `", body)
    rows = [line for line in card.splitlines() if line.startswith("| a")]
    assert rows
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 3 for row in rows)


def test_looks_and_misuses_are_said(run: RunFolder) -> None:
    looks = [
        Look(time="2026-03-01T10:00:00", command="xlite evaluate", test_set="t", run=run.name),
        Look(time="2026-04-01T10:00:00", command="xlite compare", test_set="t", run="other"),
    ]
    card = render_export_card(run, facts=CardFacts(test_looks=looks))
    assert "by whichever run: 2, the first of 2026-03-01, the last of 2026-04-01" in card
    assert "It must not be used" in card
    assert "for Edema: fewer than 30 positives in training." in card
    assert "## Thresholds and calibration\n\nNone: no thresholds were looked for." in card
    assert "How often the test part was looked at is not known." in render_export_card(run)
    assert "was not looked at" in render_export_card(run, facts=CardFacts(test_looks=[]))

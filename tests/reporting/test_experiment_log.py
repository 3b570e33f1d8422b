from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import write_run
from xlite.errors import InputError
from xlite.reporting.experiment_log import update_experiment_log
from xlite.reporting.log_markdown import join_command
from xlite.settings import LossSettings, PolicySettings, SamplerSettings, TrainSettings
from xlite.settings.names import PARTS


def settings_of(**changes: Any) -> TrainSettings:
    return TrainSettings(model=changes.pop("model", "resnet10t+mhsa"), **changes)


def add_run(
    experiments: Path,
    name: str,
    settings: TrainSettings | None = None,
    *,
    finished: str | None = None,
    auroc: float | None = 0.71234,
    undefined: dict[str, list[str]] | None = None,
) -> Path:
    settings = settings or settings_of()
    folder = write_run(
        experiments / "runs" / name,
        settings,
        scores={
            "epochs": 12,
            "best_epoch": 9,
            "val": {"macro": {"auroc": auroc}, "undefined": undefined or {}},
        },
    )
    if finished is not None:
        path = experiments / "training_progress.json"
        models = json.loads(path.read_text())["models"] if path.exists() else {}
        models[f"{name} {len(models)}"] = {"run": f"runs/{name}", "finished": finished}
        path.write_text(json.dumps({"models": models}))
    return folder


@pytest.fixture
def experiments(tmp_path: Path) -> Path:
    folder = tmp_path / "experiments"
    folder.mkdir()
    return folder


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "EXPERIMENT_LOG.md"


def read_index(log: Path) -> list[list[str]]:
    """The cells of the index, split as Markdown does: at pipes without a backslash."""
    lines = [line for line in log.read_text().splitlines() if line.startswith("| EXP-")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def read_ids(log: Path) -> dict[str, str]:
    return dict(re.findall(r"^<!-- run:(EXP-\d+) (\S+) -->$", log.read_text(), re.MULTILINE))


def record_of(log: Path, key: str) -> str:
    text = log.read_text()
    start = text.index(f"<!-- run:{key} ")
    return text[start : text.index("<!-- end notes -->", start)]


def test_a_missing_log_is_created_with_a_heading(log: Path, experiments: Path) -> None:
    update_experiment_log(log, experiments)
    text = log.read_text()
    assert text.startswith("# Experiment log\n\n")
    assert "No run has finished yet." in text
    add_run(experiments, "first")
    update_experiment_log(log, experiments)
    assert read_ids(log) == {"EXP-001": "first"}
    assert "No run has finished yet." not in log.read_text()


def test_the_index_and_the_record_say_what_the_files_hold(log: Path, experiments: Path) -> None:
    settings = settings_of(
        epochs=12, loss=LossSettings(name="focal", focal_gamma=1.5), initial_weights="none"
    )
    add_run(
        experiments,
        "run-a",
        settings,
        finished="2025-03-01T10:20:30+00:00",
        undefined={"f1": ["Hernia", "Edema"]},
    )
    update_experiment_log(log, experiments)
    assert read_index(log) == [
        [
            *("EXP-001", "2025-03-01", "resnet10t+mhsa, focal, sampler none, seed 42"),
            *("finished", "val AUROC 0.712", ""),
        ]
    ]
    record = record_of(log, "EXP-001")
    for text in (
        "Differs from the defaults: initial_weights = none, loss.name = focal, "
        "loss.focal_gamma = 1.5, epochs = 12\n",
        "Data: 7,000 train, 150 val, 151 test images; split SHA-256: train aaaaaaaaaaaa, "
        "val bbbbbbbbbbbb, test cccccccccccc; pixels dddddddddddd\n",
        "AUROC 0.712, AP 0.250, F1 0.125 (cross-fitted thresholds)\n",
        "Left out of the macro f1, undefined: Hernia, Edema\n",
        "Best epoch: 9 of 12\n",
        "Parameters: 1,234,567\n",
        "Time: 1.5 min, finished 2025-03-01T10:20:30+00:00\n",
        "Folder: experiments/runs/run-a\n",
        "xlite 0.1.0, torch 2.9.0, Python 3.12.1, x86_64, 2 threads",
    ):
        assert text in record


def test_a_baseline_differs_in_nothing_and_an_undefined_score_is_a_dash(
    log: Path, experiments: Path
) -> None:
    add_run(experiments, "run-a", auroc=None)
    update_experiment_log(log, experiments)
    assert "Differs from the defaults: nothing\n" in record_of(log, "EXP-001")
    [row] = read_index(log)
    assert (row[1], row[4]) == ("", "val AUROC –")


def test_unfinished_runs_and_stray_files_are_not_listed(log: Path, experiments: Path) -> None:
    (add_run(experiments, "stopped") / "scores.json").unlink()
    (experiments / "runs" / "notes.txt").write_text("")
    update_experiment_log(log, experiments)
    assert read_ids(log) == {}


def test_ids_follow_the_time_at_which_runs_ended_and_stay(log: Path, experiments: Path) -> None:
    add_run(experiments, "b", finished="2025-01-02T00:00:00+00:00")
    add_run(experiments, "c", finished="2025-01-01T00:00:00+00:00")
    add_run(experiments, "a")
    update_experiment_log(log, experiments)
    assert read_ids(log) == {"EXP-001": "c", "EXP-002": "b", "EXP-003": "a"}
    # Earlier than all and first in the alphabet, and still the fourth to appear.
    add_run(experiments, "0", finished="2024-01-01T00:00:00+00:00")
    update_experiment_log(log, experiments)
    assert list(read_ids(log).items())[-1] == ("EXP-004", "0")
    assert list(read_ids(log).values())[:3] == ["c", "b", "a"]


def test_a_run_listed_twice_has_the_date_of_its_first_end(log: Path, experiments: Path) -> None:
    add_run(experiments, "a", finished="2025-01-02T00:00:00+00:00")
    path = experiments / "training_progress.json"
    models = json.loads(path.read_text())["models"]
    models["again"] = {"run": "runs/a", "finished": "2025-05-05T00:00:00+00:00"}
    models["unfinished"] = {"run": "runs/a"}
    path.write_text(json.dumps({"models": models}))
    update_experiment_log(log, experiments)
    assert read_index(log)[0][1] == "2025-01-02"


def test_without_a_change_nothing_is_written(log: Path, experiments: Path) -> None:
    add_run(experiments, "a")
    update_experiment_log(log, experiments)
    before = log.stat()
    update_experiment_log(log, experiments)
    after = log.stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)
    add_run(experiments, "b")
    update_experiment_log(log, experiments)
    assert log.stat().st_ino != before.st_ino, "the check above has to be able to fail"


# Lone carriage returns, tabs and trailing blanks are what an editor or a merge leaves behind.
prose = st.text(
    st.sampled_from("a|B \t\r\n#`*é-<!>") | st.characters(codec="utf-8"), max_size=60
).filter(lambda text: "<!--" not in text and "-->" not in text)


@given(above=prose, below=prose, notes=prose)
@settings(max_examples=40, deadline=None)
def test_prose_is_kept_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, above: str, below: str, notes: str
) -> None:
    folder = tmp_path_factory.mktemp("log")
    log, experiments = folder / "LOG.md", folder / "experiments"
    add_run(experiments, "a")
    log.write_bytes(above.encode())
    update_experiment_log(log, experiments)
    text = log.read_bytes().decode()
    assert text.startswith(above)
    marker = "<!-- notes:EXP-001 -->"
    written = text.replace(f"{marker}\n", marker + notes) + below
    assert written.count(notes) >= 1
    log.write_bytes(written.encode())
    add_run(experiments, "b")
    update_experiment_log(log, experiments)
    result = log.read_bytes().decode()
    assert result.startswith(above)
    assert result.endswith("<!-- xlite:end -->\n" + below)
    assert f"{marker}{notes}<!-- end notes -->" in result
    assert read_ids(log) == {"EXP-001": "a", "EXP-002": "b"}


def test_an_id_in_notes_or_prose_is_no_id_of_a_run(log: Path, experiments: Path) -> None:
    add_run(experiments, "a")
    update_experiment_log(log, experiments)
    row = "| EXP-008 | ours |\n"
    log.write_text(row + log.read_text().replace("<!-- end notes", row + "<!-- end notes") + row)
    add_run(experiments, "b")
    update_experiment_log(log, experiments)
    assert log.read_text().count(row) == 3
    assert read_ids(log) == {"EXP-001": "a", "EXP-002": "b"}


def test_a_run_whose_folder_is_gone_keeps_id_record_and_notes(
    log: Path, experiments: Path, tmp_path: Path
) -> None:
    folder = add_run(experiments, "a", settings_of(epochs=7))
    update_experiment_log(log, experiments)
    marker = "<!-- notes:EXP-001 -->\n"
    log.write_text(log.read_text().replace(marker, marker + "Why we ran it.\n"))
    record = record_of(log, "EXP-001")
    folder.rename(tmp_path / "elsewhere")
    add_run(experiments, "b")
    update_experiment_log(log, experiments)
    assert record_of(log, "EXP-001") == record
    assert read_ids(log) == {"EXP-001": "a", "EXP-002": "b"}
    assert [row[3] for row in read_index(log)] == ["folder missing", "finished"]
    assert read_index(log)[0][2] == "resnet10t+mhsa, pos-weight, sampler none, seed 42"
    (tmp_path / "elsewhere").rename(folder)
    update_experiment_log(log, experiments)
    assert record_of(log, "EXP-001") == record
    assert [row[3] for row in read_index(log)] == ["finished", "finished"]


def test_an_id_whose_record_was_removed_is_not_given_to_another_run(
    log: Path, experiments: Path
) -> None:
    add_run(experiments, "a")
    update_experiment_log(log, experiments)
    text = log.read_text()
    start, end = text.index("<!-- run:EXP-001"), text.index("<!-- end notes -->")
    log.write_text(text[:start] + text[end + len("<!-- end notes -->") :])
    add_run(experiments, "0")
    update_experiment_log(log, experiments)
    assert read_ids(log) == {"EXP-002": "0", "EXP-003": "a"}


def test_text_from_files_can_break_neither_table_nor_markers(log: Path, experiments: Path) -> None:
    model = "a|b\\|c\n<!-- xlite:end -->\n<!-- notes:EXP-001 -->`x`"
    add_run(experiments, "odd name|<!-- end notes -->", settings_of(model=model))
    update_experiment_log(log, experiments)
    [row] = read_index(log)
    assert len(row) == 6
    assert row[2].startswith(r"a\|b")
    before = log.read_bytes()
    update_experiment_log(log, experiments)
    assert log.read_bytes() == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<!-- xlite:begin -->", ""),
        ("<!-- xlite:end -->", ""),
        ("<!-- xlite:end -->", "<!-- xlite:end -->\n<!-- xlite:end -->"),
        ("<!-- run:EXP-001 a -->", ""),
        ("<!-- notes:EXP-001 -->", ""),
        ("<!-- end notes -->", ""),
        ("EXP-002", "EXP-001"),
        ("<!-- run:EXP-002 b -->", "<!-- run:EXP-002 a -->"),
    ],
)
def test_a_damaged_log_is_refused_and_left_alone(
    log: Path, experiments: Path, old: str, new: str
) -> None:
    for name in ("a", "b"):
        add_run(experiments, name)
    update_experiment_log(log, experiments)
    text = log.read_text()
    assert old in text
    damaged = text.replace(old, new) if "EXP-002" in old else text.replace(old, new, 1)
    log.write_text(damaged)
    with pytest.raises(InputError, match=re.escape(str(log))):
        update_experiment_log(log, experiments)
    assert log.read_text() == damaged


def test_files_that_cannot_be_read_are_named_and_stop_nothing(
    log: Path, experiments: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = add_run(experiments, "a")
    add_run(experiments, "b")
    update_experiment_log(log, experiments)
    capsys.readouterr()
    for content, fault in (('{"val": {}}', "has no 'model'"), ("{", "is not valid JSON")):
        (folder / "scores.json").write_text(content)
        update_experiment_log(log, experiments)
        assert fault in capsys.readouterr().err
        assert [row[3] for row in read_index(log)] == ["not finished, or damaged", "finished"]
    (experiments / "ablation.json").write_text('{"baseline": "a"}')
    update_experiment_log(log, experiments)
    assert "ablation.json is left out" in capsys.readouterr().err
    log.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="is not UTF-8"):
        update_experiment_log(log, experiments)


CHANGED = {
    "initial_weights": "none",
    "epochs": 3,
    "batch_size": 8,
    "accumulate": 2,
    "image_size": 96,
    "lr": 0.01,
    "attention_lr": 0.02,
    "head_lr": 0.03,
    "layer_decay": 0.9,
    "freeze_epochs": 1,
    "unfreeze_epochs": 1,
    "probe_epochs": 1,
    "batch_norm": "frozen",
    "schedule": "cosine",
    "warmup_epochs": 0.5,
    "min_lr_factor": 0.1,
    "plateau_patience": 2,
    "plateau_factor": 0.3,
    "monitor": "f1",
    "min_delta": 0.01,
    "ema_decay": 0.9,
    "clip_norm": 2.0,
    "position_encoding": True,
    "csra_lambda": 0.2,
    "csra_temperature": 2.0,
    "csra_heads": 2,
    "deep_supervision": 0.3,
    "redraw_features": 2,
    "weight_decay": 0.0,
    "early_stopping": 2,
    "dropout": 0.5,
    "drop_path": 0.1,
    "drop_rate": 0.1,
    "augment": "light",
    "horizontal_flip": True,
    "select": "last",
    "mixup": 0.2,
    "cutmix": 1.0,
    "precision": "bf16",
    "seed": 7,
    "policy": PolicySettings(
        uncertain="Edema=ones,Mass=soft:0.55-0.85",
        blank="unknown",
        views="frontal",
        min_age=18.0,
        one_per_patient=True,
    ),
    "loss": LossSettings(
        name="bce",
        pos_weight="inverse",
        power=0.5,
        smoothing=2.0,
        beta=0.9,
        allow_extreme=True,
        focal_alpha=(0.5, 0.75),
        focal_gamma=3.0,
        label_smoothing=0.1,
        label_weighting="uncertainty",
        auc_margin=0.5,
        precision_margin=0.5,
        precision_gamma=0.5,
        focal_share=0.3,
        asymmetric_gamma_negative=3.0,
        asymmetric_gamma_positive=1.0,
        asymmetric_margin=0.1,
        asymmetric_detached=True,
        rebalance_alpha=0.2,
        rebalance_beta=5.0,
        rebalance_mu=0.3,
        tolerance_kappa=0.1,
        tolerance_lambda=5.0,
        tolerance_divided=True,
        ldam_margin=1.0,
        ldam_scale=2.0,
        reweight_epoch=2,
        adjustment_tau=0.5,
        two_way_temperature_positive=2.0,
        two_way_temperature_negative=2.0,
    ),
    "sampler": SamplerSettings(
        name="max-entropy",
        no_finding="share:0.3",
        power=0.5,
        smoothing=2.0,
        threshold=0.1,
        strength=0.5,
        min_ess=0.2,
        min_repeat=0.05,
        max_repeat=9.0,
        draw="systematic",
        nearest_feasible=True,
        source_shares="equal",
    ),
}


def test_the_command_gives_the_same_settings_again(
    log: Path, experiments: Path, xlite: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The components of a loss are weighed by one of two, the other being its label_weighting.
    others = {"model", "warm_start", "component_weights"}
    assert set(CHANGED) | others == set(TrainSettings.model_fields)
    settings, defaults = settings_of(**CHANGED), settings_of()
    for part in PARTS:
        changed, default = getattr(settings, part), getattr(defaults, part)
        for field in type(default).model_fields:
            assert getattr(changed, field) != getattr(default, field), "changes every field"
    add_run(experiments, "a", settings)
    update_experiment_log(log, experiments)
    planned: list[TrainSettings] = []

    def take_plan(base: TrainSettings, models: list[str], **_: Any) -> None:
        planned.append(base)
        raise InputError("planned")

    monkeypatch.setattr("xlite.studies.plan.plan_models", take_plan)
    command = re.search(r"^xlite (train .*)$", record_of(log, "EXP-001"), re.MULTILINE)
    assert command
    assert xlite(*shlex.split(command[1])).stderr == "error: planned\n"
    assert planned == [settings]


def test_files_of_weights_are_named_by_their_sums(log: Path, experiments: Path) -> None:
    sums = {"initial_weights": f"sha256:{'e' * 64}", "warm_start": f"sha256:{'f' * 64}"}
    add_run(experiments, "a", settings_of(**sums))
    update_experiment_log(log, experiments)
    record = record_of(log, "EXP-001")
    assert "each file of weights has its SHA-256 above" in record
    assert "--weights FILE --warm-start FILE --out experiments-again --resume\n" in record


def test_a_log_that_is_a_link_stays_one(log: Path, experiments: Path, tmp_path: Path) -> None:
    target = tmp_path / "notes" / "log.md"
    target.parent.mkdir()
    target.write_text("Our notes.\n")
    log.symlink_to(target)
    add_run(experiments, "a")
    update_experiment_log(log, experiments)
    assert log.is_symlink()
    assert target.read_text().startswith("Our notes.\n")
    assert "EXP-001" in target.read_text()
    target.unlink()
    target.parent.rmdir()
    with pytest.raises(InputError, match="whose folder does not exist"):
        update_experiment_log(log, experiments)


@given(
    words=st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12), min_size=1
    )
)
@settings(max_examples=30, deadline=None)
def test_a_command_is_one_line_that_a_shell_takes_apart_again(words: list[str]) -> None:
    line = join_command(["printf", r"%s\0", *words])
    assert "\n" not in line
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=True)
    assert done.stdout.decode() == "".join(f"{word}\0" for word in words)

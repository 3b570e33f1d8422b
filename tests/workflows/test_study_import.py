"""Sweep files of Weights & Biases as plans: what is read, what is named as left out."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from xlite.errors import InputError
from xlite.results.imported_plan import ImportedPlan
from xlite.studies.plan_file import parse_plan
from xlite.studies.study_plan import Distribution, Phase, Rungs
from xlite.workflows.study_import import import_wandb

SWEEP = """
program: train.py
project: bones
name: phase 1 (coarse)
description: |
  Which backbone?
method: bayes
metric:
  name: val/macro_auroc
  goal: maximize
run_cap: 45
early_terminate:
  type: hyperband
  min_iter: 5
  eta: 3
parameters:
  architecture:
    values: [resnet18, resnet34, efficientnet-b0]
  learning_rate:
    distribution: log_uniform_values
    min: 1e-5
    max: 1e-2
  weight_decay:
    distribution: log_uniform
    min: -13.8
    max: -6.9
  batch_size:
    values: [16, 32, 64]
  dropout:
    min: 0.2
    max: 0.5
  label_smoothing:
    distribution: q_uniform
    min: 0
    max: 0.2
    q: 0.1
  epochs:
    value: 30
  freeze_epochs:
    min: 0
    max: 10
  randaug_magnitude:
    values: [0, 0.2, 0.4]
  optimizer:
    value: adamw
command:
  - ${env}
  - python
"""
MINIMAL = "method: random\nparameters:\n  lr: {min: 0.001, max: 0.01}\n"


def convert(text: str, tmp_path: Path, **options: Any) -> ImportedPlan:
    path = tmp_path / "sweep.yaml"
    path.write_text(text, encoding="utf-8")
    return import_wandb(path, **options)


def phase_of(found: ImportedPlan) -> Phase:
    return parse_plan(found.plan, None, where="plan.toml").phases[0]


def test_a_sweep_becomes_a_search_that_can_be_read(tmp_path: Path) -> None:
    found = convert(SWEEP, tmp_path)
    phase = phase_of(found)
    assert (phase.method, phase.runs, str(phase.score)) == ("tpe", 45, "val.auroc")
    assert phase.rungs == Rungs(first=5, factor=3)
    assert phase.settings.epochs == 30
    names = ("resnet18", "resnet34", "efficientnet_b0")
    assert phase.space["model"] == Distribution(kind="values", values=names)
    assert phase.space["lr"] == Distribution(kind="log_uniform", low=1e-5, high=1e-2)
    decay = phase.space["weight-decay"]
    assert (decay.kind, decay.low, decay.high) == (
        "log_uniform",
        pytest.approx(1e-6, rel=0.02),
        pytest.approx(1e-3, rel=0.02),
    )
    assert phase.space["batch-size"] == Distribution(kind="values", values=(16, 32, 64))
    assert phase.space["dropout"] == Distribution(kind="uniform", low=0.2, high=0.5)
    assert phase.space["label-smoothing"].values == (0.0, 0.1, 0.2)
    assert phase.space["freeze-epochs"] == Distribution(kind="int", low=0, high=10)
    head = tomllib.loads(found.plan)
    assert (head["name"], head["question"]) == ("phase-1-coarse", "Which backbone?")


def test_a_sweep_without_a_name_is_called_after_its_file(tmp_path: Path) -> None:
    found = convert(MINIMAL, tmp_path, model="resnet18")
    assert tomllib.loads(found.plan)["name"] == "sweep"


def test_what_cannot_be_said_is_named_in_the_plan_too(tmp_path: Path) -> None:
    found = convert(SWEEP, tmp_path)
    for start in (
        "program is left out",
        "command",
        "randaug_magnitude is left out",
        "optimizer is left",
    ):
        assert any(note.startswith(start) for note in found.notes), start
    assert all(f"# - {note}" in found.plan for note in found.notes)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (MINIMAL, "the sweep has no run_cap and would never end: runs = 50."),
        (MINIMAL + "metric: {name: test_acc, goal: maximize}\n", "test_acc is of the test part"),
        (MINIMAL + "metric: {name: loss, goal: minimize}\n", "minimize loss is left out"),
        (MINIMAL + "metric: {name: auc, goal: maximize, target: 1}\n", "metric.target is left out"),
        (MINIMAL + "early_terminate: {type: x}\n", "early_terminate is left out: 'x' is unknown"),
        (MINIMAL + "early_terminate: {type: hyperband}\n", "neither min_iter nor max_iter"),
        (
            MINIMAL + "early_terminate: {type: hyperband, min_iter: 20}\n",
            "its first stop, after epoch 20, is not below the 20 epochs",
        ),
        (MINIMAL + "  dropout: {distribution: normal, mu: 0}\n", "the distribution normal can't"),
        (MINIMAL + "  dropout: {min: 0.5, max: 0.1}\n", "0.5 to 0.1 is no range for uniform"),
        (MINIMAL + "  dropout: {min: 0.5}\n", "it has no numbers as min and max"),
        (MINIMAL + "  dropout: {min: 0.5, max: 2.0}\n", "dropout is left out: "),
        (MINIMAL + "  dropout: 3\n", "it is no parameter but 3"),
        (MINIMAL + "  learning_rate: {value: 1}\n", "lr is there already"),
        (MINIMAL + "  loss: {values: [bce, hinge]}\n", "loss: 'hinge' is left out."),
        (MINIMAL + "  batch_size: {values: [8, x]}\n", "batch_size: 'x' is left out."),
        (MINIMAL + "  loss: {values: [bce, {a: 1}]}\n", "loss: a list or table is left out."),
        (MINIMAL + "  seed: {values: [0, 1]}\n", "each trial is trained with all of these seeds"),
        (MINIMAL + "  pretrained: {values: [true, false]}\n", "its first value is taken"),
        (MINIMAL + "  dropout: {values: [0.1, 0.2], probabilities: [1, 2]}\n", "as likely"),
        (
            MINIMAL + "  epochs: {distribution: log_uniform_values, min: 5, max: 50}\n",
            "whole numbers are drawn evenly",
        ),
        (MINIMAL + "bakery: 3\n", "bakery is left out: nothing here is like it."),
    ],
)
def test_what_is_left_out_or_taken_otherwise_is_a_note(
    text: str, note: str, tmp_path: Path
) -> None:
    # Top-level keys go before the parameters, which run to the end of the file.
    lines = text.removeprefix(MINIMAL)
    whole = MINIMAL + lines if lines.startswith("  ") else lines + MINIMAL
    found = convert(whole, tmp_path, model="resnet18")
    assert any(note in one for one in found.notes), found.notes
    assert phase_of(found).method == "random"


@pytest.mark.parametrize(
    ("name", "setting"), [("scheduler", "schedule"), ("optim.lr_scheduler", "schedule")]
)
def test_values_are_called_as_here(name: str, setting: str, tmp_path: Path) -> None:
    values = f"  {name}: {{values: [CosineAnnealingLR, ReduceLROnPlateau]}}\n"
    found = phase_of(convert(MINIMAL + values, tmp_path, model="resnet18"))
    assert found.space[setting].values == ("cosine", "plateau")


def test_nested_parameters_are_read_by_their_last_name(tmp_path: Path) -> None:
    nested = "  optim:\n    parameters:\n      wd: {min: 1.0e-6, max: 1.0e-3}\n"
    found = phase_of(convert(MINIMAL + nested, tmp_path, model="resnet18"))
    assert found.space["weight-decay"].high == 1e-3


def test_a_bracket_of_hyperband_says_where_the_first_rung_is(tmp_path: Path) -> None:
    bracket = "early_terminate: {type: hyperband, max_iter: 27, s: 2, eta: 3}\n"
    assert phase_of(convert(bracket + MINIMAL, tmp_path, model="resnet18")).rungs == Rungs(first=3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no sweep of Weights & Biases"),
        (b"- 1\n", "is no sweep of Weights & Biases"),
        (b"parameters: 3\n", "is no sweep of Weights & Biases"),
        (b"method: random\nparameters: {}\n", "names no model"),
        (b"method: guess\nparameters: {lr: {value: 1}}\n", "method is one of bayes, random, grid"),
        (b"a: [", "is not valid YAML at line 1"),
        (b"a: !!python/object/apply:os.system [ls]\n", "is not valid YAML at line 1"),
        (b"\xff\xfe\xff", "is not UTF-8 text"),
        (b"[" * 20_000, "is not valid YAML"),
        (b"a: \x00", "is not valid YAML"),
        (b"method: grid\nparameters: {lr: {min: 0.1, max: 0.2}}\n", "names no model"),
    ],
)  # fmt: skip
def test_what_is_no_sweep_is_refused_in_a_sentence(
    content: bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        import_wandb(path)


def test_a_sweep_without_anything_to_search_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="searches nothing that can be searched here"):
        convert(
            "method: random\nparameters: {momenta: {values: [1, 2]}}\n", tmp_path, model="resnet18"
        )
    with pytest.raises(InputError, match="a grid has no end over lr"):
        convert(MINIMAL.replace("random", "grid"), tmp_path, model="resnet18")


def test_aliases_that_multiply_are_not_spelled_out(tmp_path: Path) -> None:
    lines = ["a: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    bomb = "\n".join(lines) + "\n"
    uses = "name: *a11\ndescription: *a11\nmetric: {name: *a11}\nrun_cap: *a11\n"
    more = "  loss: {values: [*a11, bce]}\n  dropout: *a11\n  wd: {distribution: *a11}\n"
    found = convert(bomb + uses + MINIMAL + more, tmp_path, model="resnet18")
    assert phase_of(found).settings.loss.name == "bce"
    assert len(found.plan) < 5000


def test_the_command_writes_a_plan_once(tmp_path: Path, xlite: Any) -> None:
    sweep, plan = tmp_path / "sweep.yaml", tmp_path / "plan.toml"
    sweep.write_text(SWEEP, encoding="utf-8")
    result = xlite("study", "import-wandb", sweep)
    assert result.exit_code == 0
    assert parse_plan(result.stdout, None, where="p.toml").phases
    assert "randaug_magnitude is left out" in result.stderr
    for _ in range(2):
        assert xlite("study", "import-wandb", sweep, "--out", plan).exit_code == 0
    assert plan.read_text(encoding="utf-8").strip() == result.stdout.strip()
    plan.write_text("mine", encoding="utf-8")
    refused = xlite("study", "import-wandb", sweep, "--out", plan)
    assert refused.exit_code == 2
    assert "is not replaced" in refused.stderr
    assert plan.read_text(encoding="utf-8") == "mine"
    replaced = xlite("study", "import-wandb", sweep, "--out", plan, "--overwrite", "--json")
    assert json.loads(replaced.stdout)["written"] == str(plan)

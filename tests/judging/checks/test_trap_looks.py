"""What specimens leave open: other marks of the same faults, and what must not be taken for one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from judging.checks.drawn_project import (
    deal_by_patient,
    draw_table,
    write_parts,
    write_run,
    write_split,
)
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

import xlite
from xlite.judging.checks.best_of_many import look_at_ablation
from xlite.judging.checks.check import Issue, NotApplicable, Passed
from xlite.judging.checks.choices_by_test import Choice, look_at_looks
from xlite.judging.checks.collapsed_sampler import look_at_draws
from xlite.judging.checks.fitted_on_judged import look_at_calibration, look_at_thresholds
from xlite.judging.checks.fitted_statistics import Statistic, look_at_statistics
from xlite.judging.checks.focusing import look_at_focusing, weigh_callable, weigh_named_loss
from xlite.judging.checks.foreign_cache import look_at_names, look_at_sources
from xlite.judging.checks.idle_parts import look_at_weights_file
from xlite.judging.checks.positive_weight import look_at_mean_probs
from xlite.judging.checks.repeat_factors import look_at_repeats
from xlite.judging.checks.training_as_validation import look_at_history
from xlite.losses.asymmetric import asymmetric_loss
from xlite.losses.binary import focal_loss
from xlite.results.evaluation import Look
from xlite.sampling.label_sets import find_label_sets
from xlite.scores.calibration import apply_scaling, fit_platt
from xlite.scores.thresholded import fit_f1_thresholds
from xlite.settings import LossSettings
from xlite.splitting.nested_subsets import write_nested
from xlite.splitting.split_folder import read_split
from xlite.workflows.doctor import doctor

LABELS = ("Mass", "Edema", "Effusion", "Nodule", "Hernia")


def draw_predictions(seed: int, num_images: int = 600) -> tuple[Any, Any]:
    """Targets (N, C) and logits that know something of them."""
    rng = np.random.default_rng(seed)
    targets = (rng.random((num_images, len(LABELS))) < 0.1).astype(np.int8)
    return targets, rng.normal(size=targets.shape) + 1.5 * targets - 1.0


def focus_on_easy_negatives(logits: Tensor, targets: Tensor) -> Tensor:
    """An "asymmetric" loss that takes the prob of the negative for that of the positive."""
    right = torch.where(targets > 0, torch.sigmoid(logits), torch.sigmoid(-logits))
    weight = torch.where(targets > 0, torch.ones_like(right), right.detach() ** 4)
    return -(weight * right.log()).mean()


def test_a_loss_that_focuses_easy_negatives_is_seen_and_the_real_ones_are_not() -> None:
    kinds: list[tuple[Callable[[Tensor, Tensor], Tensor], Any]] = [
        (asymmetric_loss, "asymmetric"),
        (lambda x, y: focal_loss(x, y, alpha=0.25, gamma=2.0), "focal"),
        (xlite.build_loss("focal", [[1], [0]], focal_gamma=0.5), "focal"),
    ]
    for loss, kind in kinds:
        assert isinstance(look_at_focusing(weigh_callable(loss, "loss", kind)), Passed)
    (found,) = xlite.doctor(loss=focus_on_easy_negatives, loss_kind="asymmetric").issues
    assert found.subject == "loss focus_on_easy_negatives"
    assert "focuses easy negatives" in found.evidence
    wrong = xlite.doctor(loss=lambda x, y: (torch.sigmoid(x) * (2 * y - 1)).sum()).issues
    assert "the wrong way" in wrong[0].evidence
    assert (
        "gives no loss" in xlite.doctor(loss=lambda x, y: x @ y[0, 0]).findings[0].evidence or True
    )


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_named_losses_are_weighed_as_their_gradients_are(gamma: float) -> None:
    settings = LossSettings(name="asymmetric", asymmetric_gamma_negative=gamma)
    named = weigh_named_loss(settings)
    asked = weigh_callable(
        lambda x, y: asymmetric_loss(x, y, gamma_negative=gamma), "asked", "asymmetric"
    )
    assert not isinstance(named, NotApplicable)
    np.testing.assert_allclose(named.negative, asked.negative, atol=1e-9)
    np.testing.assert_allclose(named.positive, asked.positive, atol=1e-9)


def test_rounded_factors_at_one_per_cent_repeat_no_label_over_a_half_per_cent() -> None:
    rng = np.random.default_rng(0)
    frequency = np.array([0.002, 0.004, 0.006, 0.008, 0.05])
    labels = (rng.random((60_000, 5)) < frequency).astype(np.int8)
    factors = np.maximum(1, np.sqrt(0.01 / labels.mean(axis=0)))
    wanted = np.maximum(1, (labels * factors).max(axis=1))
    sets = find_label_sets(labels)
    found = look_at_repeats(np.rint(wanted).astype(np.int64), sets, LABELS)
    assert isinstance(found, Issue)
    assert found.numbers["labels_repeated"] == 2
    assert 0.0044 < found.numbers["threshold_from"] <= 0.01 <= found.numbers["threshold_to"]
    by_chance = np.floor(wanted + rng.random(len(wanted))).astype(np.int64)
    assert isinstance(look_at_repeats(by_chance, sets, LABELS), Passed)
    # Hernia five times over by hand is no repeat factor of any threshold.
    by_hand = np.where(labels[:, 0] == 1, 5, 1)
    assert isinstance(look_at_repeats(by_hand, sets, LABELS), Passed)


def test_counted_draws_that_are_all_without_a_finding_are_a_collapse() -> None:
    rng = np.random.default_rng(0)
    sets = find_label_sets((rng.random((5000, 5)) < 0.08).astype(np.int8))
    is_free = sets.no_finding[sets.inverse]
    draws = rng.multinomial(
        20_000, np.where(is_free, 1.0, 1e-4) / (is_free + ~is_free * 1e-4).sum()
    )
    assert isinstance(look_at_draws(draws.astype(float), sets, LABELS), Issue)
    even = rng.multinomial(20_000, np.full(5000, 1 / 5000)).astype(float)
    assert isinstance(look_at_draws(even, sets, LABELS), Passed)


def test_a_csv_of_draws_beside_a_split_is_counted(tmp_path: Path) -> None:
    parts = deal_by_patient(draw_table(num_patients=300))
    write_parts(tmp_path, **parts)
    train = parts["train"]
    is_free = train["Finding Labels"] == "No Finding"
    draws = pd.DataFrame({"image_id": train["Image Index"], "draws": np.where(is_free, 40, 0)})
    draws.iloc[:, 1] += (np.arange(len(draws)) % 97 == 0).astype(int)
    draws.to_csv(tmp_path / "draws.csv", index=False)
    issues = {one.code: one for one in xlite.doctor(split=tmp_path).issues}
    assert issues["XL015"].numbers["no_finding_share"] > 0.95
    assert "XL013" not in issues


def test_predictions_of_absurd_weights_have_means_near_one() -> None:
    prevalence = np.full(5, 0.05)
    assert isinstance(look_at_mean_probs(np.full(5, 0.97), prevalence, LABELS), Issue)
    assert isinstance(look_at_mean_probs(np.full(5, 0.5), prevalence, LABELS), Passed)
    assert isinstance(look_at_mean_probs(np.full(5, 0.97), np.full(5, 0.9), LABELS), NotApplicable)


def test_what_was_fitted_on_other_images_is_never_taken_for_their_own() -> None:
    alarms = []
    for seed in range(60):
        targets, logits = draw_predictions(seed, 200 + 20 * seed)
        others, known = draw_predictions(1000 + seed)
        probs = 1 / (1 + np.exp(-logits))
        thresholds = fit_f1_thresholds(others, 1 / (1 + np.exp(-known)))
        fixed = np.full(len(LABELS), 0.5)
        alarms += [look_at_thresholds(t, probs, targets, LABELS) for t in (thresholds, fixed)]
        alarms.append(look_at_calibration(probs, targets, LABELS))
        alarms.append(look_at_calibration(_scale(known, others, logits), targets, LABELS))
    assert not [one for one in alarms if isinstance(one, Issue)]
    assert sum(isinstance(one, Passed) for one in alarms) > 200


def _scale(known: Any, others: Any, logits: Any) -> Any:
    """Probs of logits, by the scaling that was fitted on `known` logits of other images."""
    known_probs, probs = (1 / (1 + np.exp(-one)) for one in (known, logits))
    return apply_scaling(fit_platt(others, known_probs), probs)


def test_probs_that_were_scaled_on_the_images_they_judge_are_seen() -> None:
    targets, logits = draw_predictions(0)
    scaled = _scale(logits, targets, logits).round(6)
    found = look_at_calibration(scaled, targets, LABELS)
    assert isinstance(found, Issue)
    assert found.numbers == {"labels": 5, "fitted": 5}


def test_statistics_of_training_and_of_nobody_are_no_issue() -> None:
    rng = np.random.default_rng(0)
    parts = {name: {"age": rng.normal(50, 15, 300)} for name in ("train", "val", "test")}
    everything = np.concatenate([part["age"] for part in parts.values()])
    train = parts["train"]["age"]

    def look(values: Any, **rest: Any) -> Any:
        said = Statistic(mean=float(np.round(values.mean(), 4)), **rest)
        return look_at_statistics({"age": said}, parts)

    assert isinstance(look(train, std=float(train.std(ddof=1))), Passed)
    assert isinstance(look(everything), Issue)
    assert isinstance(look(np.concatenate([train, parts["val"]["age"]])), Issue)
    assert isinstance(look(np.array([46.9])), NotApplicable)


class OneToken(nn.Module):
    """A classifier whose attention sees the map, or what is left of it after pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(1, 96, 3)
        self.attention = nn.MultiheadAttention(96, 4, batch_first=True)
        self.head = nn.Linear(96, 3)

    def forward(self, images: Tensor, *, is_pooled: bool) -> Tensor:
        tokens = self.body(images).flatten(2).mT
        if is_pooled:
            tokens = tokens.mean(dim=1, keepdim=True)
        tokens = tokens + self.attention(tokens, tokens, tokens)[0]
        logits: Tensor = self.head(tokens.mean(dim=1))
        return logits


def test_an_attention_that_gets_one_token_is_told_by_its_weights(tmp_path: Path) -> None:
    path, states = tmp_path / "weights.safetensors", {}
    for is_pooled in (True, False):
        torch.manual_seed(0)
        model = OneToken()
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        for _ in range(5):
            loss = functional.binary_cross_entropy_with_logits(
                model(torch.randn(4, 1, 12, 12), is_pooled=is_pooled), torch.rand(4, 3)
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        states[is_pooled] = {name: value.clone() for name, value in model.state_dict().items()}
        save_file(states[is_pooled], path)
        assert isinstance(look_at_weights_file(path), Issue if is_pooled else Passed)
    for gate, kind in (
        (torch.tensor(0.0), Issue),
        (torch.zeros(96), Issue),
        (torch.ones(1), Passed),
    ):
        save_file({**states[False], "attention.gate": gate}, path)
        assert isinstance(look_at_weights_file(path), kind)


def test_a_fresh_head_is_idle_and_one_that_took_three_steps_is_not(tmp_path: Path) -> None:
    torch.manual_seed(0)
    head = nn.Sequential(nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 64))
    path = tmp_path / "weights.safetensors"
    save_file({f"head.{name}": value for name, value in head.state_dict().items()}, path)
    assert isinstance(look_at_weights_file(path), Issue)
    optimizer = torch.optim.AdamW(head.parameters(), lr=1e-3)
    for _ in range(3):
        optimizer.zero_grad()
        head(torch.randn(8, 256)).square().mean().backward()
        optimizer.step()
    save_file({f"head.{name}": value.clone() for name, value in head.state_dict().items()}, path)
    assert isinstance(look_at_weights_file(path), Passed)


def test_looks_at_one_model_or_at_all_models_at_once_choose_nothing() -> None:
    models = {"a-s0": "a", "a-s1": "a", "b-s0": "b"}

    def look(*seen: tuple[str, str], choices: tuple[Choice, ...] = ()) -> Any:
        looks = [
            Look(time=f"2026-03-0{day}T08:00:00+00:00", command=command, run=run)
            for day, (command, run) in enumerate(seen, start=1)
        ]
        return look_at_looks(looks, choices, models)

    assert isinstance(look(("study: test", "a-s0"), ("study: test", "a-s1")), Passed)
    assert isinstance(look(("compare", "a-s0"), ("compare", "b-s0")), Passed)
    assert isinstance(look(("evaluate a-s0", "a-s0"), ("evaluate b-s0", "b-s0")), Issue)
    before = Choice(what="run b-s0 was begun", time="2026-02-01T00:00:00+00:00")
    after = Choice(what="run b-s0 was begun", time="2026-03-01T08:00:01+00:00")
    assert isinstance(look(("evaluate", "a-s0"), choices=(before,)), Passed)
    assert isinstance(look(("evaluate", "a-s0"), choices=(after,)), Issue)


def test_a_variant_has_to_pass_for_the_number_of_variants() -> None:
    def look(*p: float, earlier: tuple[str, ...] = ()) -> Any:
        rows = {f"v{place}": SimpleNamespace(auroc_p=value) for place, value in enumerate(p)}
        verdicts = {
            name: SimpleNamespace(decision="ADOPT" if row.auroc_p < 0.05 else "UNDECIDED")
            for name, row in rows.items()
        }
        found: Any = SimpleNamespace(
            verdict=verdicts, baseline="base", level=0.95, find_row=lambda name, label: rows[name]
        )
        noted: Any = [
            SimpleNamespace(kind="ablation", val_set=val_set, names=names)
            for val_set, names in (
                ("mine", earlier),
                ("other", ("a", "b")),
                ("mine", ("base", *rows)),
            )
        ]
        return look_at_ablation("ablation.json", found, noted)

    assert isinstance(look(0.03, 0.4, 0.5, 0.9), Issue)
    assert isinstance(look(0.001, 0.4, 0.5, 0.9), Passed)
    assert isinstance(look(0.03), NotApplicable)
    # Two of an earlier ablation on the same images count, those on others do not.
    assert isinstance(look(0.02, 0.4), Passed)
    assert isinstance(look(0.02, 0.4, earlier=("base", "w0", "w1")), Issue)


def test_a_cache_without_some_images_of_the_split_is_foreign() -> None:
    names = ["a.png", "b.png", "c.png"]
    assert isinstance(look_at_names(names, ["x/a.png", "x/b.png"], ["x/c.png"]), Passed)
    assert isinstance(look_at_names(names, ["x/a.png", "x/b.png"], []), Issue)
    # A project may have another data set, which is not cached.
    assert isinstance(look_at_names(names, ["x/d.png"], []), NotApplicable)
    images: Any = [SimpleNamespace(path=name, bytes=100) for name in names]
    assert isinstance(look_at_sources(images, [100, 100, None]), Passed)
    assert isinstance(look_at_sources(images, [100, 101, None]), Issue)
    assert isinstance(look_at_sources(images, [100, None, None]), NotApplicable)


def test_a_history_whose_validation_is_training_is_seen() -> None:
    train = [0.7, 0.5, 0.4]
    rows = [{"train_loss": one, "val_loss": one, "val_auroc": 0.8} for one in train]
    assert isinstance(look_at_history(rows), Issue)
    rows[1]["val_loss"] = 0.52
    assert isinstance(look_at_history(rows), Passed)
    assert isinstance(look_at_history(rows[:1]), NotApplicable)


def test_predictions_out_of_fold_are_not_taken_for_training_scores(tmp_path: Path) -> None:
    parts = deal_by_patient(draw_table(num_patients=100))
    write_parts(tmp_path / "fold", **parts)
    names = pd.concat([part["Image Index"] for part in parts.values()])
    rng = np.random.default_rng(0)
    probs = {f"prob_{label}": rng.random(len(names)) for label in ("Mass", "Edema", "Effusion")}
    pd.DataFrame({"image_id": names, **probs}).to_csv(tmp_path / "pooled.csv", index=False)
    said = xlite.doctor(predictions=tmp_path / "pooled.csv", split=tmp_path / "fold")
    (found,) = [one for one in said.findings if one.code == "XL026"]
    assert found.status == "not_applicable"


def test_subsets_of_a_learning_curve_are_other_patients_and_not_other_labels(
    tmp_path: Path,
) -> None:
    split = write_split(tmp_path / "data" / "splits", draw_table(num_patients=240))
    for seed in range(4):
        subset = tmp_path / "subsets" / str(seed)
        write_nested(read_split(split), split, subset, share=0.5, seed=seed)
        write_run(tmp_path / "experiments" / "runs" / f"s{seed}", subset, seed=seed)
    found = [one for one in doctor(tmp_path).findings if one.code == "XL020"]
    assert [one.status for one in found] == ["passed"]

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from xlite.errors import InputError
from xlite.settings import (
    ClaheSettings,
    LossSettings,
    PolicySettings,
    Runtime,
    SamplerSettings,
    Settings,
    TrainSettings,
    fingerprint_of,
)

BASE: dict[type[Settings], dict[str, Any]] = {
    # Frozen for longer than in CHANGES, so that thawing can be changed alone; several components,
    # so that their weights can.
    TrainSettings: {
        "model": "resnet18",
        "freeze_epochs": 2,
        "loss": LossSettings(name="combined"),
    },
    LossSettings: {},
    SamplerSettings: {},
    PolicySettings: {},
    ClaheSettings: {},
}

# A value other than the default for each field.
CHANGES: dict[type[Settings], dict[str, Any]] = {
    TrainSettings: {
        "model": "resnet34",
        "initial_weights": "none",
        "loss": LossSettings(name="bce"),
        "sampler": SamplerSettings(name="inverse-mean"),
        "policy": PolicySettings(views="PA"),
        "warm_start": "sha256:0",
        "position_encoding": True,
        "redraw_features": 2,
        "epochs": 21,
        "batch_size": 31,
        "accumulate": 2,
        "image_size": 96,
        "lr": 1e-3,
        "attention_lr": 2e-3,
        "head_lr": 3e-3,
        "layer_decay": 0.9,
        "freeze_epochs": 1,
        "unfreeze_epochs": 1,
        "probe_epochs": 1,
        "batch_norm": "affine",
        "csra_lambda": 0.3,
        "csra_temperature": 2.0,
        "csra_heads": 2,
        "schedule": "cosine",
        "warmup_epochs": 0.5,
        "min_lr_factor": 0.1,
        "monitor": "f1",
        "min_delta": 0.01,
        "ema_decay": 0.9,
        "deep_supervision": 0.3,
        "component_weights": "balanced",
        "weight_decay": 0.0,
        "plateau_patience": 4,
        "plateau_factor": 0.4,
        "early_stopping": 9,
        "clip_norm": 2.0,
        "dropout": 0.0,
        "drop_path": 0.1,
        "drop_rate": 0.1,
        "augment": "none",
        "horizontal_flip": True,
        "select": "last",
        "mixup": 0.2,
        "cutmix": 1.0,
        "precision": "bf16",
        "seed": 43,
    },
    LossSettings: {
        "name": "focal",
        "pos_weight": "sqrt",
        "power": 0.5,
        "smoothing": 0.0,
        "beta": 0.99,
        "allow_extreme": True,
        "focal_alpha": "balanced",
        "focal_gamma": (1.0, 2.0),
        "label_smoothing": 0.1,
        "label_weighting": "uncertainty",
        "focal_share": 0.3,
        "asymmetric_gamma_negative": 3.0,
        "asymmetric_gamma_positive": 1.0,
        "asymmetric_margin": 0.0,
        "asymmetric_detached": True,
        "rebalance_alpha": 0.2,
        "rebalance_beta": 5.0,
        "rebalance_mu": 0.3,
        "tolerance_kappa": 0.1,
        "tolerance_lambda": 5.0,
        "tolerance_divided": True,
        "ldam_margin": 1.0,
        "ldam_scale": 2.0,
        "reweight_epoch": 3,
        "adjustment_tau": 0.5,
        "two_way_temperature_positive": 2.0,
        "two_way_temperature_negative": 2.0,
        "auc_margin": 0.5,
        "precision_margin": 0.5,
        "precision_gamma": 0.5,
    },
    SamplerSettings: {
        "name": "inverse-mean",
        "no_finding": "natural",
        "power": 0.5,
        "smoothing": 0.0,
        "threshold": 0.01,
        "strength": 0.5,
        "min_ess": 0.5,
        "min_repeat": 0.2,
        "max_repeat": 8.0,
        "draw": "systematic",
        "nearest_feasible": True,
        "source_shares": "equal",
    },
    PolicySettings: {
        "views": "PA",
        "one_per_patient": True,
        "min_age": 18.0,
        "uncertain": "ones",
        "blank": "absent",
    },
    ClaheSettings: {"size": 256, "clip": 3.0, "grid": 4, "fit": "crop"},
}


@pytest.mark.parametrize(
    ("kind", "field"), [(kind, field) for kind in BASE for field in kind.model_fields]
)
def test_every_field_enters_the_fingerprint(kind: type[Settings], field: str) -> None:
    base = kind.parse(**BASE[kind])
    changed = kind.parse(**{**BASE[kind], field: CHANGES[kind][field]})
    assert changed.fingerprint() != base.fingerprint()
    if kind in (LossSettings, SamplerSettings):
        part = "loss" if kind is LossSettings else "sampler"
        inner, outer = (TrainSettings(model="m", **{part: s}) for s in (base, changed))
        assert inner.fingerprint() != outer.fingerprint()


def test_a_fingerprint_is_the_same_in_every_process(in_other_processes: Any) -> None:
    code = (
        "import sys\nfrom xlite.settings import TrainSettings\n"
        "sys.stdout.write(TrainSettings(model='resnet18').fingerprint())"
    )
    fingerprint = TrainSettings(model="resnet18").fingerprint()
    assert in_other_processes(code) == {fingerprint}
    assert len(fingerprint) == 12


@given(
    value=st.dictionaries(
        st.text(), st.integers() | st.text() | st.booleans() | st.lists(st.integers())
    )
)
def test_the_order_of_keys_does_not_enter_a_fingerprint(value: dict[str, Any]) -> None:
    assert fingerprint_of(dict(reversed(value.items()))) == fingerprint_of(value)
    assert fingerprint_of({**value, "one more": 1}) != fingerprint_of(value)


@pytest.mark.parametrize(
    "settings",
    [
        TrainSettings(**{**CHANGES[TrainSettings]}),
        LossSettings(**CHANGES[LossSettings]),
        LossSettings(pos_weight=(1.0, 2.5)),
        LossSettings(focal_alpha=(0.25, 0.5), focal_gamma=1.5),
        SamplerSettings(name="max-entropy", no_finding="share:.30"),
        SamplerSettings(name="inverse-mean", no_finding=0.5),
        ClaheSettings(clip=3.0),
        Runtime(device="cuda:1", num_workers=0),
    ],
    ids=lambda settings: type(settings).__name__,
)
def test_settings_come_back_from_json(settings: Settings) -> None:
    text = json.dumps(settings.model_dump(mode="json"), allow_nan=False)
    back = type(settings).parse(**json.loads(text))
    assert back == settings
    assert back.fingerprint() == settings.fingerprint()


def test_settings_are_frozen_and_so_hashable_where_they_nest() -> None:
    settings = TrainSettings(model="resnet18")
    with pytest.raises(ValidationError, match="frozen"):
        settings.lr = 1.0  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        settings.loss.name = "bce"  # type: ignore[misc]
    assert hash(settings) == hash(TrainSettings(model="resnet18"))


@pytest.mark.parametrize(
    ("kind", "values", "messages"),
    [
        (TrainSettings, {"model": "m", "epochs": 0}, ["--epochs: ", "(given: 0)"]),
        (TrainSettings, {"model": "m", "batch_size": 0}, ["--batch-size: "]),
        (TrainSettings, {"model": "m", "lr": float("nan")}, ["--lr: "]),
        (TrainSettings, {"model": "m", "dropout": 1.0}, ["--dropout: "]),
        (TrainSettings, {"model": "m", "augment": "wild"}, ["--augment: ", "'strong'", "'wild'"]),
        (TrainSettings, {"model": "m", "lr": -1, "seed": -1}, ["--lr: ", "; --seed: "]),
        (TrainSettings, {}, ["--model: "]),
        (LossSettings, {"name": "hinge"}, ["--loss: ", "'focal'", "'hinge'"]),
        (LossSettings, {"power": -1}, ["--pos-weight-power: "]),
        (LossSettings, {"beta": 1}, ["--pos-weight-beta: "]),
        (LossSettings, {"smoothing": -1}, ["--pos-weight-smoothing: "]),
        (LossSettings, {"pos_weight": "much"}, ["--pos-weight: "]),
        (LossSettings, {"focal_alpha": 1.0}, ["--focal-alpha: ", "less than 1", "(given: 1.0)"]),
        (LossSettings, {"focal_alpha": "most"}, ["--focal-alpha: ", "number", "(given: 'most')"]),
        (LossSettings, {"focal_gamma": (2.0, -1.0)}, ["--focal-gamma: "]),
        (LossSettings, {"reweight_epoch": -1}, ["--reweight-epoch: "]),
        (LossSettings, {"asymmetric_margin": 1.0}, ["--asymmetric-margin: "]),
        (LossSettings, {"name": "zlpr", "label_smoothing": 0.1}, ["--label-smoothing 0.1", "zlpr"]),
        (SamplerSettings, {"name": "smart"}, ["--sampler: ", "'max-entropy'"]),
        (SamplerSettings, {"power": 5}, ["--sampler-power: "]),
        (SamplerSettings, {"strength": 1.5}, ["--sampler-strength: "]),
        (SamplerSettings, {"min_repeat": 1.0}, ["--min-repeat: "]),
        (SamplerSettings, {"max_repeat": 1.0}, ["--max-repeat: "]),
        (SamplerSettings, {"no_finding": "smallest"}, ["--no-finding: max-entropy has no class"]),
        (SamplerSettings, {"name": "max-ess", "no_finding": 1.0}, ["--no-finding: max-ess has no"]),
        (SamplerSettings, {"name": "class-aware", "no_finding": "few"}, ["--no-finding: it must"]),
        (SamplerSettings, {"name": "class-aware", "no_finding": "share:1"}, ["--no-finding: it"]),
        (SamplerSettings, {"name": "class-aware", "no_finding": "nan"}, ["--no-finding: it must"]),
        (SamplerSettings, {"name": "class-aware", "no_finding": -0.1}, ["--no-finding: it must"]),
        (ClaheSettings, {"clip": float("inf")}, ["--clip: "]),
        (Runtime, {"num_workers": -1}, ["--workers: "]),
        (ClaheSettings, {"colour": "red"}, ["--colour: extra inputs are not permitted"]),
    ],
)
def test_faults_are_named_by_their_option(
    kind: type[Settings], values: dict[str, Any], messages: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        kind.parse(**values)
    text = str(caught.value)
    assert all(message in text for message in messages), text
    assert text.endswith(".")
    assert "\n" not in text


def test_a_field_is_named_once_whatever_its_type_could_have_been() -> None:
    with pytest.raises(InputError) as caught:
        LossSettings.parse(pos_weight="much")
    assert str(caught.value).count("--pos-weight") == 1


@pytest.mark.parametrize(
    ("given_value", "kept"),
    [("share:.3", "share:0.3"), ("0.5", 0.5), (2, 2.0), ("natural", "natural")],
)
def test_equal_no_finding_weights_are_written_alike(given_value: Any, kept: Any) -> None:
    settings = SamplerSettings(name="class-aware", no_finding=given_value)
    assert settings.no_finding == kept
    assert type(settings.no_finding) is type(kept)
    assert settings.no_finding_share == (0.3 if kept == "share:0.3" else None)

"""Settings by the names of their options: types, names, and what fits together."""

from __future__ import annotations

from typing import Any

import pytest

from xlite.errors import InputError
from xlite.settings import LossSettings, TrainSettings
from xlite.settings.by_name import change_settings

BASE = TrainSettings(model="resnet18")


def change(**values: Any) -> TrainSettings:
    return change_settings(BASE, values, where="here")


def test_typed_values_change_what_they_name_and_nothing_else() -> None:
    changed = change(
        lr=3e-4, batch_size=16, loss={"name": "focal", "focal-gamma": 3}, augment="none"
    )
    assert changed.changes() == {
        "model": "resnet18",
        "lr": 3e-4,
        "batch_size": 16,
        "augment": "none",
        "loss.name": "focal",
        "loss.focal_gamma": 3.0,
    }
    assert change() == BASE


@pytest.mark.parametrize("name", ["batch-size", "batch_size"])
def test_a_name_may_be_written_with_dashes_or_underscores(name: str) -> None:
    assert change(**{name: 8}).batch_size == 8


def test_a_part_is_its_name_or_its_table() -> None:
    assert change(loss="focal").loss == change(loss={"name": "focal"}).loss
    assert change(**{"pos-weight-power": 2}).loss == change(loss={"power": 2}).loss


def test_one_number_a_label_is_a_list_and_none_is_no_value() -> None:
    assert change(pos_weight=[1, 2.5]).loss.pos_weight == (1.0, 2.5)
    assert (
        change_settings(change(image_size=64), {"image-size": "none"}, where="").image_size is None
    )
    assert change(sampler="none").sampler.name == "none"


def test_what_fits_only_together_is_taken_together_in_any_order() -> None:
    assert change(unfreeze_epochs=2, freeze_epochs=1).unfreeze_epochs == 2


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lrr": 1}, "here: there is no setting 'lrr'. Did you mean lr?"),
        ({"lr": "fast"}, "here: lr takes a number, not 'fast'."),
        ({"epochs": 1.5}, "here: epochs takes a whole number, not 1.5."),
        ({"epochs": True}, "here: epochs takes a whole number, not true."),
        ({"horizontal-flip": 1}, "here: horizontal-flip takes true or false, not 1."),
        ({"loss": {"nme": "bce"}}, "here: there is no setting 'loss.nme'. Did you mean name?"),
        ({"loss": 7}, "here: --loss: input should be"),
        ({"model": {"a": 1}}, "here: model takes text"),
        ({"lr": -1.0}, "here: --lr: input should be greater than 0"),
        ({"lr": float("nan")}, "here: --lr: input should be a finite number"),
        ({"batch-size": 8, "batch_size": 9}, "here: batch_size is there already"),
        ({"loss": "fcal"}, "Did you mean focal?"),
        ({"unfreeze_epochs": 2}, "here: --unfreeze-epochs needs --freeze-epochs"),
    ],
)
def test_a_fault_is_named_with_the_place(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        change_settings(BASE, values, where="here")
    assert message in str(caught.value)


def test_the_loss_keeps_what_is_not_changed() -> None:
    base = TrainSettings(model="resnet18", loss=LossSettings(name="focal", focal_gamma=1.0))
    assert change_settings(base, {"focal-alpha": 0.5}, where="").loss.focal_gamma == 1.0

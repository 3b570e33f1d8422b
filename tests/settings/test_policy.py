from __future__ import annotations

import pytest

from xlite.errors import InputError
from xlite.settings import LossSettings, PolicySettings, TrainSettings


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("ignore", "ignore"),
        ("soft:0.55-0.850", "soft:0.55-0.85"),
        ("soft:1-1", "ones"),
        ("Mass=ones, Edema=zeros,Hernia=ignore", "Edema=zeros,Mass=ones"),
        ("Mass=ignore", "ignore"),
        ('"Nodule, small=ones"', '"Nodule, small=ones"'),
        ("a=b=ones", "a=b=ones"),
    ],
)
def test_a_policy_has_one_way_to_be_written(given: str, written: str) -> None:
    policy = PolicySettings.parse(uncertain=given)
    assert policy.uncertain == written
    assert PolicySettings.parse(uncertain=written) == policy


@pytest.mark.parametrize(
    "wrong",
    [
        "one",
        "soft:0.9-0.1",
        "soft:0-1.5",
        "soft:nan-1",
        "soft:0.5",
        "Mass=",
        "Mass=1",
        "a=ones,a=zeros",
    ],
)
def test_a_policy_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(InputError, match="--uncertain"):
        PolicySettings.parse(uncertain=wrong)


def test_a_policy_is_part_of_what_a_run_is_and_its_default_is_not() -> None:
    plain = TrainSettings(model="resnet18")
    assert "policy" not in "".join(plain.changes())
    changed = TrainSettings(model="resnet18", policy=PolicySettings(views="PA"))
    assert changed.changes() == {"model": "resnet18", "policy.views": "PA"}


def test_soft_targets_go_with_losses_of_single_labels_alone() -> None:
    policy = PolicySettings(uncertain="Mass=soft:0.2-0.4")
    assert policy.is_soft
    assert not PolicySettings(uncertain="ones").is_soft
    TrainSettings.parse(model="resnet18", policy=policy, loss=LossSettings(name="focal"))
    with pytest.raises(InputError, match="--loss zlpr compares present with absent"):
        TrainSettings.parse(model="resnet18", policy=policy, loss=LossSettings(name="zlpr"))

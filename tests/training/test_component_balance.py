"""Balanced components keep their shares while one of them shrinks; and what is refused."""

from __future__ import annotations

import pytest

from xlite.errors import InputError
from xlite.settings import TrainSettings
from xlite.training.component_balance import ComponentBalance


def test_each_component_keeps_its_share_and_their_sum_its_size() -> None:
    balance = ComponentBalance({"pos-weight": 0.75, "focal": 0.25, "deep-supervision": 0.5})
    assert set(balance.weights().values()) == {1.0}
    found = {"pos-weight": 0.6, "focal": 0.01, "deep-supervision": 0.3}
    for step in range(1500):
        found["focal"] = 0.01 if step < 200 else 0.002
        weights = balance.weights()
        balance.follow({name: weights[name] * value for name, value in found.items()})
        if step in (199, 1499):
            weights = balance.weights()
            weighed = {name: weights[name] * value for name, value in found.items()}
            total = sum(found.values())
            assert sum(weighed.values()) == pytest.approx(total, rel=0.01)
            for name, share in balance.shares.items():
                assert weighed[name] == pytest.approx(total * share / 1.5, rel=0.01)


def test_a_component_that_was_never_there_has_a_weight_of_one() -> None:
    balance = ComponentBalance({"ldam": 1.0, "deep-supervision": 0.5})
    balance.follow({"ldam": 2.0})
    assert balance.weights() == {"ldam": 1.0, "deep-supervision": 1.0}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": {"name": "bce"}}, "needs several components: pass --loss combined"),
        (
            {"loss": {"name": "combined", "label_weighting": "uncertainty"}},
            "both choose how much a loss counts",
        ),
    ],
)
def test_a_balance_of_nothing_and_of_two_minds_is_refused(
    changes: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        TrainSettings.parse(model="resnet18", component_weights="balanced", **changes)

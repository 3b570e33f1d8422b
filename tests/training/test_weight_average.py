from __future__ import annotations

import pytest
import torch

from xlite.training.weight_average import EpochAverage, build_weight_average


def test_the_average_follows_with_a_warm_up_and_copies_buffers() -> None:
    model = torch.nn.BatchNorm1d(1)
    average = build_weight_average(model, decay=0.5)
    expected = None
    for step, value in enumerate((1.0, 3.0, -2.0, 5.0, 4.0, 4.0, 4.0, 4.0, 9.0)):
        with torch.no_grad():
            model.weight.fill_(value)
            model.running_mean.fill_(10 * value)
        average.update_parameters(model)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = value if expected is None else decay * expected + (1 - decay) * value
        assert average.module.weight.item() == pytest.approx(expected)
        assert average.module.running_mean.item() == 10 * value
    assert not any(parameter.requires_grad for parameter in average.parameters())


def test_the_average_goes_on_from_its_state() -> None:
    model = torch.nn.Linear(2, 2)
    whole, first = (build_weight_average(model, decay=0.9) for _ in range(2))
    for average in (whole, first):
        average.update_parameters(model)
    second = build_weight_average(torch.nn.Linear(2, 2), decay=0.9)
    second.load_state_dict(first.state_dict())
    with torch.no_grad():
        model.weight.add_(1)
    for average in (whole, second):
        average.update_parameters(model)
    assert torch.equal(whole.module.weight, second.module.weight)


def test_the_average_over_epochs_is_the_mean_of_weights_and_statistics_alike() -> None:
    model = torch.nn.BatchNorm1d(1)
    average = EpochAverage(model, first_epoch=2)
    for epoch, value in enumerate((7.0, 8.0, 1.0, 3.0, 8.0)):
        with torch.no_grad():
            model.weight.fill_(value)
            model.running_mean.fill_(10 * value)
            model.num_batches_tracked.fill_(epoch)
        average.take_in(model, epoch)
        average.take_in(model, epoch)  # as after a stop within the epoch's validation
        assert (average.module is None) == (epoch < 2)
    assert average.module is not None
    assert average.module.weight.item() == pytest.approx(4.0)
    assert average.module.running_mean.item() == pytest.approx(40.0)
    assert average.module.num_batches_tracked == 4

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from xlite.errors import CheckFailedError, InputError
from xlite.training import tune
from xlite.training.tune import Probe, Way, choose_way, find_fastest_way, measure_speeds

PROBE = Probe(model="test_resnet+mhsa", num_classes=3, image_size=64, num_images=4, device="cpu")
DEFAULT = Way("fp32", "channels_last")
FAST = Way("bf16", "contiguous")
WAYS = [DEFAULT, Way("fp32", "contiguous"), Way("bf16", "channels_last"), FAST]


@pytest.fixture
def fake_speeds(monkeypatch: pytest.MonkeyPatch) -> list[list[Way]]:
    """What was measured, each measurement finding the last way twice as fast as the others."""
    measured: list[list[Way]] = []

    def measure(_: Probe, ways: Sequence[Way]) -> dict[Way, float]:
        measured.append(list(ways))
        return {way: 20.0 if way == ways[-1] else 10.0 for way in ways}

    monkeypatch.setattr(tune, "measure_speeds", measure)
    return measured


def test_real_steps_are_measured_in_each_way() -> None:
    before = torch.random.get_rng_state()
    speeds = measure_speeds(PROBE, WAYS)
    assert list(speeds) == WAYS
    assert all(speed > 0 for speed in speeds.values())
    assert torch.equal(torch.random.get_rng_state(), before), "global generators stay as they were"


def test_steps_are_computed_as_their_way_says(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    build = tune.build_classifier

    def build_and_watch(*arguments: object, **options: object) -> torch.nn.Module:
        model = build(*arguments, **options)  # type: ignore[arg-type]

        def watch(module: torch.nn.Module, _: object, output: torch.Tensor) -> None:
            is_last = module.weight.is_contiguous(memory_format=torch.channels_last)
            seen.append((output.dtype, is_last))

        wide = [
            m for m in model.modules() if isinstance(m, torch.nn.Conv2d) and m.kernel_size[0] > 1
        ]
        wide[-1].register_forward_hook(watch)
        return model

    monkeypatch.setattr(tune, "build_classifier", build_and_watch)
    measure_speeds(PROBE, WAYS)
    assert seen[:4] == [
        (torch.float32, True),
        (torch.float32, False),
        (torch.bfloat16, True),
        (torch.bfloat16, False),
    ]
    assert seen == seen[:4] * 4, "ensure the ways take turns"


@pytest.mark.parametrize(("speed", "expected"), [(10.4, DEFAULT), (10.6, FAST), (9.0, DEFAULT)])
def test_a_way_has_to_be_worth_the_change(speed: float, expected: Way) -> None:
    assert choose_way({DEFAULT: 10.0, FAST: speed}, default=DEFAULT) == expected


def test_what_was_measured_is_filed_and_used_again(
    tmp_path: Path, fake_speeds: list[list[Way]], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tuning.json"
    for _ in range(2):
        found = find_fastest_way(
            PROBE, default=DEFAULT, precisions=("fp32", "bf16"), record_path=path
        )
        assert found == FAST
    assert fake_speeds == [WAYS]
    said = capsys.readouterr().err
    assert "bf16 contiguous is used (images/s: fp32 channels_last 10.0" in said
    assert "measured before" in said
    kept = find_fastest_way(PROBE, default=DEFAULT, precisions=("fp32",), record_path=path)
    assert kept == Way("fp32", "contiguous")
    assert len(fake_speeds) == len(json.loads(path.read_text())) == 2


def test_a_damaged_record_is_named(tmp_path: Path, fake_speeds: list[list[Way]]) -> None:
    path = tmp_path / "tuning.json"
    find_fastest_way(PROBE, default=DEFAULT, precisions=("fp32",), record_path=path)
    path.write_text(json.dumps({key: {"fp32": 1} for key in json.loads(path.read_text())}))
    with pytest.raises(InputError, match=r"tuning\.json is damaged"):
        find_fastest_way(PROBE, default=DEFAULT, precisions=("fp32",), record_path=path)


def test_a_step_that_does_not_fit_says_what_to_lower(monkeypatch: pytest.MonkeyPatch) -> None:
    def run_out(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch.nn.functional, "binary_cross_entropy_with_logits", run_out)
    with pytest.raises(CheckFailedError, match=r"4 images at once .* Lower --batch-size"):
        measure_speeds(PROBE, [DEFAULT])

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from xlite.models.catalogue import MODELS
from xlite.models.census import ModelCensus, count_models
from xlite.models.pretrained import import_timm

GOLDEN = Path(__file__).parents[1] / "golden" / "results"


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of timm's hub."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_default_table_has_the_hybrids_and_their_backbones(xlite_ok: Any, hub_cache: Path) -> None:
    lines = xlite_ok("models").stdout.splitlines()
    assert "Models with 14 labels" in lines[0]
    rows = {
        cells[0]: cells[1:]
        for line in lines
        if line.startswith("│") and (cells := [cell.strip() for cell in line[1:-1].split("│")])
    }
    assert rows["efficientnet_b0_mhsa"] == [
        "efficientnet_b0",
        "mhsa",
        "11,393,802",
        "0.713 G",
        "224",
        "not cached",
    ]
    assert rows.keys() == {*MODELS, "convnext_tiny", "mobilenetv3_large_100", "efficientnet_b0"}


def test_json_has_the_figures_of_the_named_models(xlite_ok: Any, hub_cache: Path) -> None:
    names = ("test_resnet", "test_resnet+mhsa,test_resnet+performer")
    options = ("--image-size", 96, "--num-labels", 3, "--json")
    rows = json.loads(xlite_ok("models", *names, *options).stdout)["models"]
    assert [row["name"] for row in rows] == [
        "test_resnet",
        "test_resnet+mhsa",
        "test_resnet+performer",
    ]
    plain, mhsa, performer = rows
    D = import_timm().create_model("test_resnet").num_features
    T = (96 // 32) ** 2
    block = 4 * D**2 + 3 * D
    assert mhsa["num_parameters"] - plain["num_parameters"] == block
    assert mhsa["num_macs"] - plain["num_macs"] == 4 * T * D**2 + 2 * T**2 * D
    assert performer["num_parameters"] == mhsa["num_parameters"]
    assert plain | {"num_parameters": 0, "num_macs": 0} == {
        "name": "test_resnet",
        "backbone": "test_resnet",
        "attention": "none",
        "num_parameters": 0,
        "num_macs": 0,
        "image_size": 96,
        "pretrained_weights": "hub",
    }


def test_cached_weights_are_seen_and_missing_ones_too(xlite_ok: Any, hub_cache: Path) -> None:
    repository = import_timm().get_pretrained_cfg("test_resnet").hf_hub_id.replace("/", "--")
    folder = hub_cache / f"models--{repository}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("abc")
    (folder / "snapshots" / "abc").mkdir(parents=True)
    save_file({"w": torch.zeros(1)}, folder / "snapshots" / "abc" / "model.safetensors")
    untrained = next(
        name
        for name in import_timm().list_models("resnet*")
        if not import_timm().get_pretrained_cfg(name).has_weights
    )
    rows = json.loads(xlite_ok("models", "test_resnet", untrained, "--json").stdout)["models"]
    assert [row["pretrained_weights"] for row in rows] == ["cached", "none"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["efficientnet_b0_mhas"], "Did you mean efficientnet_b0_mhsa"),
        (["resnet_18"], "Did you mean"),
        (["test_resnet+linformer"], "no attention is called 'linformer', and no head"),
        (["test_resnet+csra+mhsa"], "the attention stands before the head"),
        (["test_resnet+query", "--image-size", "32"], "its head needs more than one"),
        (["test_resnet+mhsa", "--image-size", "32"], "use a larger --image-size"),
    ],
)
def test_unknown_names_and_sizes_end_with_2(xlite: Any, arguments: list[str], message: str) -> None:
    result = xlite("models", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not result.stdout


def test_help_says_what_the_names_are(xlite_ok: Any) -> None:
    text = xlite_ok("models", "--help").stdout
    assert "Example:" in text
    assert "--num-labels" in text


def test_the_json_stays_byte_for_byte(xlite_ok: Any, hub_cache: Path) -> None:
    written = (GOLDEN / "models.json").read_text()
    assert xlite_ok("models", "resnet10t", "resnet10t+mhsa", "--json").stdout == written
    census = count_models(["resnet10t", "resnet10t+mhsa"])
    assert json.dumps(census.to_json(), indent=2) + "\n" == written
    assert ModelCensus.from_json(json.loads(written)) == census
    frame = census.to_frame()
    assert frame["name"].tolist() == ["resnet10t", "resnet10t+mhsa"]
    assert frame["num_parameters"].tolist() == [5_057_414, 6_107_526]

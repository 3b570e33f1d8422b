from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from xlite.errors import InputError
from xlite.models.classifier import Classifier, build_classifier
from xlite.models.warm_start import warm_start

State = dict[str, Tensor]


def build(name: str = "test_resnet+mhsa", *, seed: int = 0, **options: object) -> Classifier:
    return build_classifier(name, pretrained=False, seed=seed, **options)


def copy_state(model: Classifier) -> State:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def train_a_little(model: Classifier) -> Classifier:
    """Nothing of it, buffers included, is what a new model has."""
    generator = torch.Generator().manual_seed(99)
    with torch.no_grad():
        for tensor in model.state_dict().values():
            noise = torch.rand(tensor.shape, generator=generator) + 0.5
            tensor.copy_(noise if tensor.is_floating_point() else torch.tensor(1000))
    return model


def save(content: object, folder: Path, *, name: str = "start.pt") -> Path:
    torch.save(content, folder / name)
    return folder / name


@pytest.fixture(scope="module")
def trained() -> State:
    return copy_state(train_a_little(build(seed=1)))


@pytest.mark.parametrize("head", ["gem", "csra", "query"])
def test_another_head_starts_anew_on_the_checkpoint_s_backbone_and_attention(
    head: str, trained: State, tmp_path: Path
) -> None:
    result = warm_start(build(f"test_resnet+mhsa+{head}"), save(trained, tmp_path))
    assert result.has_whole_backbone
    own = {"gem": ["head.exponent"]}.get(head, [])
    assert [name for name in result.missing if name in own or head != "gem"] == list(result.missing)
    assert {name.partition(".")[0] for name in result.missing} == {"head"}
    assert {name.partition(".")[0] for name in result.left_out} <= {"head"}


WRAPPERS: dict[str, Callable[[State], object]] = {
    "xlite last.pt": lambda state: {"model": state, "optimizer": {}, "state": {"epoch": 3}},
    "plain": lambda state: state,
    "torch tutorial": lambda state: {"model_state_dict": state, "epoch": 3},
    "DDP": lambda state: {f"module.{name}": tensor for name, tensor in state.items()},
    "Lightning": lambda state: {
        "state_dict": {f"model.{name}": tensor for name, tensor in state.items()}
        | {"criterion.pos_weight": torch.ones(14)},
        "pytorch-lightning_version": "2.5",
    },
    "compiled": lambda state: {
        "state_dict": {f"module._orig_mod.{k}": v for k, v in state.items()}
    },
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_the_whole_model_loads_from_whatever_wraps_it(tmp_path, trained, wrapper):
    model = build()
    names = set(trained)
    result = warm_start(model, save(WRAPPERS[wrapper](trained), tmp_path))
    assert set(result.loaded) == names
    assert result.missing == ()
    assert set(result.left_out) == ({"criterion.pos_weight"} if wrapper == "Lightning" else set())
    assert all(torch.equal(tensor, trained[name]) for name, tensor in model.state_dict().items())


def test_best_safetensors_loads_whole_and_says_so_in_one_line(tmp_path, trained):
    save_file(trained, tmp_path / "best.safetensors")
    result = warm_start(build(), tmp_path / "best.safetensors")
    total = len(trained)
    assert result.describe() == (
        f"warm start: {total} of {total} tensors loaded from {tmp_path / 'best.safetensors'}."
    )


def test_what_is_missing_is_counted_by_part(tmp_path, trained):
    parts = {name: t for name, t in trained.items() if name.startswith("backbone.")}
    summary = warm_start(build(), save(parts, tmp_path)).describe().splitlines()[-1]
    assert summary == (
        "kept as they were in the model: 5 of attention, 4 of head, 2 of pixel normalisation "
        "(attention.norm.weight, attention.norm.bias, attention.qkv.weight, and 8 more)."
    )


@pytest.mark.parametrize("prefix", ["", "backbone.", "net.encoder."])
def test_timms_names_reach_the_backbone_from_behind_any_prefix(tmp_path, prefix):
    source = train_a_little(build("test_resnet", seed=1)).backbone.model.state_dict()
    head = {f"{prefix}fc.weight": torch.ones(1000, 384), f"{prefix}fc.bias": torch.ones(1000)}
    state = {f"{prefix}{name}": tensor for name, tensor in source.items()} | head
    model = build()
    before = copy_state(model)
    result = warm_start(model, save({"state_dict": state}, tmp_path))
    assert set(result.loaded) == {f"backbone.model.{name}" for name in source}
    assert result.left_out == dict.fromkeys(head, "not in the model")
    after = model.state_dict()
    assert all(torch.equal(after[f"backbone.model.{name}"], source[name]) for name in source)
    assert all(torch.equal(after[name], before[name]) for name in result.missing)
    assert {name.partition(".")[0] for name in result.missing} == {
        "attention",
        "head",
        *("pixel_scale", "pixel_shift"),
    }


def test_another_number_of_labels_leaves_the_last_layer_alone(tmp_path, trained):
    model = build(num_classes=5)
    before = copy_state(model)
    result = warm_start(model, save({"model": trained}, tmp_path))
    assert result.missing == ("head.3.weight", "head.3.bias")
    D = model.backbone.num_features // 2
    assert result.left_out == {
        "head.3.weight": f"of another shape: (14, {D}) instead of (5, {D})",
        "head.3.bias": "of another shape: (14,) instead of (5,)",
    }
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name] if name in result.missing else trained[name])
    lines = result.describe().splitlines()
    assert len(lines) == 3
    assert lines[1] == (
        f"left out of the file: 2 of another shape (head.3.weight (14, {D}) instead of (5, {D}), "
        "head.3.bias (14,) instead of (5,))."
    )
    assert lines[2] == ("kept as they were in the model: 2 of head (head.3.weight, head.3.bias).")


def test_another_attention_takes_what_both_mechanisms_share(tmp_path, trained):
    result = warm_start(build("test_resnet+performer"), save(trained, tmp_path))
    assert result.missing == ("attention.random_features",)
    assert result.left_out == {}


def test_a_plain_model_leaves_the_attention_in_the_file(tmp_path, trained):
    result = warm_start(build("test_resnet"), save(trained, tmp_path))
    assert result.missing == ()
    assert set(result.left_out) == {name for name in trained if name.startswith("attention.")}


def test_parameters_keep_their_identity_and_dtype(tmp_path, trained):
    """An optimizer may hold them already; a file in half precision must not make halves of them."""
    model = build()
    parameters = list(model.parameters())
    half = {name: t.half() if t.is_floating_point() else t for name, t in trained.items()}
    warm_start(model, save(half, tmp_path))
    for parameter, (name, now) in zip(parameters, model.named_parameters(), strict=True):
        assert parameter is now
        assert now.dtype == torch.float32
        assert torch.equal(now, half[name].float())


def test_normalisation_comes_with_a_whole_backbone_only(tmp_path, trained):
    model = build()
    kept = copy_state(model)
    partial = {k: v for k, v in trained.items() if k != "backbone.model.conv1.0.weight"}
    result = warm_start(model, save(partial, tmp_path))
    assert torch.equal(model.pixel_scale, kept["pixel_scale"])
    assert torch.equal(model.pixel_shift, kept["pixel_shift"])
    assert result.left_out == dict.fromkeys(
        ("pixel_scale", "pixel_shift"), "belongs to a backbone that was not loaded whole"
    )
    assert {"pixel_scale", "pixel_shift"} < set(result.missing)

    warm_start(model, save(trained, tmp_path))
    assert torch.equal(model.pixel_scale, trained["pixel_scale"])


def is_matrix(name: str, state: State) -> bool:
    is_buffer = name.endswith(("running_mean", "running_var", "num_batches_tracked"))
    return state[name].ndim > 1 and not is_buffer and not name.startswith("pixel_")


def test_buffers_and_biases_do_not_pass_for_a_fit(tmp_path, trained):
    """All that fits: pixel_scale, batch statistics and counts, norms, the bias of 14 labels."""
    state = {
        name: torch.zeros(7, 7) if is_matrix(name, trained) else tensor
        for name, tensor in trained.items()
    }
    assert state["head.3.bias"].shape == (14,)
    model = build()
    before = copy_state(model)
    path = save(state, tmp_path)
    with pytest.raises(InputError) as caught:
        warm_start(model, path)
    assert f"nothing of {path} fits this model on test_resnet" in str(caught.value)
    assert "of another shape (backbone.model.conv1.0.weight (7, 7) instead of" in str(caught.value)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())

    # One matrix more, and it is a warm start.
    state["attention.qkv.weight"] = trained["attention.qkv.weight"]
    assert "attention.qkv.weight" in warm_start(model, save(state, tmp_path)).loaded


def test_another_architecture_is_refused_and_leaves_the_model_as_it_was(tmp_path):
    path = save(build("test_vit+mhsa", seed=1).state_dict(), tmp_path)
    model = build()
    before = copy_state(model)
    with pytest.raises(InputError, match=r"not in the model .*same backbone"):
        warm_start(model, path)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_missing_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match=r"absent\.pt does not exist"):
        warm_start(build(), tmp_path / "absent.pt")


@pytest.mark.parametrize(
    ("value", "fault"), [(torch.nan, "NaN or infinity"), (1e30, "a value of 1e\\+30")]
)
def test_a_damaged_file_leaves_the_model_as_it_was(
    trained: State, tmp_path: Path, value: float, fault: str
) -> None:
    damaged = {name: tensor.clone() for name, tensor in trained.items()}
    damaged["head.0.weight"].view(-1)[5] = value
    save_file(damaged, tmp_path / "start.safetensors")
    model = build()
    before = copy_state(model)
    with pytest.raises(InputError, match=f"--warm-start .*head.0.weight holds {fault}"):
        warm_start(model, tmp_path / "start.safetensors")
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_complex_weights_are_refused(trained: State, tmp_path: Path) -> None:
    turned = {
        name: tensor.to(torch.complex64) if tensor.is_floating_point() else tensor
        for name, tensor in trained.items()
    }
    with pytest.raises(InputError, match="numbers of type complex64"):
        warm_start(build(), save(turned, tmp_path))

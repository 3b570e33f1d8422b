from __future__ import annotations

import subprocess
import sys

import pytest

from xlite.errors import InputError
from xlite.models.catalogue import MODELS, _read_timm_names, parse_model_name, require_listed
from xlite.models.pretrained import import_timm


def test_the_six_hybrids():
    assert {name: (spec.timm_name, spec.attention) for name, spec in MODELS.items()} == {
        "efficientnet_b0_mhsa": ("efficientnet_b0", "mhsa"),
        "efficientnet_b0_performer": ("efficientnet_b0", "performer"),
        "convnext_tiny_mhsa": ("convnext_tiny", "mhsa"),
        "convnext_tiny_performer": ("convnext_tiny", "performer"),
        "mobilenet_v3_large_mhsa": ("mobilenetv3_large_100", "mhsa"),
        "mobilenet_v3_large_performer": ("mobilenetv3_large_100", "performer"),
    }
    assert all(parse_model_name(name) is spec for name, spec in MODELS.items())


@pytest.mark.parametrize(
    ("name", "timm_name", "attention"),
    [
        ("resnet18", "resnet18", "none"),
        ("resnet18+mhsa", "resnet18", "mhsa"),
        ("resnet50.a1_in1k+performer", "resnet50.a1_in1k", "performer"),
    ],
)
def test_any_timm_name_with_or_without_attention(name, timm_name, attention):
    spec = parse_model_name(name)
    assert (spec.name, spec.timm_name, spec.attention) == (name, timm_name, attention)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet18", ("resnet18", "none", "plain")),
        ("resnet18+gem", ("resnet18", "none", "gem")),
        ("resnet50.a1_in1k+mean+linear", ("resnet50.a1_in1k", "mean", "linear")),
        ("resnet18+performer+csra", ("resnet18", "performer", "csra")),
        ("convnext_tiny_mhsa+query", ("convnext_tiny", "mhsa", "query")),
    ],
)
def test_a_head_stands_last_behind_anything(name, expected):
    spec = parse_model_name(name)
    assert (spec.timm_name, spec.attention, spec.head) == expected
    assert spec.name == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet18+mhsaa", "no attention is called 'mhsaa'"),
        ("resnet18+none", "no attention is called 'none'"),
        ("resnet18+", "no attention is called ''"),
        ("resnet18+mhsa+mhsa", "a model has one attention; leave out \\+mhsa"),
        ("resnet18+mhsa+mean", "a model has one attention; leave out \\+mean"),
        ("resnet18+csra+gem", "a model has one head; leave out \\+gem"),
        ("resnet18+csra+mhsa", "attention stands before the head, as in TIMM_NAME\\+mhsa\\+csra"),
        ("resnet18+mhsa+quer", "no attention is called 'quer', and no head. Did you mean query"),
        ("resnet18+csra+", "no attention is called '', and no head"),
        ("convnext_tiny_mhsa+mhsa", "has its attention already"),
        ("convnext_tiny_mhsa+mhsa+csra", "has its attention already; leave out \\+mhsa"),
        ("efficientnet_b1_mhsa", "Did you mean efficientnet_b0_mhsa"),
        ("", "is no model name"),
        ("+mhsa", "is no model name"),
        ("../resnet18", "is no model name"),
        ("resnet18 ", "is no model name"),
    ],
)
def test_other_names_are_refused_with_the_allowed_ones(name, message):
    with pytest.raises(InputError, match=message):
        parse_model_name(name)


def test_parsing_imports_neither_torch_nor_timm():
    code = (
        "import sys; from xlite.models.catalogue import parse_model_name; "
        "parse_model_name('resnet18+mhsa'); sys.exit(bool({'torch', 'timm'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_names_in_timms_source_are_those_that_it_registers() -> None:
    timm = import_timm()
    names, words = _read_timm_names()
    assert names == set(timm.list_models())
    former = set(timm.models._registry._deprecated_models)
    assert len(former) > 100
    assert former <= words, "a former name is still a name"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("resnet118", "resnet18"),
        ("efficientnet_b0_mhs", "efficientnet_b0_mhsa"),
        ("xcit_nanoo_12_p8_224+performer", "xcit_nano_12_p8_224"),
    ],
)
def test_a_name_that_timm_can_not_know_is_refused_with_those_like_it(name: str, hint: str) -> None:
    with pytest.raises(InputError, match=f"Did you mean {hint}"):
        require_listed(name)


@pytest.mark.parametrize(
    "name", ["resnet18", "resnet18.a1_in1k", "tv_resnext50_32x4d+mhsa", "vgg11"]
)
def test_a_name_that_timm_knows_is_left_alone(name: str) -> None:
    require_listed(name)

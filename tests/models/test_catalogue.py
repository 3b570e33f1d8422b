from __future__ import annotations

import subprocess
import sys

import pytest

from xlite.errors import InputError
from xlite.models.catalogue import MODELS, parse_model_name


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
    ("name", "message"),
    [
        ("resnet18+mhsaa", "no attention is called 'mhsaa'"),
        ("resnet18+none", "no attention is called 'none'"),
        ("resnet18+", "no attention is called ''"),
        ("resnet18+mhsa+mhsa", "no attention is called 'mhsa\\+mhsa'"),
        ("convnext_tiny_mhsa+mhsa", "has its attention already"),
        ("efficientnet_b1_mhsa", "Did you mean 'efficientnet_b0_mhsa'"),
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

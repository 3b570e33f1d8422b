from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import huggingface_hub
import pytest
import torch
from safetensors.torch import save_file

from xlite.errors import InputError
from xlite.models import pretrained
from xlite.models.pretrained import (
    check_timm_name,
    create_pretrained_model,
    find_cached_weights,
    import_timm,
)

timm = import_timm()

# Stands in for a torchvision built for another torch.
FOREIGN_TORCHVISION = "raise RuntimeError('operator torchvision::nms does not exist')"
BROKEN_TORCHVISION = "raise RuntimeError('something else')"

IMPORT = """
from xlite.errors import InputError
from xlite.models.pretrained import import_timm
try:
    import_timm()
except InputError as error:
    print(error)
"""


def import_beside(torchvision_source: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """import_timm() in a new process that finds this torchvision and a small timm using it."""
    (folder / "torchvision.py").write_text(torchvision_source)
    (folder / "timm.py").write_text("import torchvision\n")
    repository = Path(pretrained.__file__).parents[2]
    path = os.pathsep.join([str(folder), str(repository)])
    return subprocess.run(
        [sys.executable, "-c", IMPORT],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_torchvision_of_another_build_is_named_with_what_to_install(tmp_path):
    result = import_beside(FOREIGN_TORCHVISION, tmp_path)
    assert "built for another torch" in result.stdout, result.stderr
    assert "pip install --force-reinstall torch torchvision" in result.stdout


def test_any_other_fault_of_torchvision_is_shown(tmp_path):
    result = import_beside(BROKEN_TORCHVISION, tmp_path)
    assert result.returncode == 1
    assert result.stderr.strip().endswith("RuntimeError: something else")


def test_unknown_names_and_tags_come_with_what_there_is():
    with pytest.raises(InputError, match=r"no model 'resnet_18'. Did you mean .*resnet18"):
        check_timm_name("resnet_18")
    with pytest.raises(InputError, match=r"no weights 'foo' of resnet18. It has: a1_in1k"):
        check_timm_name("resnet18.foo")
    check_timm_name("resnet18.a1_in1k")


@pytest.fixture
def empty_hub_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    return tmp_path


def test_an_unreachable_hub_is_an_input_error_with_both_remedies(empty_hub_cache, monkeypatch):
    def refuse(request, timeout):
        raise urllib.error.URLError("name or service not known")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    with pytest.raises(InputError) as caught:
        create_pretrained_model("resnet18")
    assert "--weights FILE.safetensors" in str(caught.value)
    assert "--no-pretrained" in str(caught.value)


def test_offline_mode_is_named_as_the_reason(empty_hub_cache, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="HF_HUB_OFFLINE is set"):
        create_pretrained_model("resnet18")


def test_a_download_that_breaks_off_is_an_input_error(empty_hub_cache, monkeypatch):
    def break_off(*args, **kwargs):
        raise OSError("connection reset")

    monkeypatch.setattr(pretrained, "_unreachable_hub", lambda: None)
    monkeypatch.setattr(timm, "create_model", break_off)
    with pytest.raises(InputError, match=r"connection reset.*--no-pretrained"):
        create_pretrained_model("resnet18")


def test_an_architecture_without_weights_is_an_input_error():
    trained = {name.partition(".")[0] for name in timm.list_pretrained()}
    name = next(name for name in timm.list_models("test_*") if name not in trained)
    with pytest.raises(InputError, match=rf"no pretrained weights of {name}\..*--no-pretrained"):
        create_pretrained_model(name)


def test_cached_weights_are_used_without_the_hub(empty_hub_cache, monkeypatch):
    monkeypatch.setattr(
        pretrained, "_unreachable_hub", lambda: pytest.fail("the hub was asked all the same")
    )
    assert find_cached_weights("test_resnet") is None
    source = timm.create_model("test_resnet", pretrained=False)
    repository = timm.get_pretrained_cfg("test_resnet").hf_hub_id.replace("/", "--")
    snapshots = empty_hub_cache / f"models--{repository}"
    (snapshots / "refs").mkdir(parents=True)
    (snapshots / "refs" / "main").write_text("abc")
    (snapshots / "snapshots" / "abc").mkdir(parents=True)
    path = snapshots / "snapshots" / "abc" / "model.safetensors"
    save_file(source.state_dict(), path)

    assert find_cached_weights("test_resnet") == path
    model = create_pretrained_model("test_resnet")
    assert torch.equal(model.conv1[0].weight, source.conv1[0].weight)

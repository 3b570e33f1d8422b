"""The heads as ONNX programs: for any number of films, and with features as every head has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from xlite.exporting.served_model import serve, write_onnx
from xlite.models.classifier import build_classifier

ort = pytest.importorskip("onnxruntime")


@pytest.mark.parametrize("name", ["test_resnet+gem", "test_resnet+performer+query"])
def test_the_program_says_what_the_model_says(name: str, tmp_path: Path) -> None:
    model = build_classifier(name, num_classes=3, pretrained=False, seed=0)
    served = serve(model)
    write_onnx(served, tmp_path / "model.onnx", image_size=64, labels=["a", "b", "c"])
    session = ort.InferenceSession(tmp_path / "model.onnx")
    images = np.random.default_rng(0).integers(0, 256, (5, 1, 64, 64)).astype(np.uint8)
    with torch.no_grad():
        wanted = served(torch.from_numpy(images))
        features = model.pool_features(torch.from_numpy(images))
    assert torch.equal(wanted[2], features)
    assert wanted[0].std(dim=0).min() > 1e-4, "films that are not told apart would show nothing"
    for count in (5, 1):
        said = session.run(None, {"images": images[:count]})
        for one, other in zip(said, wanted, strict=True):
            np.testing.assert_allclose(one, other[:count], rtol=0, atol=1e-5)

"""`predict.py` of an exported folder, where nothing else is installed; and the server around it."""

from __future__ import annotations

import csv
import importlib.util
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

import xlite
from xlite.clahe_cache.clahe import apply_clahe
from xlite.clahe_cache.radiograph import read_radiograph
from xlite.exporting.films import prepare_film
from xlite.loading.loader import resize_images
from xlite.predicting.exported_model import open_exported
from xlite.training.predict import to_probs

NEEDED = ("numpy", "cv2", "onnxruntime")
ABSENT = ("xlite", "torch", "pandas", "scipy", "pydantic", "PIL", "timm")


def load_reader(folder: Path) -> Any:
    spec = importlib.util.spec_from_file_location("reader", folder / "predict.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a Python that has the three packages, and none beside."""
    packages = tmp_path_factory.mktemp("bare")
    for name in NEEDED:
        found = importlib.util.find_spec(name)
        assert found is not None
        assert found.origin is not None
        home = Path(found.origin).parent
        # The libraries of a wheel lie beside it: numpy.libs.
        for path in (home, *home.parent.glob(f"{name}.libs"), *home.parent.glob("opencv*.libs")):
            if not (packages / path.name).exists():
                (packages / path.name).symlink_to(path)
    # -S: without it site-packages would be there, too.
    environment = {**os.environ, "PYTHONPATH": str(packages)}
    tried = "import importlib.util as u; print([n for n in {} if u.find_spec(n)])"
    for names, there in ((NEEDED, list(NEEDED)), (ABSENT, [])):
        done = subprocess.run(
            [sys.executable, "-S", "-c", tried.format(names)],
            cwd=packages, env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.strip() == str(there)
    return environment


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Films of every kind that is stored otherwise: 8 and 16 bits, colour, alpha, shapes, JPEG."""
    folder = tmp_path_factory.mktemp("films")
    rng = np.random.default_rng(0)
    grey = cv2.GaussianBlur(rng.integers(0, 256, (90, 130)).astype(np.uint8), (9, 9), 0)
    colour = rng.integers(0, 256, (80, 60, 3)).astype(np.uint8)
    kinds = {
        "grey.png": grey,
        "tall.png": grey.T,
        "twelve bits.png": grey.astype(np.uint16) * 16,
        "sixteen bits.png": rng.integers(0, 65536, (70, 71)).astype(np.uint16),
        "empty.png": np.full((40, 40), 7, np.uint16),
        "black.png": np.zeros((40, 50), np.uint8),
        "colour.png": colour,
        "alpha.png": np.dstack([grey, grey, grey, grey]),
        "grey.jpg": grey,
        "grey.tif": grey,
    }
    for name, pixels in kinds.items():
        assert cv2.imwrite(str(folder / name), pixels)
    Image.fromarray(grey).convert("P").save(folder / "palette.png")
    return sorted(folder.iterdir())


def test_films_are_prepared_to_the_same_bytes_whatever_the_shape(exported: Path) -> None:
    prepare = load_reader(exported).prepare
    rng = np.random.default_rng(1)
    for fit in ("pad", "crop", "stretch"):
        for size, side in ((64, 64), (64, 48), (32, 48)):
            clahe = {"size": size, "clip": 2.0, "grid": 4, "fit": fit}
            settings = xlite.ClaheSettings.parse(**clahe)
            for shape in ((100, 80), (80, 131), (64, 64), (1, 300), (33, 7)):
                for kind, low, high in (
                    (np.uint8, 0, 256), (np.uint16, 0, 65536), (np.uint16, 500, 600),
                    (np.uint16, 500, 502), (np.uint16, 500, 501),
                ):  # fmt: skip
                    film = rng.integers(low, high, shape).astype(kind)
                    wanted = apply_clahe(film, settings)
                    if side != size:
                        (wanted,) = resize_images(wanted[None], side)
                    said = prepare(film, {"clahe": clahe, "image_size": side})
                    assert said.tobytes() == wanted.tobytes(), (fit, size, side, shape, kind)


def test_it_predicts_where_nothing_else_is_installed_as_xlite_does(
    exported: Path, bare: dict[str, str], films: list[Path]
) -> None:
    done = subprocess.run(
        [sys.executable, "-S", exported / "predict.py", *films],
        env=bare, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [Path(row["image_id"]) for row in rows] == films
    reader, model = load_reader(exported), open_exported(exported)
    assert model.thresholds is not None
    called = set()
    for path, row in zip(films, rows, strict=True):
        image = prepare_film(read_radiograph(path), model.preprocessing)
        spec = reader.load("preprocessing.json")
        content = np.fromfile(path, np.uint8)
        assert reader.prepare(reader.decode(content), spec).tobytes() == image.tobytes(), path
        probs = to_probs(model.predict(image[None, None]).logits)
        scaled = model.thresholds.scale(probs)
        calls = model.thresholds.call(scaled)[0]
        for column, label in enumerate(model.labels):
            assert float(row[f"prob_{label}"]) == pytest.approx(probs[0, column], abs=1e-8)
            assert float(row[f"calibrated_{label}"]) == pytest.approx(scaled[0, column], abs=1e-8)
            threshold = model.thresholds.thresholds[column]
            wanted = "" if np.isnan(threshold) else str(int(calls[column]))
            assert row[f"call_{label}"] == wanted
            called.add(wanted)
    assert called >= {"0", "1"}, "calls of one kind alone would show nothing"


def test_it_stops_where_films_or_the_model_are_others(
    exported: Path, bare: dict[str, str], tmp_path: Path, films: list[Path]
) -> None:
    import shutil

    folder = Path(shutil.copytree(exported, tmp_path / "copy"))
    for change, said in (
        (("preprocessing.json", '"clip": 2.0', '"clip": 3.0'), "prepared otherwise here"),
        (("preprocessing.json", '"logits": [', '"logits": [9.0, '), ""),
    ):
        name, old, new = change
        text = (exported / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))
        done = subprocess.run(
            [sys.executable, "-S", folder / "predict.py", films[0]],
            env=bare, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert said in done.stderr
        assert done.stdout == ""


def test_the_example_serves_the_folder(
    exported: Path, films: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient

    monkeypatch.setenv("EXPORTED", str(exported))
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "examples"))
    app = importlib.import_module("serve").app
    client, model = TestClient(app), open_exported(exported)
    said = client.post("/predict", content=films[0].read_bytes()).json()
    image = prepare_film(read_radiograph(films[0]), model.preprocessing)
    probs = to_probs(model.predict(image[None, None]).logits)[0]
    assert list(said) == list(model.labels)
    assert [one["prob"] for one in said.values()] == pytest.approx(probs.tolist(), abs=1e-8)
    assert {one["call"] for one in said.values()} <= {True, False, None}
    for content in (b"", b"no film"):
        assert client.post("/predict", content=content).status_code in (415, 422)

"""A run exported as a folder: what is in it, that it is the run, and that it is whole or absent."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections import namedtuple
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from conftest import Project

import xlite
from xlite.errors import CheckFailedError, InputError
from xlite.exporting.films import draw_films, prepare_film
from xlite.predicting.exported_folder import EXPORT_FILES, EXPORT_TORCHSCRIPT, ExportedFolder
from xlite.predicting.exported_model import open_exported
from xlite.predicting.run_predictor import open_run_predictor
from xlite.run_folder import RunFolder
from xlite.scores.typical_films import SeenFilms


def read_all(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def copy(folder: Path, to: Path) -> Path:
    return Path(shutil.copytree(folder, to / "copy"))


def test_the_folder_says_what_the_run_says(exported: Path, trained: RunFolder) -> None:
    run, model = open_run_predictor(trained), open_exported(exported)
    assert (model.labels, model.preprocessing) == (run.labels, run.preprocessing)
    images = draw_films(7, model.preprocessing)
    assert images.shape == (7, 1, 48, 48)
    for batch in (images, images[:1], np.ascontiguousarray(images[::2])):
        wanted, said = run.predict(batch), model.predict(batch)
        assert np.abs(said.logits - wanted.logits).max() <= 1e-4
        assert np.abs(said.features - wanted.features).max() <= 1e-4
        assert said.logits.dtype == said.features.dtype == np.float32
    spread = np.ptp(run.predict(images).logits, axis=0)
    assert spread.max() > 1e-3, "films that a model does not tell apart would show nothing"
    kept, typical = trained.find_typical_films(), model.typical_films
    assert kept is not None
    assert typical is not None
    assert typical.appearance is not None
    seen = SeenFilms(model.predict(images).features, images[:, 0])
    assert typical.measure(seen).shape == (7,)
    fitted, own = model.thresholds, xlite.read_run(trained.path).find_thresholds()
    assert fitted is not None
    assert own is not None
    per_class = json.loads(own.read_text())["per_class"]
    assert [per_class[label]["slope"] for label in model.labels] == fitted.scaling.slope.tolist()


def test_probs_are_the_sigmoid_of_logits_and_the_program_takes_bytes(exported: Path) -> None:
    ort = pytest.importorskip("onnxruntime")
    session = ort.InferenceSession(exported / "model.onnx")
    (given,) = session.get_inputs()
    assert (given.name, given.type, given.shape[1:]) == ("images", "tensor(uint8)", [1, 48, 48])
    assert [one.name for one in session.get_outputs()] == ["logits", "probs", "features"]
    images = np.random.default_rng(0).integers(0, 256, (3, 1, 48, 48)).astype(np.uint8)
    logits, probs, _ = session.run(None, {"images": images})
    assert np.allclose(probs, torch.sigmoid(torch.from_numpy(logits)).numpy(), atol=1e-6)
    labels = json.loads(session.get_modelmeta().custom_metadata_map["labels"])
    assert tuple(labels) == open_exported(exported).labels


def test_the_files_are_the_same_each_time_and_tell_nothing_of_this_machine(
    exported: Path, trained: RunFolder, tmp_path: Path
) -> None:
    xlite.export(trained.path, out=tmp_path / "again")
    first, second = read_all(exported), read_all(tmp_path / "again")
    assert first == second
    assert set(first) == set(EXPORT_FILES) - {EXPORT_TORCHSCRIPT}
    here = [str(Path(torch.__file__).parent), str(Path(xlite.__file__).parent), str(tmp_path)]
    for name, content in first.items():
        assert not [path for path in here if path.encode() in content], name
    marks = json.loads(first["thresholds.json"])["fitted_on"]
    assert (marks["marks"], marks["patient_marks"]) == ("", "")
    assert first["model.safetensors"] == trained.find_weights().read_bytes()


def test_the_reference_film_becomes_the_bytes_and_outputs_that_are_written(exported: Path) -> None:
    model = open_exported(exported)
    reference = model.folder.preprocessing_record.reference
    film = cv2.imread(str(exported / reference.film), cv2.IMREAD_UNCHANGED)
    assert film.shape == (512, 448)
    image = prepare_film(film, model.preprocessing)
    assert hashlib.sha256(image.tobytes()).hexdigest() == reference.input_sha256
    shown = cv2.imread(str(exported / reference.input), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(shown, image)
    assert model.predict(image[None, None]).logits[0].tolist() == reference.logits
    assert np.allclose(1 / (1 + np.exp(-np.array(reference.logits))), reference.probs)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("model.onnx", lambda text: text[:-1] + bytes([text[-1] ^ 1])),
        ("thresholds.json", lambda text: text.replace(b'"slope": ', b'"slope": 1', 1)),
        ("predict.py", lambda text: text + b"\n"),
    ],
)
def test_an_altered_file_is_named(exported: Path, tmp_path: Path, name: str, change: Any) -> None:
    folder = copy(exported, tmp_path)
    (folder / name).write_bytes(change((folder / name).read_bytes()))
    for look in (lambda: open_exported(folder), lambda: xlite.check_export(folder)):
        with pytest.raises(CheckFailedError, match=f"was altered .* {name} is not"):
            look()


def test_a_record_that_was_edited_or_names_other_folders_is_refused(
    exported: Path, tmp_path: Path
) -> None:
    folder = copy(exported, tmp_path)
    record = folder / "export.json"
    written = json.loads(record.read_text())
    for changes, said in (
        ({"films": 10_000}, "edited"),
        ({"files": {**written["files"], "../x": "0" * 64}}, "another folder"),
        ({"files": {}}, "lacks the SHA-256 of model.onnx"),
        ({"schema_version": 99}, "newer xlite"),
    ):
        record.write_text(json.dumps({**written, **changes}))
        with pytest.raises(InputError, match=said):
            open_exported(folder)
    record.write_text(json.dumps(written))
    (folder / "model.onnx").unlink()
    with pytest.raises(InputError, match="model.onnx does not exist"):
        open_exported(folder)
    with pytest.raises(InputError, match="is no exported folder"):
        open_exported(tmp_path)


def test_a_run_is_found_by_its_name(
    trained: RunFolder, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(trained.path, tmp_path / "experiments/runs" / trained.name)
    monkeypatch.chdir(tmp_path)
    assert xlite.export(trained.name, out="out").films == 32
    assert read_all(Path("out")) == read_all(exported)


def test_people_may_write_in_the_card_and_it_stays(trained: RunFolder, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    xlite.export(trained.path, out=folder)
    card = folder / "README.md"
    begin = "<!-- notes:card -->"
    card.write_text(card.read_text().replace(begin, f"{begin}\nAsk Dr Ada."))
    (folder / "theirs.txt").write_text("of others")
    open_exported(folder)
    xlite.export(trained.path, out=folder, torchscript=True)
    assert "Ask Dr Ada." in card.read_text()
    assert "`predict.py`" in card.read_text()
    assert (folder / "theirs.txt").read_text() == "of others"
    assert (folder / EXPORT_TORCHSCRIPT).is_file()
    xlite.export(trained.path, out=folder)
    assert not (folder / EXPORT_TORCHSCRIPT).exists(), "of the export before"
    assert [path for path in tmp_path.iterdir() if path != folder] == []


def test_torchscript_is_written_by_name_alone_and_says_the_same(
    trained: RunFolder, exported: Path, tmp_path: Path
) -> None:
    xlite.export(trained.path, out=tmp_path / "out", torchscript=True)
    images = draw_films(5, open_exported(exported).preprocessing)
    with pytest.warns(FutureWarning):
        script = torch.jit.load(tmp_path / "out" / EXPORT_TORCHSCRIPT)
    with torch.inference_mode():
        logits = script(torch.from_numpy(images))[0].numpy()
    assert np.abs(logits - open_exported(exported).predict(images).logits).max() <= 1e-4
    assert not (exported / EXPORT_TORCHSCRIPT).exists()


def test_what_goes_wrong_half_way_leaves_nothing(
    trained: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import xlite.workflows.export as workflow

    folder = tmp_path / "out"

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(workflow, "write_reader", stop)
        with pytest.raises(KeyboardInterrupt):
            xlite.export(trained.path, out=folder)
    assert list(tmp_path.iterdir()) == []
    with monkeypatch.context() as patch:
        patch.setattr(workflow, "find_logit_difference", lambda *_: float("nan"))
        with pytest.raises(CheckFailedError, match="the exported model is not the run's"):
            xlite.export(trained.path, out=folder)
    assert list(tmp_path.iterdir()) == []
    usage = namedtuple("usage", "total used free")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, 1000))
        with pytest.raises(InputError, match=r"MB are free .* Free some space"):
            xlite.export(trained.path, out=folder)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_export_has_left_is_removed(trained: RunFolder, tmp_path: Path) -> None:
    left = tmp_path / ".xlite.out.0a1b2c3d.tmp"
    left.mkdir()
    (left / "model.onnx").write_bytes(b"half")
    (tmp_path / ".xlite.other.0a1b2c3d.tmp").mkdir()
    xlite.export(trained.path, out=tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".xlite.other.0a1b2c3d.tmp",
        "out",
    ]


def test_a_folder_that_is_not_ours_is_left_alone(
    trained: RunFolder, exported: Path, tmp_path: Path, make_run: Any
) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "README.md").write_text("mine")
    with pytest.raises(InputError, match="nothing says that it belongs to an export"):
        xlite.export(trained.path, out=foreign)
    assert (foreign / "README.md").read_text() == "mine"
    other = copy(exported, tmp_path)
    record = json.loads((other / "export.json").read_text())
    record["run"]["weights_sha256"], record["digest"] = "0" * 64, ""
    (other / "export.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match="holds the export of another run"):
        xlite.export(trained.path, out=other)
    xlite.export(trained.path, out=other, overwrite=True)
    assert read_all(other) == read_all(exported)
    unfinished = make_run(tmp_path / "run", trained.settings, is_finished=False)
    with pytest.raises(InputError, match="is not finished"):
        xlite.export(unfinished, out=tmp_path / "out")
    with pytest.raises(InputError, match="is no run folder"):
        xlite.export(exported, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_of_version_0_1_reads_its_cache(
    trained: RunFolder, project: Project, exported: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    old = tmp_path / "old"
    shutil.copytree(trained.path, old)
    save_file(load_file(old / "best.safetensors"), old / "best.safetensors")
    config = json.loads((old / "config.json").read_text())
    config.pop("preprocessing")
    config["schema_version"] = 1
    config["data"]["cache_dir"] = None
    (old / "config.json").write_text(json.dumps(config))
    scores = json.loads((old / "scores.json").read_text())
    scores["files"] = {}
    (old / "scores.json").write_text(json.dumps(scores))
    with pytest.raises(InputError, match="does not say how its images were made"):
        xlite.export(old, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    xlite.export(old, out=tmp_path / "out", cache=project.cache)
    new = ExportedFolder(tmp_path / "out").preprocessing_record
    assert new == ExportedFolder(exported).preprocessing_record
    xlite.check_export(tmp_path / "out")


def test_the_command_exports_and_checks_quietly(
    trained: RunFolder, tmp_path: Path, xlite_ok: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    done = xlite_ok("export", trained.path, "--out", folder, "--check", "--json")
    found = json.loads(done.stdout)
    assert found["check"]["largest_logit_difference"] <= 1e-4
    assert found["check"]["films"] == 64
    assert [row["batch"] for row in found["check"]["latency"]] == [1, 32]
    assert all(row["torch"] > 0 and row["onnx"] > 0 for row in found["check"]["latency"])
    assert found["export"]["precision"] == "fp32"
    assert done.stderr == ""
    said = xlite_ok("export", folder, "--check").stdout
    assert "every file is as it was exported" in said
    assert "onnx / torch" in said
    assert capfd.readouterr() == ("", "")


def test_without_the_extra_the_remedy_is_said(
    trained: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(InputError, match=r"pip install 'xlite\[export\]'"):
        xlite.export(trained.path, out=tmp_path / "out")
    assert not os.path.lexists(tmp_path / "out")

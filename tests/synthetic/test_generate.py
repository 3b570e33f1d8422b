from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from xlite.errors import InputError
from xlite.labels import NIH_LABELS, encode_label_texts, has_no_finding
from xlite.synthetic import generate
from xlite.synthetic.generate import generate_synthetic
from xlite.synthetic.label_draws import (
    draw_label_sets,
    draw_series_labels,
    draw_series_lengths,
    nih_label_sets,
)
from xlite.synthetic.radiograph import DrawnFilm, draw_film, draw_radiograph

NIH_SAMPLE = Path(__file__).parents[2].parent / "shared" / "nih-sample"


@pytest.fixture(scope="module")
def nih_table() -> pd.DataFrame:
    spec = importlib.util.find_spec("torchxrayvision")
    if spec is None or spec.origin is None:
        pytest.skip("torchxrayvision is not installed")
    return pd.read_csv(Path(spec.origin).parent / "data" / "Data_Entry_2017_v2020.csv.gz")


def philox(*key: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=np.array(key, dtype=np.uint64)))


def draw(finding: str | None, *, person: int, film: int = 0, size: int = 128) -> np.ndarray:
    labels = np.zeros(len(NIH_LABELS), dtype=np.int8)
    if finding is not None:
        labels[NIH_LABELS.index(finding)] = 1
    return draw_radiograph(
        labels,
        patient_rng=philox(1, person),
        image_rng=philox(2, 1000 * person + film),
        image_size=size,
    )


def test_embedded_label_sets_are_those_of_the_real_table(nih_table: pd.DataFrame) -> None:
    labels = encode_label_texts(nih_table["Finding Labels"].to_numpy(), NIH_LABELS)
    expected, expected_counts = np.unique(labels, axis=0, return_counts=True)
    sets, counts = nih_label_sets()
    order = np.lexsort(sets.T[::-1])
    np.testing.assert_array_equal(sets[order], expected)
    np.testing.assert_array_equal(counts[order], expected_counts)


def test_series_lengths_follow_the_real_table(nih_table: pd.DataFrame) -> None:
    real = nih_table.groupby("Patient ID").size().to_numpy()
    drawn = draw_series_lengths(100_000, rng=philox(0, 0))
    assert drawn.mean() == pytest.approx(real.mean(), rel=0.1)
    for length in (2, 3, 5, 10, 20, 50):
        assert abs((drawn >= length).mean() - (real >= length).mean()) < 0.055


@given(num_images=st.integers(1, 2000), seed=st.integers(0, 2**32))
def test_series_lengths_sum_to_the_images_and_none_dominates(num_images: int, seed: int) -> None:
    lengths = draw_series_lengths(num_images, rng=np.random.default_rng(seed))
    assert lengths.sum() == num_images
    assert lengths.min() >= 1
    assert lengths.max() <= max(4, num_images // 40)


def test_series_keep_nih_prevalence_and_findings_persist() -> None:
    sets, counts = nih_label_sets()
    prevalence = counts @ sets / counts.sum()
    lengths = draw_series_lengths(100_000, rng=philox(0, 1))
    labels = draw_series_labels(lengths, rng=philox(0, 2))
    # Persistence inflates the variance of a mean; 5 binomial deviations times 1.5 allow for it.
    tolerance = 7.5 * np.sqrt(prevalence / len(labels))
    assert (np.abs(labels.mean(axis=0) - prevalence) < tolerance).all()
    assert has_no_finding(labels).mean() == pytest.approx(counts[0] / counts.sum(), abs=0.01)

    patients = np.repeat(np.arange(len(lengths)), lengths)
    is_follow_up = patients[1:] == patients[:-1]
    is_kept = (labels[1:] == labels[:-1]).all(axis=1)
    by_chance = ((counts / counts.sum()) ** 2).sum()
    assert is_kept[is_follow_up].mean() == pytest.approx(0.3 + 0.7 * by_chance, abs=0.01)
    assert is_kept[~is_follow_up].mean() == pytest.approx(by_chance, abs=0.02)


@settings(max_examples=30, deadline=None)
@given(min_positives=st.integers(0, 10), seed=st.integers(0, 2**32))
def test_every_class_reaches_its_minimum_with_sets_of_the_table(
    min_positives: int, seed: int
) -> None:
    labels = draw_label_sets(200, rng=np.random.default_rng(seed), min_positives=min_positives)
    assert labels.shape == (200, 14)
    assert (labels.sum(axis=0) >= min_positives).all()
    known = {row.tobytes() for row in nih_label_sets()[0]}
    assert all(row.tobytes() in known for row in labels)


def test_a_minimum_without_room_is_an_input_error() -> None:
    with pytest.raises(InputError, match="no room for 10 positives"):
        draw_label_sets(12, rng=philox(0, 0), min_positives=10)


# For each finding, a box (top, bottom, left, right as shares of the image) and whether it turns
# brighter (+1) or darker (-1) there on average over patients.
SIGNATURES = {
    "Atelectasis": ((0.45, 0.75, 0.2, 0.8), 1),
    "Cardiomegaly": ((0.55, 0.7, 0.6, 0.75), 1),
    "Effusion": ((0.65, 0.78, 0.15, 0.3), 1),
    "Infiltration": ((0.3, 0.7, 0.2, 0.8), 1),
    "Mass": ((0.2, 0.7, 0.2, 0.8), 1),
    "Nodule": ((0.2, 0.7, 0.2, 0.8), 1),
    "Pneumonia": ((0.3, 0.7, 0.2, 0.8), 1),
    "Pneumothorax": ((0.2, 0.35, 0.22, 0.32), -1),
    "Consolidation": ((0.3, 0.7, 0.2, 0.8), 1),
    "Edema": ((0.3, 0.6, 0.3, 0.45), 1),
    "Emphysema": ((0.3, 0.7, 0.2, 0.35), -1),
    "Fibrosis": ((0.55, 0.75, 0.2, 0.35), 1),
    "Pleural_Thickening": ((0.3, 0.65, 0.15, 0.25), 1),
}


def draw_changes(finding: str, *, size: int, people: int = 24) -> np.ndarray:
    # Same patient, same noise: what differs is the finding.
    return np.stack(
        [
            draw(finding, person=person, size=size).astype(float)
            - draw(None, person=person, size=size)
            for person in range(people)
        ]
    )


@pytest.mark.parametrize("finding", SIGNATURES)
def test_each_finding_changes_its_region_on_every_film(finding: str) -> None:
    (top, bottom, left, right), sign = SIGNATURES[finding]
    size = 128
    change = draw_changes(finding, size=size)
    assert (np.abs(change) > 8).sum(axis=(1, 2)).min() >= 10, "a film shows no sign of the finding"
    box = np.s_[:, int(top * size) : int(bottom * size), int(left * size) : int(right * size)]
    assert sign * change[box].mean() > 0.5
    # A finding stays within the body: the corner beside the neck is the same air.
    np.testing.assert_array_equal(change[:, : size // 20, : size // 20], 0)


def test_a_hernia_shows_a_wall_and_gas_behind_the_heart() -> None:
    assert set(NIH_LABELS) - set(SIGNATURES) == {"Hernia"}
    change = draw_changes("Hernia", size=128)[:, 70:110, 54:84]
    assert (change > 8).sum(axis=(1, 2)).min() >= 3
    assert (change < -8).sum(axis=(1, 2)).min() >= 3
    outside = draw_changes("Hernia", size=128, people=6)[:, :, :40]
    np.testing.assert_array_equal(outside, 0)


def test_a_normal_film_has_dark_lungs_between_bright_mediastinum_and_abdomen() -> None:
    films = np.stack([draw(None, person=person) for person in range(12)]).astype(float)
    lungs = films[:, 45:75, 25:45].mean(axis=(1, 2))
    mediastinum = films[:, 45:75, 60:68].mean(axis=(1, 2))
    abdomen = films[:, 115:, 40:88].mean(axis=(1, 2))
    assert (mediastinum - lungs > 40).all()
    assert (abdomen - lungs > 40).all()


def test_a_patient_looks_more_like_oneself_than_like_others() -> None:
    def outline(person: int, film: int) -> np.ndarray:
        # Edges, not grey levels: exposure differs from film to film.
        image = cv2.GaussianBlur(draw(None, person=person, film=film), (0, 0), 2).astype(float)
        image -= image.mean()
        return (image / image.std()).ravel()

    first = np.stack([outline(person, 0) for person in range(15)])
    second = np.stack([outline(person, 1) for person in range(15)])
    distance = ((first[:, None] - second[None]) ** 2).mean(axis=2)
    own = np.diag(distance)
    others = distance[~np.eye(15, dtype=bool)]
    assert own.mean() < 0.6 * others.mean()
    assert (own > 0).all(), "two films of a patient are not copies"


def test_findings_can_be_learnt_on_other_patients() -> None:
    films = np.stack(
        [
            cv2.resize(draw(finding, person=person), (16, 16), interpolation=cv2.INTER_AREA).ravel()
            for person in range(240)
            for finding in ["Cardiomegaly" if person % 2 else None]
        ]
    )
    targets = np.arange(240) % 2
    model = LogisticRegression(C=0.01, max_iter=500).fit(films[:160] / 255.0, targets[:160])
    assert roc_auc_score(targets[160:], model.decision_function(films[160:] / 255.0)) > 0.85


def test_findings_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(14,\)"):
        draw_radiograph(
            np.zeros(13, dtype=np.int8),
            patient_rng=philox(0, 0),
            image_rng=philox(0, 1),
            image_size=64,
        )


def file_bytes(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_the_folder_holds_nih_s_table_and_its_images(tmp_path: Path) -> None:
    table_path = generate_synthetic(
        tmp_path / "films", num_images=60, image_size=64, min_positives=2
    )
    assert table_path == tmp_path / "films" / "Data_Entry_2017.csv"
    assert table_path.read_text().splitlines()[0] == (
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,"
        "View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
    )
    table = pd.read_csv(table_path)
    files = sorted(path.name for path in (tmp_path / "films" / "images").iterdir())
    assert table["Image Index"].tolist() == files
    assert files[0] == "00000001_000.png"
    assert len(files) == 60
    for name, patient, follow_up in zip(
        table["Image Index"], table["Patient ID"], table["Follow-up #"], strict=True
    ):
        assert name == f"{patient:08d}_{follow_up:03d}.png"
        image = cv2.imread(str(tmp_path / "films" / "images" / name), cv2.IMREAD_UNCHANGED)
        assert image.shape == (64, 64)
        assert image.dtype == np.uint8
    assert (table.groupby("Patient ID")["Patient Gender"].nunique() == 1).all()
    assert set(table["View Position"]) == {"PA", "AP"}
    assert set(table["Patient Gender"]) == {"F", "M"}
    labels = encode_label_texts(table["Finding Labels"].to_numpy(), NIH_LABELS)
    assert (labels.sum(axis=0) >= 2).all()


def test_the_header_is_that_of_the_real_table(tmp_path: Path) -> None:
    if not NIH_SAMPLE.is_dir():
        pytest.skip("../shared/nih-sample is not present")
    table_path = generate_synthetic(tmp_path / "films", num_images=1, image_size=32)
    real_header = (NIH_SAMPLE / "Data_Entry_2017.csv").read_text().splitlines()[0]
    assert table_path.read_text().splitlines()[0] == real_header


def test_same_settings_give_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        generate_synthetic(tmp_path / name, num_images=12, seed=seed, image_size=64)
    a, b, c = (file_bytes(tmp_path / name) for name in "abc")
    assert len(a) == 15
    assert a == b
    assert a["images/00000001_000.png"] != c["images/00000001_000.png"]


def test_a_film_does_not_depend_on_the_others(tmp_path: Path) -> None:
    many = generate_synthetic(tmp_path / "many", num_images=40, image_size=64)
    few = generate_synthetic(tmp_path / "few", num_images=20, image_size=64)
    rows = [pd.read_csv(path).set_index("Image Index")["Finding Labels"] for path in (many, few)]
    both = rows[0].index.intersection(rows[1].index)
    same = [name for name in both if rows[0][name] == rows[1][name]]
    assert len(same) >= 5, "ensure that the two sets share films"
    for name in same:
        paths = [tmp_path / folder / "images" / name for folder in ("many", "few")]
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_finished_folder_is_left_alone_and_others_are_refused(tmp_path: Path) -> None:
    out = tmp_path / "films"
    generate_synthetic(out, num_images=5, image_size=32)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    generate_synthetic(out, num_images=5, image_size=32)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before

    with pytest.raises(InputError, match="other settings .num_images 5, not 6"):
        generate_synthetic(out, num_images=6, image_size=32)
    (out / "images" / "00000001_000.png").unlink()
    with pytest.raises(InputError, match="files were changed"):
        generate_synthetic(out, num_images=5, image_size=32)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="not empty"):
        generate_synthetic(tmp_path / "mine", num_images=5, image_size=32)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not valid JSON"),
        (b"[" * 100_000, "is not valid JSON"),
        (b'{"seed": ' + b"9" * 5000 + b"}", "is not valid JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "has no 'drawing_version'"),
        (b'{"drawing_version": "1"}', "'drawing_version'"),
    ],
)
def test_a_damaged_record_is_one_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "synthetic.json").write_bytes(content)
    with pytest.raises(InputError, match=rf"synthetic\.json .*{message}.*remove this one first"):
        generate_synthetic(tmp_path, num_images=5, image_size=32)
    (tmp_path / "synthetic.json").unlink()
    (tmp_path / "synthetic.json").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        generate_synthetic(tmp_path, num_images=5, image_size=32)


def test_folders_that_can_hold_no_films_are_refused_before_drawing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "draw_film", None)
    (tmp_path / "file").touch()
    for out in (tmp_path / "file" / "films", tmp_path / ("n" * 300), Path("/proc/films")):
        with pytest.raises(InputError, match=r"[Pp]ass another --out\."):
            generate_synthetic(out, num_images=5, image_size=32)


def test_an_interrupted_call_leaves_nothing_behind_and_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = 0

    def interrupted(*args: object, **options: object) -> DrawnFilm:
        nonlocal drawn
        drawn += 1
        if drawn == 3:
            raise KeyboardInterrupt
        return draw_film(*args, **options)  # type: ignore[arg-type]

    out = tmp_path / "films"
    with monkeypatch.context() as patch:
        patch.setattr(generate, "draw_film", interrupted)
        with pytest.raises(KeyboardInterrupt):
            generate_synthetic(out, num_images=5, image_size=32)
    assert list(out.iterdir()) == []
    generate_synthetic(out, num_images=5, image_size=32)
    assert json.loads((out / "synthetic.json").read_text())["num_images"] == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_images": 0}, "num_images is 0"),
        ({"num_images": 1, "image_size": 16}, "image_size is 16"),
        ({"num_images": 1, "seed": -1}, "seed is -1"),
        ({"num_images": 1, "min_positives": -1}, "min_positives is -1"),
    ],
)
def test_settings_out_of_range_are_refused_before_anything_is_written(
    tmp_path: Path, options: dict[str, int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        generate_synthetic(tmp_path / "films", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "films").exists()

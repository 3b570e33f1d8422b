"""A tree with a folder a class is a label table of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from xlite.errors import InputError
from xlite.tables.image_folder import locate_images
from xlite.tables.label_table import read_manifest
from xlite.tables.table_format import TableFormat

FOLDERS = TableFormat(dataset="folders")


def make_tree(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_the_label_is_the_folders_name(tmp_path: Path) -> None:
    tree = make_tree(
        tmp_path,
        "train/NORMAL/a.jpeg",
        "train/PNEUMONIA/b.jpeg",
        "test/PNEUMONIA/c.jpeg",
        "test/PNEUMONIA/notes.txt",
        ".cache/d.png",
    )
    manifest = read_manifest(tree, table_format=FOLDERS)
    rows = zip(manifest.image_ids, manifest.labels[:, 0], manifest.table["part"], strict=True)
    assert manifest.vocabulary == ("PNEUMONIA",)
    assert sorted(rows) == [
        ("test/PNEUMONIA/c.jpeg", 1, "test"),
        ("train/NORMAL/a.jpeg", 0, "train"),
        ("train/PNEUMONIA/b.jpeg", 1, "train"),
    ]
    assert all(Path(path).is_file() for path in locate_images(manifest, tree).table["path"])


def test_two_classes_without_parts(tmp_path: Path) -> None:
    manifest = read_manifest(make_tree(tmp_path, "tb/a.png", "covid/b.png"), table_format=FOLDERS)
    assert manifest.vocabulary == ("covid", "tb")
    assert sorted(manifest.labels.tolist()) == [[0, 1], [1, 0]]
    assert "part" not in manifest.table


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a.png", "tb/b.png"], "a.png lies in no folder of a class"),
        (["train/a.png", "train/tb/b.png"], "a.png lies in no folder of a class"),
        (["tb/readme.txt"], "holds no image"),
    ],
)
def test_what_is_no_tree_of_classes(names: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read_manifest(make_tree(tmp_path, *names), table_format=FOLDERS)


def test_a_file_is_no_folder_of_classes(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="is no folders of classes. Name what --dataset folders"):
        read_manifest(tmp_path / "table.csv", table_format=FOLDERS)

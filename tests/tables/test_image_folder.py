from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from xlite.errors import InputError
from xlite.tables.image_folder import find_images, locate_images
from xlite.tables.manifest import Manifest


def make_manifest(*names: str) -> Manifest:
    table = pd.DataFrame({"image_id": names, "path": "", "patient_id": names}, dtype=object)
    return Manifest(table, np.zeros((len(names), 2), np.int8), ("Edema", "Mass"))


def make_images(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def relative_paths(manifest: Manifest, root: Path) -> list[str]:
    return [os.path.relpath(path, root).replace(os.sep, "/") for path in manifest.table["path"]]


def test_images_are_found_in_nihs_folders_and_by_path(tmp_path: Path) -> None:
    root = tmp_path / "raw"
    make_images(root, "images_001/images/a.png", "images_012/images/b.png", "p1/s1/view.png")
    make_images(root, "p2/s1/view.png")
    manifest = make_manifest("a.png", "b.png", "p2/s1/view.png")
    located = locate_images(manifest, root)
    assert relative_paths(located, root) == [
        "images_001/images/a.png",
        "images_012/images/b.png",
        "p2/s1/view.png",
    ]


def test_missing_images_are_counted_and_five_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_images(tmp_path / "raw", "a.png")
    manifest = make_manifest("a.png", *(f"m{i}.png" for i in range(7)))
    with pytest.raises(
        InputError, match=r"7 of 8.*m0\.png, m1\.png, m2\.png, m3\.png, m4\.png, ….*--skip-missing"
    ):
        locate_images(manifest, tmp_path / "raw")
    located = locate_images(manifest, tmp_path / "raw", skip_missing=True)
    assert located.image_ids.tolist() == ["a.png"]
    assert "7 of 8 images" in capsys.readouterr().err


def test_one_name_in_two_folders_is_refused(tmp_path: Path) -> None:
    make_images(tmp_path / "raw", "x/a.png", "y/a.png")
    with pytest.raises(InputError, match=r"a\.png lies in two folders.*x/a\.png and y/a\.png"):
        locate_images(make_manifest("a.png"), tmp_path / "raw")


def test_a_folder_that_is_linked_into_itself_is_scanned_once(tmp_path: Path) -> None:
    make_images(tmp_path / "raw", "x/a.png")
    (tmp_path / "raw" / "x" / "loop").symlink_to(tmp_path / "raw", target_is_directory=True)
    assert len(locate_images(make_manifest("a.png"), tmp_path / "raw")) == 1


def test_a_path_below_several_folders_and_another_spelling_of_it_are_found(tmp_path: Path) -> None:
    make_images(tmp_path, "raw/p1/s1/view.png", "raw/p2/s1/view.png", "raw/e\u0301.png")
    manifest = make_manifest("s1/view.png", "p2\\s1\\view.png", "\u00e9.png")
    with pytest.raises(InputError, match=r"s1/view\.png lies in two folders"):
        locate_images(manifest, tmp_path / "raw")
    located = locate_images(manifest.select(np.array([1, 2])), tmp_path / "raw")
    assert relative_paths(located, tmp_path / "raw") == ["p2/s1/view.png", "e\u0301.png"]


def test_the_named_folder_may_be_a_link_and_links_within_it_are_followed(tmp_path: Path) -> None:
    make_images(tmp_path / "real", "a.png", "sub/b.png")
    (tmp_path / "real" / "c.png").symlink_to("a.png")
    (tmp_path / "real" / "again").symlink_to("sub")
    (tmp_path / "raw").symlink_to("real")
    located = locate_images(make_manifest("a.png", "b.png", "c.png"), tmp_path / "raw")
    assert relative_paths(located, tmp_path / "real") == ["a.png", "again/b.png", "c.png"]


def test_links_that_lead_out_are_not_followed_and_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_images(tmp_path / "raw", "a.png")
    make_images(tmp_path / "private", "b.png", "c.png")
    (tmp_path / "raw" / "more").symlink_to(tmp_path / "private")
    (tmp_path / "raw" / "c.png").symlink_to(tmp_path / "private" / "c.png")
    # A neighbour whose name begins alike is outside, too.
    make_images(tmp_path / "raw2", "d.png")
    (tmp_path / "raw" / "d.png").symlink_to(tmp_path / "raw2" / "d.png")
    said = r"3 links in .*raw lead out of it and are not followed \(first: c\.png to .*private"
    with pytest.raises(
        InputError, match=rf"3 of 4 .*missing.*{said}.*the folder that the links lead to"
    ):
        locate_images(make_manifest("a.png", "b.png", "c.png", "d.png"), tmp_path / "raw")
    assert len(locate_images(make_manifest("a.png"), tmp_path / "raw")) == 1
    assert "3 links in" in capsys.readouterr().err
    located = locate_images(make_manifest("a.png", "b.png"), tmp_path)
    assert relative_paths(located, tmp_path) == ["raw/a.png", "private/b.png"]


@pytest.mark.parametrize(
    ("wanted", "there", "message"),
    [
        ("a.png", [], r"The folder holds no file\. Pass the folder that holds them as --images\.$"),
        ("a.png", ["x/b.png", "notes.txt"], r"holds 2 files \(first: notes\.txt, x/b\.png\)"),
        (
            "train/a.png",
            ["x/a.png"],
            r"train/a\.png has the file name of x/a\.png: take",
        ),
        ("1.2.840.1.png", ["1.2.840.1.jpg", "1.2.840.2.png"], r"is 1\.2\.840\.1\.jpg but for ext"),
        ("a.png", ["x/A.PNG"], r"a\.png is x/A\.PNG but for extension or case"),
    ],
)
def test_a_wrong_folder_is_answered_with_what_was_sought_and_found(
    tmp_path: Path, wanted: str, there: list[str], message: str
) -> None:
    (tmp_path / "raw").mkdir()
    make_images(tmp_path / "raw", *there)
    with pytest.raises(InputError, match=message) as caught:
        locate_images(make_manifest(wanted, "other.png"), tmp_path / "raw")
    assert str(caught.value).startswith(
        f"2 of 2 images in the label table are missing under {tmp_path / 'raw'} "
        f"(first: {wanted}, other.png). The folder holds"
    )


def test_folders_that_are_none_and_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = make_manifest("a.png", "b.png")
    with pytest.raises(InputError, match="does not exist"):
        locate_images(manifest, tmp_path / "absent")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file is not a folder"):
        locate_images(manifest, tmp_path / "file")
    make_images(tmp_path / "raw", "a.png", "closed/b.png")
    scan = os.scandir

    def refuse(folder: Any) -> Any:
        # Where tests run as root nothing is closed.
        if str(folder).endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match=r"1 folder in it can't be read \(first: closed/\)"):
        locate_images(manifest, tmp_path / "raw")
    with pytest.raises(InputError, match=r"closed can't be read\. Check its permissions"):
        locate_images(manifest, tmp_path / "raw" / "closed")


def test_names_that_are_no_utf8_are_found_and_told(tmp_path: Path) -> None:
    folder = os.fsdecode(b"caf\xe9")
    make_images(tmp_path / folder, f"{folder}/a.png")
    located = locate_images(make_manifest("a.png"), tmp_path / folder)
    assert Path(located.table["path"][0]).exists()
    with pytest.raises(InputError, match="The folder holds 1 file"):
        locate_images(make_manifest("b.png"), tmp_path / folder)


def test_a_folder_is_left_out(tmp_path: Path) -> None:
    root = tmp_path / "raw"
    make_images(root, "a.png", "cache/images/a.png")
    assert find_images(["a.png"], root, leave_out=root / "cache") == [str(root / "a.png")]
    with pytest.raises(InputError, match="--images and --out are the same folder"):
        find_images(["a.png"], root, leave_out=root)


def test_a_name_without_an_extension_finds_the_image(tmp_path: Path) -> None:
    for name in ("p1/1.2.840.5.dcm", "p1/1.2.840.5.txt", "p1/a.png", "b.JPG"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = find_images(["1.2.840.5", "p1/a", "b"], tmp_path)
    assert [Path(path or "").name for path in found] == ["1.2.840.5.dcm", "a.png", "b.JPG"]
    (tmp_path / "b.dcm").touch()
    with pytest.raises(InputError, match="b lies in two folders"):
        find_images(["b"], tmp_path)

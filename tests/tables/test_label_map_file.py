"""Map files: each fault is one sentence that says where it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from xlite.errors import InputError
from xlite.tables.shipped_maps import find_label_map

HEAD = 'from = "nih"\nto = "chexpert"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("labels = [", "is no TOML"),
        (HEAD, r"there is no \[labels\]"),
        (HEAD + "[label]", r"there is no key 'label'\. Did you mean labels\?"),
        ('from = "nhi"\n[labels]\nA = {exact="Mass"}', r"no vocabulary\. Did you mean nih\?"),
        (HEAD + '[labels]\nEdma = {exact="Edema"}', r"no label 'Edma'\. Did you mean Edema\?"),
        (HEAD + '[labels]\nEdema = {exact="Edemma"}', r"Edema: .*'Edemma'\. Did you mean Edema"),
        (HEAD + '[labels]\nEdema = {exakt="Edema"}', r"'exakt'\. Did you mean exact\?"),
        (HEAD + "[labels]\nEdema = 3", "Edema is no table"),
        (HEAD + "[labels]\nEdema = {exact=3}", "exact is no list of labels"),
        (HEAD + '[labels]\nEdema = {broader=["Mass", "Mass"]}', "has 'Mass' twice"),
        (
            HEAD + '[labels]\nEdema = {broader="Mass", partial="Mass"}',
            "both broader and partial for 'Mass', which contradict",
        ),
        (HEAD + '[labels]\nEdema = {exact=["Mass", "Nodule"]}', "can contradict each other"),
        (HEAD + '[labels]\nEdema = {exact="Mass", broader="Nodule"}', "exact label, which says"),
        (HEAD + '[labels]\nEdema = {exact="Mass", complete=true}', "complete without broader"),
        (HEAD + '[labels]\nEdema = {broader="Mass", complete=1}', "complete is true or false"),
        (
            HEAD + '[labels]\nEdema = {exact="Mass"}\nPneumonia = {exact="Mass"}',
            "'Mass' is exact for both 'Edema' and 'Pneumonia'",
        ),
        (
            'from = ["a", "b", "c"]\n[within]\na = ["b"]\nb = ["c"]\nc = ["a"]\n'
            '[labels]\nT = {exact="a"}',
            "in a circle: a > b > c > a",
        ),
        (
            'from = ["a", "b", "c"]\n[within]\na = ["b"]\nb = ["c"]\n'
            '[labels]\nT = {broader="a", narrower="c"}',
            "broader than 'a' and narrower than 'c', which lies within 'a'",
        ),
        ('same_names = true\n[labels]\nT = {exact="a"}', "same_names needs `from` and `to`"),
        ('from = ["a", "A"]\n[labels]\nT = {exact="a"}', "differ only in case"),
        (HEAD + '[labels]\nEdema = {exact="Edema"}\n[back]\ncomplete = ["Maas"]', "Did you mean"),
    ],
)
def test_a_fault_of_a_map_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        find_label_map(str(path))
    assert "mine.toml" in str(caught.value)


def test_a_map_may_leave_the_vocabularies_out(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[labels]\nT = {broader = ["x", "y"], complete = true}\nU = {exact = "z"}\n')
    made = find_label_map(str(path))
    assert (made.name, made.target.labels) == ("mine", ("T", "U"))
    assert made.labels[0].broader == ("x", "y")


def test_labels_of_a_map_are_matched_however_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(HEAD + '[labels]\n"pleural other" = {broader = "pleural thickening"}\n')
    (row,) = find_label_map(str(path)).labels
    assert (row.name, row.broader) == ("Pleural Other", ("Pleural_Thickening",))


def test_a_map_that_there_is_not_is_answered_with_those_like_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Did you mean nih-to-chexpert"):
        find_label_map("nih-to-chexprt")
    with pytest.raises(InputError, match="does not exist"):
        find_label_map(str(tmp_path / "none.toml"))

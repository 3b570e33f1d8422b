from __future__ import annotations

from xlite.run_folder.records import ClaheRecord, Preprocessing


def test_the_grey_of_dicom_is_written_where_it_is_known_and_read_where_it_is_not() -> None:
    clahe = ClaheRecord(size=224, clip=2.0, grid=8, fit="pad")
    older = Preprocessing(clahe=clahe, image_size=224, mean=[0.5], std=[0.5])
    newer = older.model_copy(update={"dicom": "first window"})
    assert "dicom" not in older.model_dump(mode="json")
    assert newer.model_dump(mode="json")["dicom"] == "first window"
    for one in (older, newer):
        assert Preprocessing.model_validate_json(one.model_dump_json()) == one
    assert older.agrees_with(newer)
    assert newer.agrees_with(older)
    assert not newer.agrees_with(newer.model_copy(update={"dicom": "minimum to maximum"}))
    assert not older.agrees_with(newer.model_copy(update={"image_size": 96}))

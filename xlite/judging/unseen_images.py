"""That thresholds are judged on other images, and other patients, than they were fitted on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlite.errors import LeakageError
from xlite.ids import canonical_patient_ids

if TYPE_CHECKING:
    from xlite.judging.labelled_predictions import LabelledPredictions
    from xlite.run_folder.thresholds_file import FittedOn


def require_unseen(
    fitted_on: FittedOn,
    labelled: LabelledPredictions,
    *,
    split_sha256: str | None = None,
    are_patients_others: bool = False,
) -> None:
    """Raise LeakageError when thresholds were fitted on what they are to be judged on.

    That is any of the images, or of their patients, unless `are_patients_others`: patients of two
    hospitals may have the same ids.
    """
    num_seen = fitted_on.count_images(labelled.image_ids)
    is_same_part = split_sha256 is not None and split_sha256 == fitted_on.split_sha256
    others = (
        f"the {fitted_on.num_images} of {fitted_on.name}. Scores at them would flatter. Judge "
        "other images, or leave --thresholds out: thresholds are cross-fitted then"
    )
    if num_seen or is_same_part:
        what = "these very images" if num_seen in (0, len(labelled)) else "images among these"
        raise LeakageError(
            f"the thresholds were fitted on {what}: {num_seen} of {len(labelled)} images of "
            f"{labelled.name} are among {others}."
        )
    patients = set(canonical_patient_ids(labelled.patient_ids))
    shared = fitted_on.find_patients(patients)
    if shared and not are_patients_others:
        raise LeakageError(
            f"the thresholds were fitted on the same patients: {len(shared)} of {len(patients)} "
            f"patients of {labelled.name} (first: {shared[0]}) have images among {others}. If they "
            "are other people with the same ids, pass --other-patients."
        )

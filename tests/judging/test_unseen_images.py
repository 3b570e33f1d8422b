from __future__ import annotations

import pytest
from judging.drawn_predictions import draw_predictions, seen_by

from xlite.errors import LeakageError
from xlite.judging.unseen_images import require_unseen


def test_images_that_thresholds_have_seen_are_refused() -> None:
    fitted = draw_predictions()
    seen = seen_by(fitted, split_sha256="ab")
    with pytest.raises(LeakageError, match="these very images: 400 of 400"):
        require_unseen(seen, fitted)
    require_unseen(seen, draw_predictions(prefix="other"), split_sha256="cd")
    require_unseen(seen, draw_predictions(prefix="other"))
    with pytest.raises(LeakageError, match="these very images"):
        require_unseen(seen, draw_predictions(prefix="other"), split_sha256="ab")
    mixed = draw_predictions(prefix="other")
    mixed.image_ids[7] = "folder/i3.png"
    with pytest.raises(LeakageError, match="images among these: 1 of 400"):
        require_unseen(seen, mixed)


def test_patients_that_thresholds_have_seen_are_refused_under_other_image_names() -> None:
    fitted, renamed = draw_predictions(), draw_predictions(prefix="other")
    fitted.patient_ids[:] = [f"{k:05d}" for k in range(400)]
    renamed.patient_ids[:] = [f"{k + 395}.0" for k in range(400)]
    seen = seen_by(fitted)
    with pytest.raises(LeakageError, match=r"same patients: 5 of 400 .*--other-patients"):
        require_unseen(seen, renamed)
    require_unseen(seen, renamed, are_patients_others=True)
    with pytest.raises(LeakageError, match="these very images"):
        require_unseen(seen, fitted, are_patients_others=True)

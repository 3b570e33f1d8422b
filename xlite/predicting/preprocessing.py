"""How a run's images were made, also where the run itself does not say so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xlite import places
from xlite.clahe_cache.store import ClaheCache
from xlite.errors import InputError
from xlite.run_folder.records import ClaheRecord, Preprocessing

if TYPE_CHECKING:
    from xlite.models.ensemble import AnyClassifier
    from xlite.run_folder.folder import RunFolder


def find_preprocessing(
    run: RunFolder, model: AnyClassifier, *, cache_dir: Path | None = None
) -> Preprocessing:
    """How an image becomes the run's input.

    A run of version 0.1 names its cache by the sum of its pixels alone, and that cache says how
    they were made. cache_dir: where it lies, instead of the usual place. Raises InputError, which
    says what is missing, when no such cache is there.
    """
    if run.preprocessing is not None:
        return run.preprocessing
    named = cache_dir or (Path(run.data.cache_dir) if run.data.cache_dir else places.CACHE_DIR)
    missing = (
        f"{run.path} was written by version 0.1, and does not say how its images were made. The "
        "CLAHE cache that it was trained on does"
    )
    remedy = "Pass that cache with --cache DIR, or train the run again."
    try:
        cache = ClaheCache.open(named)
    except InputError as error:
        raise InputError(f"{missing}, and it can't be read: {error} {remedy}") from None
    if cache.fingerprint != run.data.source:
        raise InputError(f"{missing}; {named} holds other pixels. {remedy}")
    return Preprocessing(
        clahe=ClaheRecord(**cache.settings.model_dump(mode="json")),
        image_size=run.settings.image_size or cache.size,
        mean=list(model.backbone.mean),
        std=list(model.backbone.std),
        dicom=cache.record.dicom,
    )

"""What a run says of the films of a table that has their paths, for those who judge it.

N films, C labels.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xlite import console
from xlite.judging.other_site import FilmProbs
from xlite.predicting.failed_films import list_failed, name_failed
from xlite.predicting.films import FilmFiles, Films
from xlite.predicting.predict_films import count_chunks, predict_films
from xlite.predicting.run_predictor import open_run_predictor
from xlite.settings import ClaheSettings, Runtime
from xlite.training.predict import to_probs

if TYPE_CHECKING:
    from xlite.run_folder.folder import RunFolder
    from xlite.tables.manifest import Manifest


def predict_located(
    run: RunFolder,
    manifest: Manifest,
    *,
    runtime: Runtime | None = None,
    cache_dir: Path | None = None,
) -> FilmProbs:
    """The probs of the films of a located manifest; those that could not be read are warned of.

    cache_dir: as `find_preprocessing` takes it. Raises InputError for a run that can't predict.
    """
    predictor = open_run_predictor(run, cache_dir=cache_dir, runtime=runtime)
    settings = ClaheSettings.parse(**predictor.preprocessing.clahe.model_dump())
    films = Films(manifest.image_ids, FilmFiles(manifest.table["path"].tolist(), settings))
    chunks = [
        chunk
        for _, chunk in predict_films(
            predictor,
            films,
            numbers=range(count_chunks(films)),
            typical=None,
            num_workers=None if runtime is None else runtime.num_workers,
        )
    ]
    failed = name_failed(films, {at: why for one in chunks for at, why in one.failures.items()})
    if failed:
        console.warn(
            f"{len(failed)} of {len(films)} films can't be read and are left out: "
            f"{list_failed(failed)}."
        )
    return FilmProbs(
        rows=np.concatenate([chunk.positions for chunk in chunks]),
        probs=to_probs(np.concatenate([chunk.logits for chunk in chunks])),
        failed=failed,
    )

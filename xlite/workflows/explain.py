"""`explain`: heat maps of a run, how well they point, and whether they care for the weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xlite.errors import InputError, did_you_mean
from xlite.explaining.boxes import NO_BOXES, MatchedBoxes, match_boxes
from xlite.explaining.explanation_folder import ExplanationFolder, find_explanations_dir
from xlite.explaining.films import tabulate_films
from xlite.explaining.heat_maps import read_method
from xlite.explaining.run_explainer import RunExplainer
from xlite.judging.judged_predictions import find_run
from xlite.predicting.failed_films import require_none_failed
from xlite.predicting.film_tables import read_film_table
from xlite.predicting.run_predictor import open_run_predictor
from xlite.predicting.run_thresholds import find_thresholds
from xlite.run_folder.folder import RunFolder
from xlite.settings import Runtime
from xlite.tables.box_list import read_box_list
from xlite.tables.mapped_boxes import map_boxes
from xlite.tables.table_format import TableFormat
from xlite.workflows.explanation_task import ExplanationTask
from xlite.workflows.predict import list_places

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from xlite.results.explanation import Explanation
    from xlite.tables.manifest import Manifest
    from xlite.tables.read_labels import LabelSource
    from xlite.workflows.predict import Places


def explain(
    run: str | Path,
    images: Places,
    *,
    labels: LabelSource | None = None,
    table_format: TableFormat | None = None,
    boxes: str | Path | pd.DataFrame | None = None,
    method: str = "gradcam",
    only: Sequence[str] = (),
    thresholds: str | Path | None = None,
    split: str | Path | None = None,
    cache: str | Path | None = None,
    runtime: Runtime | None = None,
    maps: bool = False,
    out: str | Path | None = None,
    overwrite: bool = False,
) -> Explanation:
    """What a run's heat maps of films show, with pictures, written to a folder.

    run: a folder, or its name in `experiments/runs`. images: a folder, a film, or several; with
    `labels` the folder that holds the table's films. Without labels and boxes the maps are those
    of the labels that are called. boxes: a list of boxes, which maps are scored against, in the
    labels of the table, so that a map of `table_format` is theirs, too. method: gradcam, hirescam,
    layercam, or head where the model's head has maps. only: labels to draw maps of, instead of all.
    thresholds, split: where calls come from, if not from the run. cache: that of a run of version
    0.1. maps: write each map, too, at the film's size. out: a folder, else `explanations/NAME`
    beside the run's.

    Films that can't be read are in `failed`. Raises InputError for what does not fit together;
    nothing is written then.
    """
    run_folder = RunFolder(find_run(Path(run)))
    run_folder.require_begun()
    name = run_folder.path.resolve().name
    folder = ExplanationFolder(Path(out) if out else find_explanations_dir(run_folder.path) / name)
    folder.require_free(overwrite=overwrite)
    chosen = read_method(method)
    is_shown = _read_only(only, run_folder.labels)
    calls = find_thresholds(run_folder, file=_path(thresholds), split_dir=_path(split))
    if labels is None and boxes is None and calls.fitted is None:
        raise InputError(
            "films without labels and boxes have maps of the labels that are called, and "
            f"{calls.source}"
        )
    listed = None if boxes is None else read_box_list(boxes)
    places, layout = list_places(images), table_format or TableFormat()
    # A map is of boxes alone, where there is no table.
    of_table = layout if labels is not None or boxes is None else replace(layout, label_map=None)
    films = tabulate_films(places, run_folder.labels, read_film_table(labels, places, of_table))
    matched = NO_BOXES if listed is None else _match(listed, films, only, layout.label_map)
    predictor = open_run_predictor(
        run_folder, thresholds=calls.fitted, cache_dir=_path(cache), runtime=runtime
    )
    explainer = RunExplainer(predictor, method=chosen, is_shown=is_shown)
    task = ExplanationTask(
        explainer, films, matched, calls.source, _path(split), runtime or Runtime()
    )
    return task.carry_out(folder, writes_maps=maps)


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else Path(given)


def require_all_explained(explanation: Explanation) -> None:
    """Raise CheckFailedError where films could not be read."""
    they = "are not explained"
    require_none_failed(explanation.failed or (), num_read=explanation.films, they=they)


def _match(
    boxes: pd.DataFrame, films: Manifest, only: Sequence[str], label_map: str | None
) -> MatchedBoxes:
    """The boxes of the labels that are shown, by film and label, in the labels of a map."""
    left_out: dict[str, int] = {}
    if label_map is not None:
        boxes, left_out = map_boxes(boxes, label_map)
    kept = boxes[boxes["label"].isin(only)] if only else boxes
    if kept.empty:
        raise InputError(
            f"none of the {len(boxes)} boxes is of {', '.join(only)}. There are boxes of: "
            f"{', '.join(sorted(boxes['label'].unique()))}."
        )
    paths = films.table["path"].tolist()
    names = films.image_ids.tolist()
    return match_boxes(kept, names, paths, films.vocabulary, left_out=left_out)


def _read_only(only: Sequence[str], labels: Sequence[str]) -> NDArray[np.bool_]:
    """(C,) the labels that maps are drawn of."""
    for name in only:
        if name not in labels:
            raise InputError(
                f"the run knows no label {name!r}.{did_you_mean(name, labels)} Its labels: "
                f"{', '.join(labels)}."
            )
    return np.isin(labels, only) if only else np.ones(len(labels), dtype=bool)

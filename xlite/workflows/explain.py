"""`explain`: heat maps of a run, how well they point, and whether they care for the weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xlite.clahe_cache.radiograph import measure_radiograph
from xlite.errors import InputError, did_you_mean
from xlite.explaining.boxes import NO_BOXES, MatchedBoxes, match_boxes
from xlite.explaining.explanation_folder import (
    ExplanationFolder,
    find_explanations_dir,
    name_files,
)
from xlite.explaining.film_geometry import lay_on_film
from xlite.explaining.films import FilmSource, find_films
from xlite.explaining.gallery import choose_films, describe_film, picture_film
from xlite.explaining.heat_maps import MAP_METHODS
from xlite.explaining.localisation import ScoredPairs, score_pairs
from xlite.explaining.notes import note_faults
from xlite.explaining.randomisation import choose_randomised, randomise_from_the_top
from xlite.explaining.run_explainer import ExplainedFilms, RunExplainer
from xlite.judging.judged_predictions import find_run
from xlite.predicting.run_predictor import open_run_predictor
from xlite.predicting.run_thresholds import find_thresholds
from xlite.reporting.explanation_gallery import FILMS_A_ROW, Tile, draw_gallery
from xlite.results.explanation import Explanation, GalleryPicture, Randomisation
from xlite.run_folder.folder import RunFolder
from xlite.settings import ClaheSettings, Runtime
from xlite.tables.box_list import read_box_list
from xlite.tables.read_labels import read_labels

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from xlite.explaining.films import Images
    from xlite.tables.manifest import Manifest
    from xlite.tables.read_labels import LabelSource
    from xlite.tables.table_format import TableFormat


def explain(
    run: str | Path,
    images: Images,
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
    of the labels that are called. boxes: a list of boxes, which maps are scored against. method:
    gradcam, hirescam or layercam. only: labels to draw maps of, instead of all. thresholds, split:
    where calls come from, if not from the run. cache: that of a run of version 0.1. maps: write
    each map, too, at the film's size. out: a folder, else `explanations/NAME` beside the run's.

    Raises InputError for what does not fit together; nothing is written then.
    """
    run_folder = RunFolder(find_run(Path(run)))
    run_folder.require_begun()
    name = run_folder.path.resolve().name
    folder = ExplanationFolder(Path(out) if out else find_explanations_dir(run_folder.path) / name)
    folder.require_free(overwrite=overwrite)
    chosen = next((known for known in MAP_METHODS if known == method), None)
    if chosen is None:
        raise InputError(
            f"no method is called {method!r}.{did_you_mean(method, MAP_METHODS)} Use one of: "
            f"{', '.join(MAP_METHODS)}."
        )
    is_shown = _read_only(only, run_folder.labels)
    calls = find_thresholds(run_folder, file=_path(thresholds), split_dir=_path(split))
    if labels is None and boxes is None and calls.fitted is None:
        raise InputError(
            "films without labels and boxes have maps of the labels that are called, and "
            f"{calls.source}"
        )
    listed = None if boxes is None else read_box_list(boxes)
    table = None if labels is None else read_labels(labels, table_format=table_format)
    films = find_films(images, run_folder.labels, table)
    matched = NO_BOXES if listed is None else _match(listed, films, only)
    predictor = open_run_predictor(
        run_folder, thresholds=calls.fitted, cache_dir=_path(cache), runtime=runtime
    )
    explainer = RunExplainer(predictor, method=chosen, is_shown=is_shown)
    task = _Task(explainer, films, matched, calls.source, _path(split), runtime or Runtime())
    return task.carry_out(folder, writes_maps=maps)


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else Path(given)


def _match(boxes: pd.DataFrame, films: Manifest, only: Sequence[str]) -> MatchedBoxes:
    """The boxes of the labels that are shown, by film and label."""
    kept = boxes[boxes["label"].isin(only)] if only else boxes
    if kept.empty:
        raise InputError(
            f"none of the {len(boxes)} boxes is of {', '.join(only)}. There are boxes of: "
            f"{', '.join(sorted(boxes['label'].unique()))}."
        )
    paths = films.table["path"].tolist()
    return match_boxes(kept, films.image_ids.tolist(), paths, films.vocabulary)


def _read_only(only: Sequence[str], labels: Sequence[str]) -> NDArray[np.bool_]:
    """(C,) the labels that maps are drawn of."""
    for name in only:
        if name not in labels:
            raise InputError(
                f"the run knows no label {name!r}.{did_you_mean(name, labels)} Its labels: "
                f"{', '.join(labels)}."
            )
    return np.isin(labels, only) if only else np.ones(len(labels), dtype=bool)


@dataclass(frozen=True, eq=False)
class _Task:
    """What is to be explained, read and checked. N films, C labels."""

    explainer: RunExplainer
    films: Manifest
    boxes: MatchedBoxes
    source: str
    """Where the thresholds come from, in words."""
    split: Path | None
    """Where the run's split lies; None for where it lay."""
    runtime: Runtime

    @property
    def clahe(self) -> ClaheSettings:
        """How films become the model's input."""
        return ClaheSettings.parse(**self.explainer.predictor.preprocessing.clahe.model_dump())

    def carry_out(self, folder: ExplanationFolder, *, writes_maps: bool) -> Explanation:
        """The explanation, once its files are written."""
        films, explainer = self.films, self.explainer
        has_box = self.boxes.mask(*films.labels.shape)
        image_size = explainer.predictor.preprocessing.image_size
        source = FilmSource(films, self.clahe, image_size)
        batches = source.load(self.runtime, has_gpu=explainer.device.type != "cpu")
        explained = explainer.explain(batches, (films.labels == 1) | has_box, has_box)
        pairs = self._score(explained)
        randomisation = self._randomise(source, explained, has_box)
        folder.begin()
        gallery = self._draw_gallery(folder, explained, has_box, pairs)
        if writes_maps:
            self._write_maps(folder, explained)
        explanation = self._describe(explained, pairs, randomisation, gallery)
        folder.write(explanation)
        return replace(explanation, path=str(folder.path))

    def _score(self, explained: ExplainedFilms) -> ScoredPairs | None:
        if not self.boxes.by_pair:
            return None
        rows, columns = np.array(list(self.boxes.by_pair)).T
        is_called = explained.is_called
        return score_pairs(
            self.boxes,
            explained.maps[explained.find(rows, columns)],
            explained.randomised,
            self.films.patient_codes[rows],
            None if is_called is None else is_called[rows, columns],
            self.clahe,
        )

    def _randomise(
        self, source: FilmSource, explained: ExplainedFilms, has_box: NDArray[np.bool_]
    ) -> Randomisation:
        kept = choose_randomised(explained.rows, has_box[explained.rows, explained.columns])
        rows, columns = explained.rows[kept], explained.columns[kept]
        films, places = np.unique(rows, return_inverse=True)
        explainer = self.explainer
        return randomise_from_the_top(
            explainer.model,
            explainer.randomised,
            source.read(films).to(explainer.device) if len(films) else None,
            places.tolist(),
            columns.tolist(),
            self.films.patient_codes[rows],
            method=explainer.method,
        )

    def _draw_gallery(
        self,
        folder: ExplanationFolder,
        explained: ExplainedFilms,
        has_box: NDArray[np.bool_],
        pairs: ScoredPairs | None,
    ) -> tuple[GalleryPicture, ...]:
        labels = self.explainer.predictor.labels
        fitted = self.explainer.predictor.thresholds
        thresholds = np.full(len(labels), np.nan) if fitted is None else fitted.thresholds
        place_of = {pair: place for place, pair in enumerate(self.boxes.by_pair)}
        chosen = choose_films(explained, self.films.labels, has_box, num_films=FILMS_A_ROW)
        files = name_files([f"gallery_{labels[one.column]}" for one in chosen])
        pictures = []
        for one, file in zip(chosen, files, strict=True):
            tiles = []
            for k, kind in one.maps:
                pair = row, column = int(explained.rows[k]), int(explained.columns[k])
                boxes = self.boxes.by_pair.get(pair, ())
                film = describe_film(
                    str(self.films.image_ids[row]),
                    kind,
                    float(explained.probs[row, column]),
                    boxes,
                    pairs.own if pairs and boxes else None,
                    place_of.get(pair, -1),
                )
                path = self.films.table["path"].iloc[row]
                pixels, heat, scaled = picture_film(path, explained.maps[k], boxes, self.clahe)
                tiles.append(Tile(film=film, pixels=pixels, heat=heat, boxes=scaled))
            label, threshold = labels[one.column], float(thresholds[one.column])
            draw_gallery(label, tiles, threshold, folder.path / file)
            pictures.append(
                GalleryPicture(
                    label=label,
                    file=file,
                    threshold=threshold,
                    counts=one.counts,
                    films=tuple(tile.film for tile in tiles),
                )
            )
        return tuple(pictures)

    def _write_maps(self, folder: ExplanationFolder, explained: ExplainedFilms) -> None:
        labels, table = self.explainer.predictor.labels, self.films.table
        pairs = list(zip(explained.rows.tolist(), explained.columns.tolist(), strict=True))
        files = name_files([f"{table['image_id'].iloc[row]} {labels[c]}" for row, c in pairs])
        for (row, _), heat, file in zip(pairs, explained.maps, files, strict=True):
            film = self.boxes.shapes.get(row) or measure_radiograph(table["path"].iloc[row])
            folder.write_map(file, lay_on_film(heat[None], film, self.clahe)[0])

    def _describe(
        self,
        explained: ExplainedFilms,
        pairs: ScoredPairs | None,
        randomisation: Randomisation,
        gallery: tuple[GalleryPicture, ...],
    ) -> Explanation:
        predictor = self.explainer.predictor
        overall, per_class = None, {}
        if pairs is not None:
            overall = pairs.describe(np.ones(len(pairs.columns), dtype=bool))
            per_class = {
                predictor.labels[column]: pairs.describe(pairs.columns == column)
                for column in np.unique(pairs.columns).tolist()
            }
        return Explanation(
            name=predictor.name,
            run=str(predictor.run.path),
            model=predictor.run.settings.model,
            method=self.explainer.method,
            labels=predictor.labels,
            films=len(self.films),
            patients=int(self.films.table["patient_id"].nunique()),
            maps=len(explained.maps),
            map_side=explained.maps.shape[1:],
            thresholds=self.source,
            boxes_left_out=dict(self.boxes.left_out),
            overall=overall,
            per_class=per_class,
            randomisation=randomisation,
            gallery=gallery,
            notes=note_faults(predictor.run, self.films, explained.maps, split_dir=self.split),
        )

"""An explanation: from films and boxes that were found to the files of its folder.

N films, C labels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xlite.clahe_cache.radiograph import measure_radiograph
from xlite.explaining.explanation_folder import ExplanationFolder, name_files
from xlite.explaining.film_geometry import lay_on_film
from xlite.explaining.films import open_films, read_again
from xlite.explaining.gallery import choose_films, describe_film, picture_film
from xlite.explaining.localisation import ScoredPairs, score_pairs
from xlite.explaining.notes import note_faults
from xlite.explaining.randomisation import choose_randomised, randomise_from_the_top
from xlite.reporting.explanation_gallery import FILMS_A_ROW, Tile, draw_gallery
from xlite.results.explanation import Explanation, GalleryPicture, Randomisation
from xlite.settings import ClaheSettings, Runtime

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.explaining.boxes import MatchedBoxes
    from xlite.explaining.run_explainer import ExplainedFilms, RunExplainer
    from xlite.tables.manifest import Manifest


@dataclass(frozen=True, eq=False)
class ExplanationTask:
    """What is to be explained, found and checked. N films, C labels."""

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
        """The explanation of the films that can be read, once its files are written."""
        has_box = self.boxes.mask(*self.films.labels.shape)
        explained = self.explainer.explain(
            open_films(self.films, self.clahe),
            (self.films.labels == 1) | has_box,
            has_box,
            num_workers=self.runtime.num_workers,
        )
        read = explained.positions
        films, boxes = self.films.select(read), self.boxes.keep(read)
        return replace(self, films=films, boxes=boxes)._write(folder, explained, writes_maps)

    def _write(
        self, folder: ExplanationFolder, explained: ExplainedFilms, writes_maps: bool
    ) -> Explanation:
        has_box = self.boxes.mask(*self.films.labels.shape)
        pairs = self._score(explained)
        randomisation = self._randomise(explained, has_box)
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

    def _randomise(self, explained: ExplainedFilms, has_box: NDArray[np.bool_]) -> Randomisation:
        kept = choose_randomised(explained.rows, has_box[explained.rows, explained.columns])
        rows, columns = explained.rows[kept], explained.columns[kept]
        films, places = np.unique(rows, return_inverse=True)
        explainer = self.explainer
        images = None
        if len(films):
            size = explainer.predictor.preprocessing.image_size
            images = read_again(open_films(self.films, self.clahe), films, size)
        return randomise_from_the_top(
            explainer.model,
            explainer.randomised,
            None if images is None else images.to(explainer.device),
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
            failed=explained.failed or None,
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

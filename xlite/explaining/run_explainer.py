"""A run's heat maps of films: one pass over them, in batches.

B batch, n films, N of them that could be read, C labels, K pairs of a film and a label, M pairs
that are compared, R draws of weights, h and w a map's sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from xlite import console
from xlite.errors import InputError
from xlite.explaining.heat_maps import MapMethod, SeenBatch, draw_maps, require_method, see_batch
from xlite.explaining.randomisation import NUM_DRAWS, draw_weights_anew
from xlite.models.classifier import Classifier
from xlite.predicting.failed_films import list_failed, name_failed
from xlite.predicting.film_batches import read_films
from xlite.training.predict import to_probs

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from xlite.predicting.films import Films
    from xlite.predicting.run_predictor import RunPredictor
    from xlite.results.prediction import FailedFilm


@dataclass(frozen=True, eq=False, kw_only=True)
class ExplainedFilms:
    """What a run says of N films, and K heat maps of it."""

    positions: NDArray[np.int64]
    """(N,) of the films among all that were asked for, ascending."""
    failed: tuple[FailedFilm, ...]
    """Those that could not be read."""
    probs: NDArray[np.float64]
    """(N, C) calibrated, where there is a calibration."""
    is_called: NDArray[np.bool_] | None
    """(N, C); None without thresholds."""
    rows: NDArray[np.intp]
    """(K,) film of each map, ascending."""
    columns: NDArray[np.intp]
    """(K,) label of each map, ascending within a film."""
    maps: NDArray[np.float32]
    """(K, h, w)"""
    randomised: NDArray[np.float32]
    """(R, M, h, w) maps of the M pairs by models with new weights, in the same order."""

    def find(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.intp]:
        """(M,) the places among the K of pairs that have maps."""
        num_labels = self.probs.shape[1]
        keys, wanted = (r * num_labels + c for r, c in ((self.rows, self.columns), (rows, columns)))
        return np.asarray(np.searchsorted(keys, wanted))


class _Piece(NamedTuple):
    """What is known of one batch."""

    probs: NDArray[np.float64]
    """(B, C)"""
    wanted: NDArray[np.bool_]
    """(B, C) which pairs have maps."""
    maps: tuple[NDArray[np.float32], ...]
    """Of the run, then of each model with new weights."""


class RunExplainer:
    """A run that draws heat maps of films, and so do models of its shape with new weights."""

    def __init__(
        self, predictor: RunPredictor, *, method: MapMethod, is_shown: NDArray[np.bool_]
    ) -> None:
        """is_shown: (C,) the labels that maps are drawn of. Raises InputError for a method that
        the model has no maps by.
        """
        self.predictor, self.method, self.is_shown = predictor, method, is_shown
        combined = predictor.run.config.combined
        if combined is not None and not isinstance(predictor.model, Classifier):
            raise InputError(
                f"{predictor.name} is an ensemble, whose members have maps of their own. Explain "
                f"one of its runs: {', '.join(one.run for one in combined.members)}."
            )
        assert isinstance(predictor.model, Classifier)
        self.model = predictor.model
        require_method(self.model, predictor.run.settings.model, method)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.model.pixel_scale.device

    @cached_property
    def randomised(self) -> list[Classifier]:
        """The models with new weights."""
        run = self.predictor.run
        return draw_weights_anew(self.model, run.settings, len(run.labels))

    def explain(
        self,
        films: Films,
        asked: NDArray[np.bool_],
        compared: NDArray[np.bool_],
        *,
        num_workers: int | None = None,
    ) -> ExplainedFilms:
        """The maps of the pairs that are asked for or called, of the films that can be read.

        asked: (n, C) of all n films. compared: (n, C) which of those the models with new weights
        draw, too. num_workers: as `read_films` takes it. Raises InputError where no film can be
        read.
        """
        pieces: list[_Piece] = []
        positions: list[NDArray[np.int64]] = []
        failures: dict[int, str] = {}
        size = self.predictor.preprocessing.image_size
        batches = read_films(films, range(len(films)), image_size=size, num_workers=num_workers)
        with console.progress_bar(len(films), "explaining", "film") as bar:
            for batch in batches:
                failures |= batch.failures
                at = batch.positions
                if len(at):
                    images = torch.from_numpy(batch.images[:, None]).to(self.device)
                    pieces.append(self._explain_batch(images, asked[at], compared[at]))
                    positions.append(at)
                bar.update(len(at) + len(batch.failures))
        failed = name_failed(films, failures)
        if not pieces:
            raise InputError(
                f"none of the {len(films):,} films could be read: {list_failed(failed)}. Pass "
                "others as --images."
            )
        rows, columns = np.nonzero(np.concatenate([piece.wanted for piece in pieces]))
        probs = np.concatenate([piece.probs for piece in pieces])
        thresholds = self.predictor.thresholds
        own, *others = map(np.concatenate, zip(*(piece.maps for piece in pieces), strict=True))
        return ExplainedFilms(
            positions=np.concatenate(positions),
            failed=failed,
            probs=probs,
            is_called=None if thresholds is None else thresholds.call(probs),
            rows=rows,
            columns=columns,
            maps=own,
            randomised=np.stack(others),
        )

    def _explain_batch(
        self, images: Tensor, asked: NDArray[np.bool_], compared: NDArray[np.bool_]
    ) -> _Piece:
        seen = see_batch(self.model, images)
        probs = to_probs(seen.logits.cpu().numpy())
        wanted, thresholds = asked, self.predictor.thresholds
        if thresholds is not None:
            probs = thresholds.scale(probs)
            wanted = asked | thresholds.call(probs)
        wanted = wanted & self.is_shown
        maps = [self._draw(self.model, seen, wanted)]
        films = np.flatnonzero(compared.any(axis=1))
        for other in self.randomised if len(films) else ():
            maps.append(self._draw(other, see_batch(other, images[films]), compared[films]))
        none = [np.zeros((0, *maps[0].shape[1:]), np.float32)] * (NUM_DRAWS + 1 - len(maps))
        return _Piece(probs, wanted, (*maps, *none))

    def _draw(
        self, model: Classifier, seen: SeenBatch, wanted: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        rows, columns = (each.tolist() for each in np.nonzero(wanted))
        maps = draw_maps(model, seen, rows, columns, method=self.method)
        # New weights may overflow: what is no number points nowhere.
        found: NDArray[np.float32] = np.nan_to_num(maps.cpu().numpy(), posinf=0)
        return found

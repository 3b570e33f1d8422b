"""What is tried before a run, on its data and with its settings: nothing is kept but pictures.

`overfit`, `find_lr`, `profile_loader` and `show_augmentation`: `xlite train` with the option of
that name.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from xlite import places
from xlite.arrays import read_count
from xlite.errors import ArgumentError
from xlite.reporting.trial_figures import SheetFilm, draw_rates, draw_sheet
from xlite.results.trials import AugmentationSheet, LoaderProfile, OverfitCheck, RateRange
from xlite.settings import Runtime, TrainSettings
from xlite.training.folded_data import data_of, list_folds
from xlite.training.preflight import check_runs
from xlite.training.trials.augmented_views import FILMS, view_films
from xlite.training.trials.loader_profile import SECONDS, profile_run
from xlite.training.trials.overfitting import MAX_STEPS, overfit_films
from xlite.training.trials.rate_range import STEPS, find_rate
from xlite.workflows.loaded_data import load_data
from xlite.workflows.study_folder import check_out

if TYPE_CHECKING:
    from xlite.tables.table_files import TableFiles
    from xlite.training.data import StudyData


def overfit(
    settings: TrainSettings,
    num_images: int = 16,
    *,
    split: str | Path = places.SPLIT_DIR,
    labels: TableFiles | None = None,
    cache: str | Path = places.CACHE_DIR,
    images: str | Path | None = None,
    runtime: Runtime | None = None,
    max_steps: int = MAX_STEPS,
) -> OverfitCheck:
    """Whether a model learns `num_images` training films by heart; what failed where it does not.

    Augmentation, dropout and whatever else holds against it are off. Within `max_steps` steps on
    all of the films every label that is present and absent among them has to come to an AUROC of 1,
    in training and when each film is asked for by its id and held against the table on disk; the
    loss has to be under its smoothing floor; and every part of the model has to have moved. Of
    folds, the first one's training part. Writes nothing. Raises InputError as `train` does.
    """
    num_images = read_count(num_images, "num_images", at_least=2)
    max_steps = read_count(max_steps, "max_steps", at_least=1)
    data = _load(settings, split, labels, cache, images, runtime)
    return overfit_films(
        settings, data, runtime or Runtime(), num_images=num_images, max_steps=max_steps
    )


def find_lr(
    settings: TrainSettings,
    *,
    split: str | Path = places.SPLIT_DIR,
    labels: TableFiles | None = None,
    cache: str | Path = places.CACHE_DIR,
    images: str | Path | None = None,
    out: str | Path = places.EXPERIMENTS_DIR,
    runtime: Runtime | None = None,
    steps: int = STEPS,
) -> RateRange:
    """The training loss while the learning rate rises from 1e-7 to 1 over `steps` steps, and a
    rate to try: a hint.

    Deterministic; weights are thrown away. Writes the curve, `out/before/lr_MODEL.png`. Raises
    InputError as `train` does.
    """
    steps = read_count(steps, "steps", at_least=2)
    folder = Path(out)
    check_out(folder)
    data = _load(settings, split, labels, cache, images, runtime)
    found = find_rate(settings, data, runtime or Runtime(), steps=steps)
    path = folder / places.TRIALS / f"lr_{settings.model}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    draw_rates(found, path)
    return replace(found, path=str(path))


def profile_loader(
    settings: TrainSettings,
    *,
    split: str | Path = places.SPLIT_DIR,
    labels: TableFiles | None = None,
    cache: str | Path = places.CACHE_DIR,
    images: str | Path | None = None,
    runtime: Runtime | None = None,
    seconds: float = SECONDS,
) -> LoaderProfile:
    """Images/s of the loader alone, of optimizer steps alone, and of both; which one binds.

    seconds: of the three measurements together. Writes nothing. Raises InputError as `train` does.
    """
    if not (isinstance(seconds, int | float) and seconds > 0):
        raise ArgumentError(f"seconds must be a number above 0, not {seconds!r}.")
    data = _load(settings, split, labels, cache, images, runtime)
    return profile_run(settings, data, runtime or Runtime(), seconds=seconds)


def show_augmentation(
    settings: TrainSettings,
    *,
    split: str | Path = places.SPLIT_DIR,
    labels: TableFiles | None = None,
    cache: str | Path = places.CACHE_DIR,
    images: str | Path | None = None,
    out: str | Path = places.EXPERIMENTS_DIR,
    num_films: int = FILMS,
) -> AugmentationSheet:
    """Films of a run's first epoch, each without augmentation and as its first epochs show it.

    The views are those of training, bit for bit. Writes `out/before/augmentation.png`, a row a
    film. Raises InputError as `train` does.
    """
    num_films = read_count(num_films, "num_films", at_least=1)
    folder = Path(out)
    check_out(folder)
    data = _load(settings, split, labels, cache, images, None)
    films = view_films(settings, data, num_films=num_films)
    path = folder / places.TRIALS / "augmentation.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    for film in films:
        tiles = [("not augmented", film.original)] + [
            (_name_view(view.epoch, view.position), view.pixels) for view in film.views
        ]
        rows.append(SheetFilm(film.image_id, film.labels, tiles))
    draw_sheet(rows, path)
    return AugmentationSheet(
        path=str(path),
        image_ids=tuple(film.image_id for film in films),
        epochs=len(films[0].views),
        positions=tuple(tuple(view.position for view in film.views) for film in films),
    )


def _name_view(epoch: int, position: int | None) -> str:
    where = "not drawn" if position is None else f"image {position + 1}"
    return f"epoch {epoch + 1}, {where}"


def _load(
    settings: TrainSettings,
    split: str | Path,
    labels: TableFiles | None,
    cache: str | Path,
    images: str | Path | None,
    runtime: Runtime | None,
) -> StudyData:
    """The data of a split, or of the first of its folds; InputError for what would end a run."""
    folds = load_data(split, labels, cache, images)
    data = data_of(folds, list_folds(folds)[0])
    check_runs([settings], data, runtime or Runtime())
    return data

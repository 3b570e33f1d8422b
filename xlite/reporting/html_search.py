"""A search on the report's page: its trials, what mattered, and how far to believe it."""

from __future__ import annotations

from functools import partial

from xlite.reporting.html_page import (
    Block,
    Cell,
    Column,
    Heading,
    Paragraph,
    Picture,
    Table,
    number,
)
from xlite.reporting.search_figures import (
    draw_importance,
    draw_parallel_axes,
    draw_rungs,
    short_number,
)
from xlite.results.study import Search, Trial

_MOST_NARROW = 4
"""Settings on parallel axes that a figure of a column's width has room for."""


def describe_search(search: Search) -> list[Block]:
    """The blocks of a phase; none before its first trial."""
    if not search.trials:
        return []
    blocks: list[Block] = [Heading(f"{title_of(search.id)} ({search.method})")]
    blocks += [Paragraph(text) for text in _describe_choice(search)]
    has_scores = any(trial.score is not None for trial in search.trials)
    if has_scores and search.space:
        blocks.append(
            Picture(
                draw=partial(draw_parallel_axes, search),
                alt=f"The trials of {search.id} as lines over their settings and score.",
                caption="A line a trial; the orange one is the best. The stronger its colour, "
                "the higher the score; grey: paused at a rung, its score is of fewer epochs. "
                "Settings that were drawn by their logarithm have a logarithmic axis.",
                is_wide=len(search.space) > _MOST_NARROW,
            )
        )
    if any(len(trial.rungs) > 1 for trial in search.trials):
        blocks.append(
            Picture(
                draw=partial(draw_rungs, search),
                alt=f"The score of each trial of {search.id} at each rung that it reached.",
                caption="Scores at the rungs. Blue: went on to a second one; grey: paused at the "
                "first; orange: the best.",
            )
        )
    if search.rung_correlations:
        blocks.append(_tabulate_rungs(search))
    if any(value is not None for value in search.importance.values()):
        blocks.append(
            Picture(
                draw=partial(draw_importance, search.importance),
                alt=f"Importance of the settings of {search.id}.",
                caption="Which settings made the scores differ, over what was searched: with few "
                "trials a rough guess, and no effect of one setting alone.",
            )
        )
    return [*blocks, _tabulate_trials(search)]


def title_of(phase: str) -> str:
    """What a phase is called on the page.

    >>> title_of("search"), title_of("first")
    ('Search', 'Search first')
    """
    return "Search" if phase == "search" else f"Search {phase}"


def _describe_choice(search: Search) -> list[str]:
    texts = []
    if search.optimism is not None:
        text = (
            f"The best of {len(search.trials)} trials is about {search.optimism:.3f} too good in "
            f"{search.score}, for being the best of so many on these images"
        )
        corrected = "" if search.corrected is None else f": {search.corrected:.3f} corrected"
        texts.append(f"{text}{corrected}.")
    if search.kept:
        texts.append(f"Handed on: {search.kept}.")
    return texts


def _tabulate_rungs(search: Search) -> Table:
    return Table(
        caption="How well the order at a rung foretold the order at a later one, among the trials "
        "that reached both (Spearman's correlation; 1: the same order).",
        columns=[Column(title=title) for title in ("epochs", "later", "trials", "correlation")],
        rows=[
            [
                number(one.epochs, 0),
                number(one.later_epochs, 0),
                number(one.trials, 0),
                number(one.correlation, 2),
            ]
            for one in search.rung_correlations
        ],
    )


def _tabulate_trials(search: Search) -> Table:
    names = list(
        dict.fromkeys(
            [
                *(setting.name for setting in search.space),
                *(name for trial in search.trials for name in trial.settings),
            ]
        )
    )
    is_number = {name: all(_is_number(trial, name) for trial in search.trials) for name in names}
    return Table(
        caption=f"The trials of {search.id}: the mean over their seeds at the last rung that they "
        "reached.",
        columns=[
            Column(title="trial"),
            *(Column(title=name, is_number=is_number[name]) for name in names),
            Column(title="state", is_number=False),
            Column(title="epochs"),
            Column(title=search.score),
        ],
        rows=[
            [
                number(trial.number, 0),
                *(_show(trial, name, is_number=is_number[name]) for name in names),
                Cell(trial.state, is_marked=trial.state == "failed"),
                number(trial.epochs, 0),
                number(trial.score),
            ]
            for trial in search.trials
        ],
    )


def _is_number(trial: Trial, name: str) -> bool:
    value = trial.settings.get(name)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _show(trial: Trial, name: str, *, is_number: bool) -> Cell:
    value = trial.settings.get(name)
    if is_number and isinstance(value, int | float):
        return Cell(short_number(value), float(value))
    if value is None:
        return Cell("–")
    return Cell(str(value).lower() if isinstance(value, bool) else str(value))

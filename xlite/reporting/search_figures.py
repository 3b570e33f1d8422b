"""The figures of a search: its trials on parallel axes, scores at the rungs, and importance.

As SVG inside a data address, drawn on white.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from xlite.reporting.figures import BLUE, GREY, ORANGE, new_figure
from xlite.reporting.html_figures import encode_figure, tidy_axis
from xlite.results.study import Search, SearchedSetting, Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FAINT = "#CFCFCF"
_COLORS = "Blues"
"""From light to dark, which grey print and colour-blind readers keep; the best is apart from it."""
_LIGHTEST = 0.35
"""Of the scale: what is lighter is lost on white."""
_MAX_TICKS = 5
_MAX_NAME = 22


def draw_parallel_axes(search: Search) -> str:
    """The trials of a search as lines over its settings, the score last, as a data address.

    A setting that was drawn by its logarithm has a logarithmic axis. The colour is the score; the
    best is thick, and trials that were paused at a rung are grey, since their scores are of fewer
    epochs.
    """
    scored = [trial for trial in search.trials if _is_number(trial.score)]
    axes = [_Axis(setting, scored) for setting in search.space]
    scores = [trial.score or 0.0 for trial in scored]
    axes.append(_Axis(_score_setting(search.score, scores), scored))
    figure = new_figure(max(5.0, 1.55 * len(axes) + 0.8), 3.6)
    axis = figure.subplots()
    color = _color_scale(scores)
    for trial in sorted(scored, key=lambda one: one.score or 0.0):
        places = [one.place(trial, search.score) for one in axes]
        is_best, is_paused = trial.number == search.best, trial.state == "paused"
        axis.plot(
            range(len(axes)),
            places,
            color=ORANGE if is_best else _FAINT if is_paused else color(trial.score or 0.0),
            lw=2.6 if is_best else 0.9 if is_paused else 1.2,
            zorder=3 if is_best else 1 if is_paused else 2,
            label=f"the best, trial {trial.number}" if is_best else None,
        )
    for place, one in enumerate(axes):
        _draw_axis(axis, place, one)
    axis.set_xlim(-0.25, len(axes) - 0.4)
    axis.set_ylim(-0.06, 1.06)
    axis.set_yticks([])
    axis.set_xticks(range(len(axes)), [_short(one.setting.name) for one in axes], fontsize=8)
    axis.tick_params(length=0, pad=8)
    axis.spines[:].set_visible(False)
    _forbid_formulas(axis)
    return encode_figure(figure)


def draw_rungs(search: Search) -> str:
    """The score of each trial at each rung that it reached, as a data address."""
    figure = new_figure(6.0, 3.0)
    axis = figure.subplots()
    for trial in search.trials:
        points = [(epochs, score) for epochs, score in trial.rungs.items() if _is_number(score)]
        if points:
            is_best = trial.number == search.best
            axis.plot(
                *zip(*points, strict=True),
                color=ORANGE if is_best else BLUE if len(points) > 1 else GREY,
                lw=2.2 if is_best else 1.0,
                marker="o",
                ms=3.5 if is_best else 2.5,
                zorder=3 if is_best else 2,
            )
    rungs = sorted({epochs for trial in search.trials for epochs in trial.rungs})
    axis.set_xscale("log")
    axis.minorticks_off()
    axis.set_xticks(rungs, [str(epochs) for epochs in rungs])
    axis.set_xlabel("epochs", fontsize=8)
    axis.set_ylabel(search.score, fontsize=8)
    tidy_axis(axis)
    _forbid_formulas(axis)
    return encode_figure(figure)


def draw_importance(importance: Mapping[str, float | None]) -> str:
    """Each setting's share of what made scores differ, the largest on top, as a data address."""
    shares = {name: value for name, value in importance.items() if value is not None}
    names = sorted(shares, key=lambda name: shares[name])
    figure = new_figure(5.2, 0.7 + 0.27 * max(len(names), 2))
    axis = figure.subplots()
    axis.barh(range(len(names)), [shares[name] for name in names], color=BLUE, height=0.6)
    axis.set_yticks(range(len(names)), [_short(name) for name in names], fontsize=8)
    axis.set_xlim(0, 1)
    axis.set_xlabel("share of the differences between scores", fontsize=8)
    tidy_axis(axis)
    _forbid_formulas(axis)
    return encode_figure(figure)


class _Axis:
    """One of the parallel axes: where a value lies between 0 and 1, and which ticks it has."""

    def __init__(self, setting: SearchedSetting, trials: Sequence[Trial]) -> None:
        self.setting = setting
        drawn = {trial.settings.get(setting.name) for trial in trials if setting.kind == "int"}
        self._drawn = sorted(float(value) for value in drawn if isinstance(value, int | float))
        self._names = [_text(value) for value in setting.values]
        # What a phase before has kept may lie outside of what this one draws from.
        self._names += [
            name
            for name in dict.fromkeys(_text(trial.settings.get(setting.name)) for trial in trials)
            if setting.kind == "values" and name not in self._names and name != _text(None)
        ]

    def place(self, trial: Trial, score: str) -> float:
        """Where the trial crosses the axis; NaN, a gap, where it has no such value."""
        name = self.setting.name
        value = trial.score if name == score else trial.settings.get(name)
        if self.setting.kind == "values":
            return self._place_name(_text(value))
        return self._place_number(value) if isinstance(value, int | float) else math.nan

    def ticks(self) -> list[tuple[float, str]]:
        """Places and texts."""
        if self.setting.kind == "values":
            return [(self._place_name(name), _short(name)) for name in self._names]
        low, high = self.setting.low, self.setting.high
        if self.setting.kind == "log_uniform":
            powers = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
            values = sorted({low, *(10.0**power for power in powers), high})
        else:
            values = [low + (high - low) * step / (_MAX_TICKS - 1) for step in range(_MAX_TICKS)]
        if self.setting.kind == "int":
            values = sorted({float(round(value)) for value in values})
            # Where few were drawn, just these: a step leaves the values between out.
            values = self._drawn if len(self._drawn) <= _MAX_TICKS else values
        return [(self._place_number(value), short_number(value)) for value in values]

    def _place_name(self, name: str) -> float:
        if name not in self._names:
            return math.nan
        return self._names.index(name) / max(len(self._names) - 1, 1)

    def _place_number(self, value: float) -> float:
        ends: tuple[float, ...] = (value, self.setting.low, self.setting.high)
        if self.setting.kind == "log_uniform":
            if min(ends) <= 0:
                return math.nan
            ends = tuple(map(math.log, ends))
        at, low, high = ends
        return (at - low) / (high - low) if high > low else 0.5


def _score_setting(name: str, scores: Sequence[float]) -> SearchedSetting:
    low, high = min(scores, default=0.0), max(scores, default=1.0)
    return SearchedSetting(name=name, kind="uniform", low=low, high=high)


def _draw_axis(axis: Axes, place: int, one: _Axis) -> None:
    axis.plot([place, place], [0, 1], color="black", lw=0.8, zorder=4)
    for at, text in one.ticks():
        axis.plot([place - 0.03, place], [at, at], color="black", lw=0.8, zorder=4)
        axis.text(
            place + 0.04,
            at,
            text,
            fontsize=7,
            va="center",
            zorder=5,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.6},
        )


def _color_scale(scores: Sequence[float]) -> Callable[[float], Any]:
    """The colour of a score."""
    from matplotlib import colormaps

    low, high = min(scores, default=0.0), max(scores, default=1.0)

    def color(score: float) -> Any:
        share = (score - low) / (high - low) if high > low else 1.0
        return colormaps[_COLORS](_LIGHTEST + (1 - _LIGHTEST) * share)

    return color


def _forbid_formulas(axis: Axes) -> None:
    """A name is no formula, whatever signs it has."""
    from matplotlib.text import Text

    for text in axis.findobj(Text):
        text.set_parse_math(False)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _short(name: str) -> str:
    return name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 1]}…"


def _is_number(value: float | None) -> bool:
    return value is not None and not math.isnan(value)


def short_number(value: float) -> str:
    """A number with three digits, which is no power of ten where it is large.

    >>> short_number(1024), short_number(0.000123), short_number(0.5)
    ('1,024', '0.000123', '0.5')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"

"""What a phase draws from: the settings of its space, and the trials that it starts from."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from xlite.errors import InputError
from xlite.studies.study_plan import Distribution

START: Final = "start"
"""The dimension that says which of several kept trials a trial starts from."""

Point = Mapping[str, Any]
"""A place in a space: of `values`, and of START, the number in their order; else the value."""


@dataclass(frozen=True)
class SearchSpace:
    """The dimensions of a search, and how a point in them becomes settings by name."""

    drawn: Mapping[str, Distribution]
    starts: tuple[Mapping[str, Any], ...] = ()
    """The settings of the trials that the phase before kept; empty in the first phase."""

    @cached_property
    def _places(self) -> dict[str, dict[str, int]]:
        """The places of values in their order, by setting."""
        return {
            name: {key_of(value): place for place, value in enumerate(one.values)}
            for name, one in self.drawn.items()
        }

    @property
    def dimensions(self) -> dict[str, Distribution]:
        """What there is to draw: where several trials were kept, first which of them."""
        if len(self.starts) < 2:
            return dict(self.drawn)
        choices = Distribution(kind="values", values=tuple(range(len(self.starts))))
        return {START: choices, **self.drawn}

    def settings_at(self, point: Point) -> dict[str, Any]:
        """The settings by name: those of the trial that it starts from, and the drawn ones."""
        settings = dict(self.starts[point.get(START, 0)]) if self.starts else {}
        for name, distribution in self.drawn.items():
            is_named = distribution.kind == "values"
            settings[name] = distribution.values[point[name]] if is_named else point[name]
        return settings

    def locate(self, settings: Mapping[str, Any]) -> Point | None:
        """The point at which the settings are; None where they are not in the space."""
        point: dict[str, Any] = {}
        for name, distribution in self.drawn.items():
            if name not in settings:
                return None
            point[name] = settings[name]
            if distribution.kind == "values":
                point[name] = self._places[name].get(key_of(settings[name]))
                if point[name] is None:
                    return None
        if len(self.starts) > 1:
            kept = [
                {name: value for name, value in start.items() if name not in self.drawn}
                for start in self.starts
            ]
            fits = [all(settings.get(n) == v for n, v in one.items()) for one in kept]
            if True not in fits:
                return None
            point[START] = fits.index(True)
        return point

    def draw(self, draws: np.random.Generator) -> Point:
        """A point by chance, each dimension for itself."""
        return {name: _draw(one, draws) for name, one in self.dimensions.items()}

    def grid(self) -> Iterator[Point]:
        """All points in the order of the dimensions, the last one turning fastest.

        Raises InputError for a range of real numbers, which has no end.
        """
        dimensions = self.dimensions
        axes = [_list_points(name, one) for name, one in dimensions.items()]
        for values in itertools.product(*axes):
            yield dict(zip(dimensions, values, strict=True))

    @property
    def is_finite(self) -> bool:
        """Whether it has a grid."""
        return all(one.kind in ("values", "int") for one in self.dimensions.values())


def key_of(settings: Any) -> str:
    """Text that is the same for equal settings, wherever they were read from."""
    return json.dumps(settings, sort_keys=True)


def _list_points(name: str, distribution: Distribution) -> range:
    if distribution.kind == "values":
        return range(len(distribution.values))
    if distribution.kind == "int":
        return range(int(distribution.low), int(distribution.high) + 1, distribution.step)
    raise InputError(
        f"a grid needs values: {name} is a range of real numbers. Name them with values = […]."
    )


def _draw(distribution: Distribution, draws: np.random.Generator) -> Any:
    low, high = distribution.low, distribution.high
    match distribution.kind:
        case "values":
            return int(draws.integers(len(distribution.values)))
        case "int":
            points = _list_points("", distribution)
            return points[int(draws.integers(len(points)))]
        case "uniform":
            return float(draws.uniform(low, high))
        case "log_uniform":
            drawn = math.exp(draws.uniform(math.log(low), math.log(high)))
            # exp(log(x)) may be next to x.
            return min(max(drawn, low), high)

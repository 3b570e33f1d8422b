"""Where findings show on synthetic films, as boxes in the format of NIH's list of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from xlite.synthetic.anatomy import Plane

HEADER = "Image Index,Finding Label,Bbox [x,y,w,h],,,"
"""NIH writes "Bbox [x,y,w,h]" unquoted, and three empty columns."""

_NAMES = {"Infiltration": "Infiltrate"}
"""What NIH's list of boxes calls otherwise than its table of labels."""

_VISIBLE = 0.25
"""Share of a sign's strongest place from which a place counts as showing it."""

_BRIDGED = 0.04
"""Places no farther apart, as a share of the film's side, are one place: patches, a net."""

_LEAST = 0.15
"""Share of all of a sign that a place has to have, to be boxed."""


class Place(NamedTuple):
    """A box around what shows a finding, in pixels of the film."""

    image: str
    finding: str
    x: int
    y: int
    width: int
    height: int


def find_places(image: str, signs: Mapping[str, Plane]) -> list[Place]:
    """The boxes of a film, from how strongly each of its places shows each finding, (S, S) each.

    Both lungs of a finding in both are two places, and so are two nodules apart. A finding that
    shows nowhere on the film has none.

    >>> sign = np.zeros((64, 64), np.float32)
    >>> sign[10:20, 30:50] = 1
    >>> find_places("a.png", {"Mass": sign})
    [Place(image='a.png', finding='Mass', x=30, y=10, width=20, height=10)]
    """
    places = []
    for finding, sign in signs.items():
        if not sign.max() > 0:
            continue
        shows = (sign >= _VISIBLE * sign.max()).astype(np.uint8)
        reach = 2 * round(_BRIDGED * len(sign) / 2) + 1
        near = cv2.dilate(shows, np.ones((reach, reach), np.uint8))
        count, groups = cv2.connectedComponents(near)
        groups[shows == 0] = 0
        weight = np.bincount(groups.ravel(), weights=(sign * shows).ravel(), minlength=count)
        for group in range(1, count):
            if weight[group] >= _LEAST * weight[1:].sum():
                x, y, width, height = cv2.boundingRect((groups == group).astype(np.uint8))
                places.append(Place(image, finding, x, y, width, height))
    return places


def write_places(path: Path, places: Iterable[Place]) -> None:
    """Write boxes as NIH's list has them, a line each."""
    lines = [HEADER]
    for one in places:
        name = _NAMES.get(one.finding, one.finding)
        lines.append(f"{one.image},{name},{one.x},{one.y},{one.width},{one.height},,,")
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())

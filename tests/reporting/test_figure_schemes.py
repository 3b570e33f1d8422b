from __future__ import annotations

import re

import pytest

from xlite.reporting.figure_schemes import DARK_GROUND, find_dark_twin, follow_scheme
from xlite.reporting.figures import BLUE, GREEN, GREY, ORANGE
from xlite.reporting.html_figures import Effect, draw_forest


def luminance(color: str) -> float:
    """As WCAG 2 defines it."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("color", [BLUE, ORANGE, GREEN, GREY, "#D55E00", "#56B4E9", "#CC79A7"])
def test_lines_and_bars_stand_out_from_the_dark_ground(color: str) -> None:
    # 3 is what WCAG 2 asks of what a figure is understood by, 4.5 of text.
    assert contrast(find_dark_twin(color.lower()), DARK_GROUND) >= 3
    assert contrast(find_dark_twin("#000000"), DARK_GROUND) > 7


def test_what_is_fainter_on_white_is_fainter_in_the_dark() -> None:
    greys = [f"#{8 * level:02x}{8 * level:02x}{8 * level:02x}" for level in range(8, 32)]
    found = [contrast(find_dark_twin(grey), DARK_GROUND) for grey in greys]
    assert found == sorted(found, reverse=True)
    assert find_dark_twin("#ffffff") == DARK_GROUND


def test_every_colour_of_a_figure_has_one_in_the_dark() -> None:
    import base64

    uri = draw_forest([Effect("a", 0.1, -0.2, 0.4), Effect("b", 0.3, 0.2, 0.4)], axis_title="x")
    text = base64.b64decode(uri.partition(",")[2]).decode()
    style = text[text.index("<style>svg") :].partition("</style>")[0]
    used = set(re.findall(r"var\((--c\d+)\)", text))
    light, dark = style.split("@media (prefers-color-scheme:dark)")
    assert used == set(re.findall(r"(--c\d+):#", light)) == set(re.findall(r"(--c\d+):#", dark))
    assert not re.search(r'style="[^"]*#[0-9a-f]{6}', text), "none is left as it was"
    assert GREEN.lower() in light
    assert find_dark_twin(GREEN.lower()) in dark


@pytest.mark.parametrize("odd", [b"\xff\xfe\x00", b"<svg/>", b"no drawing at all"])
def test_what_is_no_plain_drawing_stays_as_it_is(odd: bytes) -> None:
    assert follow_scheme(odd) == odd

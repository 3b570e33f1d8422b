"""SVG figures that follow the reader's light or dark scheme, inside a picture as well.

Figures are drawn on white. Each of their colours becomes a variable, which in the dark scheme is a
colour of the same hue whose contrast to the dark ground grows with that of the first to white: what
was faint stays faint, and what stood out stands out.
"""

from __future__ import annotations

import colorsys
import re

DARK_GROUND = "#1c2024"
"""What white becomes; the page's dark cards have it, too."""

_MOST_LUMINANCE = 0.79
"""That of the page's text in the dark: black becomes this bright and no brighter."""

_EMPHASIS = 1.4
"""Power of the contrast: an orange that has 2.2 to white, enough for a line there, gets 3.0."""

_FULL, _FULL_CONTRAST = 0.75, 5.0
"""A colour of at least this saturation is one by which lines are told apart, and has at least this
contrast: a dark orange is a brown."""

_STYLE = re.compile(r'\bstyle="[^"]*"')
_COLOR = re.compile(r"#[0-9a-fA-F]{6}\b")
_OPEN_TAG = re.compile(r"<svg\b[^>]*[^/>]>|<svg>")
_BISECTIONS = 24


def follow_scheme(svg: bytes) -> bytes:
    """The drawing with its colours as variables of both schemes; one that is no plain SVG as it is.

    >>> b"@media" in follow_scheme(b'<svg><path style="fill: #ffffff"/></svg>')
    True
    """
    try:
        text = svg.decode("utf-8")
    except UnicodeDecodeError:
        return svg
    # What has no colour of its own, such as black text, is drawn by the root's.
    names = {"#000000": "--c0"}

    def name(found: re.Match[str]) -> str:
        return f"var({names.setdefault(found[0].lower(), f'--c{len(names)}')})"

    body = _STYLE.sub(lambda found: _COLOR.sub(name, found[0]), text)
    light = ";".join(f"{variable}:{color}" for color, variable in names.items())
    dark = ";".join(f"{variable}:{find_dark_twin(color)}" for color, variable in names.items())
    style = (
        f"<style>svg{{{light};fill:var(--c0)}}"
        f"@media (prefers-color-scheme:dark){{svg{{{dark}}}}}</style>"
    )
    return _OPEN_TAG.sub(lambda found: found[0] + style, body, count=1).encode("utf-8")


def find_dark_twin(color: str) -> str:
    """The colour of the same hue that stands out from DARK_GROUND if `color` does from white.

    >>> find_dark_twin("#ffffff") == DARK_GROUND
    True
    >>> find_dark_twin("#0072b2"), find_dark_twin("#000000")
    ('#86d4ff', '#e3e6e9')
    """
    ground = _luminance(_parse(DARK_GROUND))
    hue, _, saturation = colorsys.rgb_to_hls(*_parse(color))
    contrast = (1.05 / (_luminance(_parse(color)) + 0.05)) ** _EMPHASIS
    if saturation >= _FULL:
        contrast = max(contrast, _FULL_CONTRAST)
    wanted = min(contrast * (ground + 0.05) - 0.05, _MOST_LUMINANCE)
    if saturation == 0:
        # Greys take on the ground's tint.
        hue, _, saturation = colorsys.rgb_to_hls(*_parse(DARK_GROUND))
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        is_too_dark = _luminance(colorsys.hls_to_rgb(hue, middle, saturation)) < wanted
        low, high = (middle, high) if is_too_dark else (low, middle)
    return "#" + "".join(
        f"{round(255 * part):02x}" for part in colorsys.hls_to_rgb(hue, high, saturation)
    )


def _parse(color: str) -> tuple[float, float, float]:
    red, green, blue = (int(color[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return red, green, blue


def _luminance(rgb: tuple[float, float, float]) -> float:
    """Relative luminance, as contrast is defined by (WCAG 2, W3C 2008)."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

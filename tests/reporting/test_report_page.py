"""The report of a real, small project, in a real browser."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, project: Any, xlite_ok: Any) -> Path:
    folder = tmp_path_factory.mktemp("report page")
    experiments: Path = folder / "experiments"
    data = ("--split", project.split, "--cache", project.cache)
    xlite_ok(
        *("ablate", "--model", "test_resnet", "--losses", "bce,focal", "--no-pretrained"),
        *("--epochs", 1, "--image-size", 64, "--batch-size", 16, "--workers", 0),
        *("--device", "cpu", "--seeds", "0,1", "--out", experiments, *data),
    )
    xlite_ok(
        *("verify-balance", "--split", project.split, "--sampler", "inverse-mean"),
        *("--batches", 50, "--out", experiments),
    )
    xlite_ok("report", "--out", folder / "report.html", "--experiments", experiments, *data)
    return folder / "report.html"


def test_the_whole_report_is_sound_in_a_browser(browser: Any, page: Path) -> None:
    browser.open(page)
    assert browser.complaints == []
    images = browser.evaluate("[...document.images].map(i => i.naturalWidth)")
    # Balance, curves, ROC, precision-recall, calibration, a forest, and thumbnails.
    assert len(images) > 6 + 12
    assert min(images) > 0
    sections = browser.evaluate("[...document.querySelectorAll('section.absent')].map(s => s.id)")
    assert sections == ["study", "comparison", "doctor", "explanations", "checklists"]
    assert browser.evaluate("document.querySelector('.verdict .word').textContent") in (
        *("ADOPT", "REJECT", "TRADE-OFF", "UNDECIDED"),
    )


def test_every_column_of_every_table_sorts(browser: Any, page: Path) -> None:
    browser.open(page)
    # Twice, so that each is sorted both ways; the order has to be that of the values.
    faults = browser.evaluate(
        """
        [...document.querySelectorAll("table")].flatMap((table) =>
          [...table.tHead.rows[0].cells].flatMap((heading, column) =>
            [0, 1].flatMap(() => {
              heading.querySelector("button").click();
              const sign = heading.getAttribute("aria-sort") === "ascending" ? 1 : -1;
              const keys = [...table.tBodies[0].rows].map((row) => row.cells[column].dataset.value);
              if (keys.includes(undefined)) return [];
              const known = keys.filter((key) => key !== "").map(Number);
              const isLast = keys.slice(known.length).every((key) => key === "");
              const isSorted = known.every((key, i) => i === 0 || sign * (key - known[i - 1]) >= 0);
              return isLast && isSorted ? [] : [`${table.caption.textContent} ${column}`];
            })))
        """
    )
    assert faults == []
    numbers = browser.evaluate("document.querySelectorAll('td[data-value]').length")
    assert numbers > 100, "there was something to sort"


def test_figures_are_dark_in_the_dark_and_of_readable_size_on_a_phone(
    browser: Any, page: Path
) -> None:
    from PIL import Image

    size = {"width": 390, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.call("Emulation.setDeviceMetricsOverride", **size)
    brightness = {}
    for scheme in ("light", "dark"):
        feature = {"name": "prefers-color-scheme", "value": scheme}
        browser.call("Emulation.setEmulatedMedia", features=[feature])
        browser.open(page)
        browser.evaluate("document.querySelector('#curves .frame').scrollIntoView()")
        with Image.open(io.BytesIO(browser.screenshot())) as image:
            brightness[scheme] = np.median(np.asarray(image.convert("L"))[:300])
    assert brightness["light"] > 200
    assert brightness["dark"] < 60
    # 7 points are 7 pixels and more, since the picture is shown at three quarters of its size or
    # above; what has no room is scrolled to.
    scales = browser.evaluate(
        "[...document.querySelectorAll('.frame img')].map(i => i.clientWidth / i.naturalWidth)"
    )
    assert len(scales) > 5
    assert min(scales) > 0.75
    feature = {"name": "prefers-color-scheme", "value": "light"}
    browser.call("Emulation.setEmulatedMedia", features=[feature])


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(browser: Any, page: Path, width: int) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.call("Emulation.setDeviceMetricsOverride", **size)
    browser.open(page)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width

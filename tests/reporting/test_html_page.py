from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xlite.reporting.html_page import (
    Block,
    Cell,
    Column,
    Command,
    Facts,
    Gallery,
    Heading,
    Headline,
    Outline,
    OutlineItem,
    Paragraph,
    Picture,
    Question,
    Section,
    Table,
    VerdictBox,
    absent_section,
    bracket,
    data_uri,
    number,
    render_page,
    write_page,
)

GIF = b"GIF89a\x01\x00\x01\x00\x00\xff\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x00;"
PIXEL = data_uri(GIF, "image/gif")
EVIL = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>&{{ 7*7 }}</style>"
TAME = "quokka"


class Tags(HTMLParser):
    """The tags of a page and the texts between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def every_block(text: str) -> list[Block]:
    table = Table(
        caption=text,
        columns=[Column(title=text, is_number=False, is_prose=True), Column(title=text)],
        rows=[[Cell(text, is_marked=True), Cell(text)]],
        foot=[[Cell(text), Cell(text)]],
    )
    picture = Picture(draw=lambda: PIXEL, alt=text, caption=text)
    return [
        Heading(text),
        Paragraph(text),
        Paragraph(text, is_warning=True),
        Question(text),
        Headline(title=text, value=text, notes=[text, text]),
        Outline([OutlineItem(word=text, tone="open", title=text, text=text)]),
        Facts({text: text}),
        Command(text),
        VerdictBox(subject=text, word=text, tone="good", reason=text, rule=text),
        picture,
        Gallery(text, [picture]),
        table,
    ]


def test_no_text_becomes_markup() -> None:
    evil = Tags(render_page(EVIL, EVIL, [Section("part", EVIL, every_block(EVIL))]))
    tame = Tags(render_page(TAME, TAME, [Section("part", TAME, every_block(TAME))]))
    assert [tag for tag, _ in evil.tags] == [tag for tag, _ in tame.tags]
    assert [set(attrs) for _, attrs in evil.tags] == [set(attrs) for _, attrs in tame.tags]
    assert evil.count("script") == 1
    assert not any(name.startswith("on") for _, attrs in evil.tags for name in attrs)
    # And it is shown as it is: in title, texts and alternative texts.
    assert sum(EVIL in text for text in evil.texts) == sum(TAME in text for text in tame.texts) > 20
    assert sum(attrs.get("alt") == EVIL for _, attrs in evil.tags) == 2


def test_the_page_needs_nothing_but_itself() -> None:
    page = render_page("t", "i", [Section("part", "t", every_block("x"))])
    for tag, attrs in Tags(page).tags:
        for name in ("src", "href"):
            assert (attrs.get(name) or "#").startswith(("#", "data:")), (tag, attrs)
    assert not re.search(r"url\(|@import|https?://", page)


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    sections = [Section("part", "t", every_block("x")), absent_section("a", "b", "c", "xlite d")]
    for name in ("one", "two"):
        write_page(tmp_path / name, "t", "i", sections)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_an_absent_section_says_what_makes_it() -> None:
    page = Tags(render_page("t", "i", [absent_section("a", "Balance", "Not there.", "xlite b")]))
    assert {"Balance", "Not there.", "xlite b"} <= set(page.texts)


def test_numbers_sort_by_their_value_and_undefined_ones_have_none() -> None:
    assert number(1234.5, 1) == Cell("1,234.5", 1234.5)
    assert number(1234.5, 1).sort_key == "1234.5"
    for undefined in (number(None), number(float("nan")), bracket(None, 1.0), Cell("text")):
        assert undefined.sort_key == ""
    assert bracket(-0.1, 0.25, sign=True).text == "−0.100 to +0.250"
    assert float(number(1e-12, 3).sort_key) == 1e-12


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of hostile text with a table to sort."""
    names = ["b10", "b9", "A", EVIL, "c"]
    values = [9.0, 10.0, -1.0, None, 2.5e-7]
    table = Table(
        caption="sorted by a click",
        columns=[Column(title="name", is_number=False), Column(title="value")],
        rows=[[Cell(n), number(v, 9)] for n, v in zip(names, values, strict=True)],
        foot=[[Cell("macro"), number(99.0)]],
    )
    path = tmp_path_factory.mktemp("page") / "a page & more.html"
    write_page(path, EVIL, EVIL, [Section("first", "First", [table, *every_block(EVIL)])])
    return path


def column(browser: Any, place: int) -> list[str]:
    rows = "[...document.querySelector('tbody').rows]"
    shown: list[str] = browser.evaluate(f"{rows}.map(r => r.cells[{place}].textContent.trim())")
    return shown


def sort_state(browser: Any) -> list[str]:
    headings = "[...document.querySelectorAll('table')[0].tHead.rows[0].cells]"
    state: list[str] = browser.evaluate(f"{headings}.map(h => h.getAttribute('aria-sort'))")
    return state


def click(browser: Any, place: int) -> None:
    browser.evaluate(f"document.querySelectorAll('thead button')[{place}].click()")


def test_a_browser_has_nothing_to_complain_of(browser: Any, page: Path) -> None:
    browser.open(page)
    assert browser.complaints == []
    assert browser.evaluate("document.title") == EVIL
    assert browser.evaluate("document.images.length") == 2
    assert browser.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    # The style sheet is let through by the policy.
    assert browser.evaluate("getComputedStyle(document.querySelector('th button')).cursor") == (
        "pointer"
    )


def test_the_browser_would_see_a_fault(browser: Any, page: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.html"
    text = page.read_text(encoding="utf-8")
    broken.write_text(text.replace("</body>", "<script>let x = 1;</script></body>"))
    browser.open(broken)
    assert any("Content Security Policy" in entry for entry in browser.complaints)


def test_tables_sort_by_number_and_by_name(browser: Any, page: Path) -> None:
    browser.open(page)
    assert sort_state(browser) == ["none", "none"]
    click(browser, 1)
    assert sort_state(browser) == ["none", "descending"]
    assert column(browser, 0) == ["b9", "b10", "c", "A", EVIL]
    click(browser, 1)
    assert sort_state(browser) == ["none", "ascending"]
    assert column(browser, 0) == ["A", "c", "b10", "b9", EVIL], "undefined stays at the end"
    click(browser, 0)
    assert sort_state(browser) == ["ascending", "none"]
    assert [name for name in column(browser, 0) if name != EVIL] == ["A", "b9", "b10", "c"]
    assert browser.evaluate("document.querySelector('tfoot th').textContent") == "macro"
    assert browser.complaints == []


def test_the_keyboard_sorts_too(browser: Any, page: Path) -> None:
    browser.open(page)
    browser.evaluate("document.querySelectorAll('thead button')[1].focus()")
    browser.press("Enter", "\r")
    assert sort_state(browser) == ["none", "descending"]


@pytest.mark.parametrize("width", [1280, 390])
def test_light_and_dark_differ_and_nothing_sticks_out(browser: Any, page: Path, width: int) -> None:
    from PIL import Image

    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.call("Emulation.setDeviceMetricsOverride", **size)
    brightness = {}
    for scheme in ("light", "dark"):
        feature = {"name": "prefers-color-scheme", "value": scheme}
        browser.call("Emulation.setEmulatedMedia", features=[feature])
        browser.open(page)
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
        with Image.open(io.BytesIO(browser.screenshot())) as image:
            brightness[scheme] = np.median(np.asarray(image.convert("L")))
    assert brightness["light"] > 200
    assert brightness["dark"] < 60

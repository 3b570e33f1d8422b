from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlite import console


@pytest.fixture(autouse=True)
def restored_verbosity() -> Iterator[None]:
    yield
    console.set_verbosity(console.NORMAL)


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        (console.QUIET, ["warning: w", "error: e"]),
        (console.NORMAL, ["s", "warning: w", "error: e"]),
        (console.VERBOSE, ["s", "d", "warning: w", "error: e"]),
    ],
)
def test_verbosity_silences_all_but_warnings_and_errors(
    capsys: pytest.CaptureFixture[str], level: int, shown: list[str]
) -> None:
    console.set_verbosity(level)
    console.say("s")
    console.detail("d")
    console.warn("w")
    console.error("e")
    captured = capsys.readouterr()
    assert captured.err.splitlines() == shown
    assert captured.out == "", "standard output is for results"


def test_results_are_shown_even_when_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    console.set_verbosity(console.QUIET)
    console.result_json({"auroc": float("nan"), "rows": ({"ap": 0.5}, float("-inf"))})
    captured = capsys.readouterr()
    value = json.loads(captured.out, parse_constant=pytest.fail)
    assert value == {"auroc": None, "rows": [{"ap": 0.5}, None]}
    assert captured.err == ""


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=15,
)


@given(value=values)
def test_any_nested_value_becomes_strict_json(value: object) -> None:
    text = json.dumps(console.nan_to_none(value), allow_nan=False)
    assert console.nan_to_none(json.loads(text)) == json.loads(text)


def test_a_table_off_a_terminal_is_not_cut_at_80_columns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cell = "x" * 60
    console.table("Title", ["name", "first", "second"], [["row", cell, cell]], caption="Below")
    captured = capsys.readouterr()
    [row] = [line for line in captured.out.splitlines() if "row" in line]
    assert row.count(cell) == 2
    assert "…" not in captured.out
    assert "\x1b" not in captured.out, "no colours in a file"
    assert "Title" in captured.out
    assert "Below" in captured.out
    assert captured.err == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_is_silent_off_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with console.progress_bar(3, "epoch 1", "batch") as bar:
        for _ in range(3):
            bar.update()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("level", "is_shown"), [(console.NORMAL, True), (console.QUIET, False)])
def test_a_bar_on_a_terminal_obeys_quiet(
    monkeypatch: pytest.MonkeyPatch, level: int, is_shown: bool
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    console.set_verbosity(level)
    with console.progress_bar(3, "epoch 1", "batch", initial=1) as bar:
        assert bar.disable is not is_shown
        bar.update()
    assert ("epoch 1" in terminal.getvalue()) == is_shown

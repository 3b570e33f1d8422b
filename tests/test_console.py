from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tqdm import tqdm

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


def test_a_long_name_leaves_room_for_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", Terminal())
    monkeypatch.setenv("COLUMNS", "80")
    name = "convnext_tiny_performer:loss=distribution-balanced:s0: epoch 3/20"
    with console.progress_bar(3504, name, "step", shows_rate=False) as bar:
        bar.set_postfix_str("loss 0.6931, 133.1 images/s", refresh=False)
        text = tqdm.format_meter(
            **{**bar.format_dict, "ncols": 80, "n": 1752, "elapsed": 100, "ascii": True}
        )
    assert "epoch 3/20" in text
    assert text.count("#") >= 4, text


HOSTILE = "[/red][bold]:smile: \x1b[31mred\x1b[0m \x07\r\u202egpj.exe"


def test_text_of_others_is_shown_as_it_is_and_does_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    console.set_verbosity(console.VERBOSE)
    for write in (console.say, console.detail, console.warn, console.error):
        write(HOSTILE)
    console.table(HOSTILE, [HOSTILE, "n"], [[HOSTILE + "\nbelow", "1"]], caption=HOSTILE)
    captured = capsys.readouterr()
    for text in (captured.out, captured.err):
        assert not set(text) & set("\x1b\x07\r\u202e")
        assert r"[/red][bold]:smile: \x1b[31mred" in text
    assert r"gpj.exe\nbelow" in captured.out, "a cell has one line"


COLUMNS = ("label", "pos.", "AUROC", "AP", "F1", "ECE")
CELLS = ("Pleural_Thickening", "1,234", "0.812 [0.750, 0.861]", "0.123", "0.345", "0.021")


@pytest.mark.parametrize(
    ("width", "options", "shown"),
    [
        ("200", {}, COLUMNS),
        ("70", {}, COLUMNS[:5]),
        ("60", {}, COLUMNS[:3]),
        ("60", {"drop_first": ["pos."]}, ("label", "AUROC", "AP")),
        ("30", {}, COLUMNS[:2]),
    ],
)
def test_a_short_width_leaves_out_columns_and_never_digits(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    width: str,
    options: dict[str, list[str]],
    shown: tuple[str, ...],
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    console.table("Title", COLUMNS, [CELLS], all_in="scores.csv", **options)
    text = capsys.readouterr().out
    drawn, _, remark = text.partition("Left out")
    assert "…" not in text
    assert max(map(len, drawn.splitlines())) <= int(width)
    for name, cell in zip(COLUMNS, CELLS, strict=True):
        assert (cell in drawn) == (name in shown), name
        assert (name in remark) == (name not in shown), name
    assert not remark or f"at {width} columns" in remark
    assert not remark or "All are in scores.csv." in remark


def test_what_can_not_fit_is_folded_and_still_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    console.table("", COLUMNS, [CELLS], drop_first=["pos.", "AUROC"])
    drawn = capsys.readouterr().out.partition("Left out")[0]
    assert max(map(len, drawn.splitlines())) <= 20
    cells = [line.split("│")[1].strip() for line in drawn.splitlines() if line.startswith("│")]
    assert "".join(cells) == "Pleural_Thickening"


def test_running_text_is_folded_before_a_column_goes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    remark = "ValueError: the loss of this run was not finite in epoch 3"
    console.table("", ["run", "AUROC", "remark"], [["a", "0.812", remark]], wraps=["remark"])
    text = capsys.readouterr().out
    assert "0.812" in text
    assert "Left out" not in text
    for word in remark.split():
        assert word in text


def test_a_log_that_can_not_be_written_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("sys.stderr", Full())
    console.say("epoch 1")
    monkeypatch.setattr("sys.stderr", None)
    console.error("epoch 2")


def test_a_copy_of_what_is_said_knows_no_quiet_and_keeps_what_is_hushed_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    console.set_verbosity(console.QUIET)
    log = io.StringIO()
    with console.copied_to(log):
        console.say("s")
        console.detail("d")
        console.warn("w")
        with console.hushed():
            console.say("hushed")
            console.warn("hushed")
        console.error("e \x1b[31m")
    console.say("after")
    assert log.getvalue().splitlines() == ["s", "warning: w", r"error: e \x1b[31m"]
    assert capsys.readouterr().err.splitlines() == ["warning: w", r"error: e \x1b[31m"]


def test_a_copy_that_can_not_be_written_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    class Full(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(28, "No space left on device")

    with console.copied_to(Full()):
        console.say("s")
    assert capsys.readouterr().err == "s\n"

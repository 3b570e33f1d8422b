"""The ledger: entries are whole, in one order, and written in sight of all before them."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from xlite.errors import InputError
from xlite.studies.ledger import Ledger
from xlite.studies.ledger_entries import Claim, Decision, End, Release, entry_time
from xlite.studies.study_state import StudyState


def claim(item: str, agent: str = "a") -> Claim:
    return Claim(at=entry_time(), agent=agent, item=item)


def end(item: str, agent: str = "a", **values: object) -> End:
    return End(at=entry_time(), agent=agent, item=item, outcome="finished", **values)


def test_another_reader_sees_what_was_written(tmp_path: Path) -> None:
    writer, reader = Ledger(tmp_path), Ledger(tmp_path)
    decision = Decision(at=entry_time(), agent="a", subject="rule:x", choice={"then": [1]}, why="w")
    assert all(map(writer.append, (claim("one"), end("one"), decision)))
    assert reader.refresh() == list(writer.entries) == list(reader.entries)


def test_of_two_writers_one_has_to_look_again(tmp_path: Path) -> None:
    first, second = Ledger(tmp_path), Ledger(tmp_path)
    assert first.append(claim("one"))
    assert not second.append(claim("one", "b"))
    assert [entry.agent for entry in second.refresh()] == ["a"]
    assert second.append(claim("two", "b"))


@pytest.mark.parametrize("code", [errno.EEXIST, errno.EIO], ids=["asked twice", "answer lost"])
def test_an_entry_that_was_written_counts_whatever_the_file_server_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    link = os.link

    def link_and_fail(source: Path, target: Path) -> None:
        link(source, target)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", link_and_fail)
    ledger = Ledger(tmp_path)
    assert ledger.append(claim("one"))
    assert not ledger.refresh()
    assert len(ledger.entries) == 1


def test_many_writers_lose_nothing_and_write_nothing_twice(tmp_path: Path) -> None:
    def write(agent: str) -> None:
        ledger = Ledger(tmp_path)
        for number in range(20):
            while not ledger.append(claim(f"{agent}-{number}", agent)):
                ledger.refresh()

    threads = [threading.Thread(target=write, args=(f"agent{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledger = Ledger(tmp_path)
    ledger.refresh()
    items = [entry.item for entry in ledger.entries if isinstance(entry, Claim)]
    assert len(items) == len(set(items)) == 120
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".tmp"]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b'{"kind": "claim", "at": "x", "ag', "is not valid JSON"),
        (b"", "is not valid JSON"),
        (b'{"kind": "coffee", "at": "x", "agent": "a"}', "kind"),
        (b'{"kind": "claim", "at": "x", "agent": "a"}', "has no"),
        (b'{"schema_version": 9, "kind": "claim"}', "newer xlite"),
    ],
)
def test_a_damaged_entry_is_named(tmp_path: Path, content: bytes, fault: str) -> None:
    ledger = Ledger(tmp_path)
    ledger.append(claim("one"))
    ledger.path_of(2).write_bytes(content)
    with pytest.raises(InputError, match=r"000002\.json") as error:
        Ledger(tmp_path).refresh()
    assert fault in str(error.value)


def test_foreign_names_and_gaps_are_found(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.append(claim("one"))
    (tmp_path / "notes.txt").touch()
    ledger.path_of(3).touch()
    assert ledger.find_foreign() == ["000003.json", "notes.txt"]


@pytest.mark.parametrize(
    ("number", "words"), [(errno.EPERM, "hard links"), (errno.ENOSPC, "No space left")]
)
def test_a_folder_that_takes_no_entry_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", fail)
    with pytest.raises(InputError, match=words):
        Ledger(tmp_path).append(claim("one"))
    assert not list(tmp_path.iterdir())


def test_an_item_is_held_by_the_first_to_claim_it_and_ended_by_its_holder() -> None:
    state = StudyState.of([claim("one"), claim("one", "b"), end("one", "b")])
    assert state.held == {"one": "a"}
    assert state.end_of("one") is None
    state.apply([end("one", run="runs/x")])
    assert not state.held
    ended = state.end_of("one")
    assert ended is not None
    assert ended.run == "runs/x"


def test_a_lost_agent_that_comes_back_changes_nothing() -> None:
    lost = Release(at=entry_time(), agent="b", item="one", holder="a", reason="lost")
    state = StudyState.of([claim("one"), lost, claim("one", "b"), end("one", "a")])
    assert state.held == {"one": "b"}
    assert state.items["one"].num_lost == 1

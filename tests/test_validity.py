"""The bookkeeping of simulations; what they measure is tested beside what they judge."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import validity
from benchmarks.rates import Rate, Simulation


def coins() -> list[Rate]:
    """Coins show heads.

    Of no use but here.
    """
    return [Rate(case="a fair one", rate=0.5, trials=100, least=0.45, most=0.55)]


GROUPS: dict[str, dict[str, Simulation]] = {"money": {"coins": coins}, "rest": {}}


@pytest.mark.parametrize(
    ("least", "most", "expected"),
    [(0.4, 0.6, True), (0.6, None, False), (None, 0.4, False), (None, None, True)],
)
def test_a_rate_is_met_within_its_limits(
    least: float | None, most: float | None, expected: bool
) -> None:
    rate = Rate(case="", rate=0.5, trials=100, least=least, most=most)
    assert rate.is_met is expected
    assert rate.standard_error == pytest.approx(0.05)


def test_what_is_measured_is_written_by_group(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "validity.json"
    path.write_text(json.dumps({"rest": {"gone": {"title": "", "rates": []}}}))
    monkeypatch.setattr(validity, "RESULTS", path)
    monkeypatch.setattr(validity, "GROUPS", GROUPS)
    monkeypatch.setattr(validity, "SIMULATIONS", GROUPS["money"])
    monkeypatch.setattr("sys.argv", ["validity"])
    validity.main()
    assert "50.0% ± 5.0%" in capsys.readouterr().out
    record = json.loads(path.read_text(encoding="utf-8"))
    assert list(record) == ["money"]
    found = record["money"]["coins"]
    assert found["title"] == "Coins show heads"
    assert found["rates"][0]["is_met"] is True


def test_an_unknown_simulation_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["validity", "dice"])
    with pytest.raises(SystemExit, match="2"):
        validity.main()
    assert "no simulation is called dice" in capsys.readouterr().err


def test_every_simulation_says_what_it_measures() -> None:
    for name, simulation in validity.SIMULATIONS.items():
        assert (simulation.__doc__ or "").strip(), name

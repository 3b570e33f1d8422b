"""How often intervals, tests and verdicts are right: `python -m benchmarks.validity [name ...]`.

Each simulation plants the truth, draws data sets, and counts how often what xlite says of them is
true. Prints the rates and brings `benchmarks/validity.json` up to date, from which docs/judging.md
has its tables. Half an hour for all on one core.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import (
    validity_anytime,
    validity_balance,
    validity_equivalence,
    validity_explain,
    validity_external,
    validity_films,
    validity_floor,
    validity_folds,
    validity_intervals,
    validity_more_power,
    validity_selection,
    validity_self_audit,
    validity_size,
    validity_verdicts,
)
from benchmarks.rates import Rate, Simulation
from xlite import console, files

RESULTS = Path(__file__).with_name("validity.json")

GROUPS: dict[str, dict[str, Simulation]] = {
    "intervals": validity_intervals.SIMULATIONS,
    "verdicts": validity_verdicts.SIMULATIONS,
    "equivalence": validity_equivalence.SIMULATIONS,
    "anytime": validity_anytime.SIMULATIONS,
    "self-audit": validity_self_audit.SIMULATIONS,
    "more-power": validity_more_power.SIMULATIONS,
    "folds": validity_folds.SIMULATIONS,
    "floor": validity_floor.SIMULATIONS,
    "external": validity_external.SIMULATIONS,
    "selection": validity_selection.SIMULATIONS,
    "sizes": validity_size.SIMULATIONS,
    "batches": validity_balance.SIMULATIONS,
    "maps": validity_explain.SIMULATIONS,
    "films": validity_films.SIMULATIONS,
}
"""The simulations by name, in the groups that docs/judging.md has a table of each."""

SIMULATIONS = {name: each for group in GROUPS.values() for name, each in group.items()}
"""Every simulation by name."""


def main() -> None:
    """Run the simulations that the command line names, all by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.validity", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(SIMULATIONS))
    names = parser.parse_args().names or list(SIMULATIONS)
    unknown = [name for name in names if name not in SIMULATIONS]
    if unknown:
        known = ", ".join(SIMULATIONS)
        parser.error(f"no simulation is called {', '.join(unknown)}. There are: {known}.")
    record = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    measured = {name: each for group in record.values() for name, each in group.items()}
    for name in names:
        start = time.perf_counter()
        rates = SIMULATIONS[name]()
        measured[name] = {
            "title": _title_of(SIMULATIONS[name]),
            "rates": [{**asdict(rate), "is_met": rate.is_met} for rate in rates],
        }
        files.write_json(RESULTS, _group(measured))
        _print_rates(name, rates, time.perf_counter() - start)
    console.say(f"written: {RESULTS}")


def _group(measured: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What was measured by group, in the order of the registry; what it no longer has is gone."""
    return {
        group: {name: measured[name] for name in simulations if name in measured}
        for group, simulations in GROUPS.items()
        if any(name in measured for name in simulations)
    }


def _title_of(simulation: Simulation) -> str:
    return (simulation.__doc__ or "").partition("\n")[0].rstrip(".")


def _print_rates(name: str, rates: list[Rate], seconds: float) -> None:
    console.table(
        f"{name}: {_title_of(SIMULATIONS[name])}",
        ["", "measured", "wanted", "trials", "met"],
        [
            [
                rate.case,
                f"{rate.rate:+.4f}"
                if rate.is_amount
                else f"{rate.rate:.1%} ± {rate.standard_error:.1%}",
                describe_limits(rate.least, rate.most, is_amount=rate.is_amount),
                f"{rate.trials:,}",
                "yes" if rate.is_met else "no",
            ]
            for rate in rates
        ],
        caption=f"{seconds:.0f} s",
    )


def describe_limits(least: float | None, most: float | None, *, is_amount: bool = False) -> str:
    """The limits of a rate in words; is_amount: of a mean amount, in its own units.

    >>> describe_limits(0.925, 0.975), describe_limits(None, 0.05), describe_limits(None, None)
    ('92.5 to 97.5 %', '≤ 5 %', '')
    """
    if is_amount and least is not None and most is not None:
        return f"{least:g} to {most:g}"
    if least is not None and most is not None:
        return f"{100 * least:g} to {100 * most:g} %"
    if least is not None:
        return f"≥ {100 * least:g} %"
    return f"≤ {100 * most:g} %" if most is not None else ""


if __name__ == "__main__":
    main()

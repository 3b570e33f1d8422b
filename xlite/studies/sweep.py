"""A Weights & Biases sweep as the text of a plan, with notes on what can't be said in one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from xlite.errors import InputError
from xlite.settings import TrainSettings
from xlite.settings.settings_text import toml_value
from xlite.studies.plan_tables import is_id
from xlite.studies.sweep_names import find_score
from xlite.studies.sweep_parameters import SweepParameters, read_number, show_scalar

_METHODS = {"bayes": "tpe", "random": "random", "grid": "grid"}
_READ = ("name", "description", "method", "metric", "parameters", "early_terminate", "run_cap")
_OF_SERVER = ("program", "command", "project", "entity", "controller", "imageuri", "job")
DEFAULT_RUNS: Final = 50
"""Trials of a sweep without a cap, which W&B would go on with for ever."""
_DEFAULT_ETA = 3


@dataclass(frozen=True)
class SweepPlan:
    """The text of a plan, and a sentence for each thing that it leaves out or takes otherwise."""

    text: str
    notes: tuple[str, ...]


def write_plan_of_sweep(tree: Any, *, source: str, model: str | None = None) -> SweepPlan:
    """The plan that a sweep's file, read from YAML, comes to.

    source: the file's name, for messages; without its ending the study's name where the sweep has
    none. model: for a sweep that names none. Raises InputError for what is no sweep.
    """
    if not isinstance(tree, dict) or not isinstance(tree.get("parameters"), dict):
        raise InputError(f"{source} is no sweep of Weights & Biases: it has no `parameters`.")
    method = _METHODS.get(_text(tree.get("method")))
    if method is None:
        given = show_scalar(tree.get("method"))
        raise InputError(f"{source}: method is one of {', '.join(_METHODS)}, not {given}.")
    parameters = SweepParameters(TrainSettings(model=model or ""))
    for name, spec in tree["parameters"].items():
        parameters.read(show_scalar(name) if not isinstance(name, str) else name, spec)
    if "model" not in {*parameters.fixed, *parameters.space}:
        if model is None:
            raise InputError(f"{source} names no model that there is. Pass --model NAME.")
        parameters.fixed["model"] = model
    if not parameters.space:
        noted = "".join(f"\n{note}" for note in parameters.notes)
        raise InputError(f"{source} searches nothing that can be searched here.{noted}")
    notes = [*_note_keys(tree), *parameters.notes]
    search = _describe_search(tree, method, parameters, notes)
    return SweepPlan(_render(tree, source, parameters, search, notes), tuple(notes))


def _note_keys(tree: Mapping[str, Any]) -> Iterator[str]:
    for key in tree:
        if key in _OF_SERVER:
            yield f"{key} is left out: xlite trains, and needs no server."
        elif key not in _READ:
            yield f"{key} is left out: nothing here is like it."


def _describe_search(
    tree: Mapping[str, Any], method: str, parameters: SweepParameters, notes: list[str]
) -> dict[str, Any]:
    search: dict[str, Any] = {"method": method}
    cap = read_number(tree.get("run_cap"))
    if method == "grid":
        for name, (kind, values) in parameters.space.items():
            if kind in ("uniform", "log_uniform"):
                raise InputError(f"a grid has no end over {name}. Name its values in the sweep.")
            parameters.space[name] = (kind, values)
    if cap is not None and cap >= 1:
        search["runs"] = int(cap)
    elif method != "grid":
        search["runs"] = DEFAULT_RUNS
        notes.append(f"the sweep has no run_cap and would never end: runs = {DEFAULT_RUNS}.")
    search["score"] = f"val.{_find_metric(tree, notes)}"
    search["seeds"] = parameters.seeds or [0]
    rungs = _find_rungs(tree.get("early_terminate"), notes)
    if rungs is not None:
        least = _least_epochs(parameters)
        if rungs[0] < least:
            search["rungs"] = rungs
        else:
            notes.append(
                f"early_terminate is left out: its first stop, after epoch {rungs[0]}, is not "
                f"below the {least} epochs of a run."
            )
    return search


def _find_metric(tree: Mapping[str, Any], notes: list[str]) -> str:
    metric = tree.get("metric")
    name = _text(metric.get("name")) if isinstance(metric, dict) else ""
    goal = _text(metric.get("goal", "minimize")) if isinstance(metric, dict) else ""
    score = find_score(name) if goal.startswith("max") else None
    if isinstance(metric, dict) and "target" in metric:
        notes.append("metric.target is left out: a search ends with its last trial.")
    if "test" in name.lower():
        notes.append(f"{name} is of the test part: trials are chosen by validation instead.")
    if score is None and name:
        notes.append(f"{goal} {name} is left out: trials are chosen by the most val.auroc.")
    return score or "auroc"


def _find_rungs(early: Any, notes: list[str]) -> tuple[int, int] | None:
    """Epochs of the first rung and the factor; W&B takes an iteration for each logged metric."""
    if not isinstance(early, dict):
        return None
    if early.get("type") != "hyperband":
        notes.append(f"early_terminate is left out: {show_scalar(early.get('type'))} is unknown.")
        return None
    eta = max(2, int(read_number(early.get("eta")) or _DEFAULT_ETA))
    first, last = (read_number(early.get(key)) for key in ("min_iter", "max_iter"))
    if first is None and last is not None:
        first = last / eta ** int(read_number(early.get("s")) or 1)
    if first is None:
        notes.append("early_terminate is left out: it has neither min_iter nor max_iter.")
        return None
    if early.get("strict"):
        notes.append("early_terminate.strict is left out: what is not promoted always pauses.")
    notes.append("early_terminate: an iteration is taken for an epoch.")
    return max(1, int(first)), eta


def _least_epochs(parameters: SweepParameters) -> int:
    if "epochs" in parameters.space:
        kind, values = parameters.space["epochs"]
        return int(min(values if kind == "values" else values[:1]))
    return int(parameters.fixed.get("epochs", parameters.settings.epochs))


def _render(
    tree: Mapping[str, Any],
    source: str,
    parameters: SweepParameters,
    search: Mapping[str, Any],
    notes: Sequence[str],
) -> str:
    title = _text(tree.get("name")) or Path(source).stem
    name = re.sub(r"[^A-Za-z0-9._+=,-]+", "-", title).strip("-.")[:100]
    lines = [f"# Written from {_one_line(source)}, a sweep of Weights & Biases."]
    lines += [f"# - {_one_line(note)}" for note in notes]
    lines += ["", f"name = {toml_value(name if is_id(name) else 'sweep')}"]
    if isinstance(tree.get("description"), str) and tree["description"].strip():
        lines.append(f"question = {toml_value(_one_line(tree['description']))}")
    lines += ["", "[settings]", *(f"{k} = {toml_value(v)}" for k, v in parameters.fixed.items())]
    lines += ["", "[search]"]
    for key, value in search.items():
        shown = (
            f"{{first = {value[0]}, factor = {value[1]}}}" if key == "rungs" else toml_value(value)
        )
        lines.append(f"{key} = {shown}")
    lines += ["", "[search.space]"]
    lines += [f"{key} = {_show(*found)}" for key, found in parameters.space.items()]
    return "\n".join([*lines, ""])


def _show(kind: str, values: Sequence[Any]) -> str:
    if kind == "int":
        step = f", step = {values[2]}" if values[2] != 1 else ""
        return f"{{int = {toml_value(values[:2])}{step}}}"
    return f"{{{kind} = {toml_value(values)}}}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _one_line(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in " ".join(text.split()))

"""A study's plan as a TOML file: `StudyPlan` from its text, and all that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from xlite.errors import InputError
from xlite.inputs import MEBIBYTE
from xlite.records import MAX_JSON_BYTES, read_own_bytes
from xlite.run_folder.settings_file import (
    SettingsFile,
    decode_toml,
    parse_record,
    parse_toml,
    parse_toml_settings,
)
from xlite.settings import Runtime
from xlite.settings.names import PARTS, setting_places
from xlite.studies.plan_branches import read_ask, read_finally, read_rule
from xlite.studies.plan_experiments import (
    Given,
    mark_budgets,
    read_axes,
    read_experiment,
)
from xlite.studies.plan_growth import read_seeds, settle_growth
from xlite.studies.plan_paths import find_path_faults
from xlite.studies.plan_phases import read_phase
from xlite.studies.plan_places import read_cache, read_data, read_runtime, read_slurm
from xlite.studies.plan_references import find_reference_faults
from xlite.studies.plan_settings import PlannedSettings, WeightFiles
from xlite.studies.plan_tables import ID_FORM, Faults, Table, is_id
from xlite.studies.study_plan import Finally, Phase, StudyPlan

_REMEDY = "Pass a study's plan, a TOML file: `xlite study check PLAN.toml`."
_CONFIG_REMEDY = "Name a settings file or a run's config.json in the plan: config = FILE."
_TABLES = ("settings", "data", "cache", "running", "slurm", "axes", "search", "finally")
_ARRAYS = ("experiment", "phase", "rule", "ask")
_MOST_REST = 86_400

_DATA: Final = ("split", "labels", "cache", "images", "out")
_OF_TRAIN: Final = ("resume", "tune", "power-safe")
"""Options of `train` that a settings file may have, and that are no part of a plan."""


@dataclass(frozen=True)
class PlanSource:
    """A plan as it was given: the text of the file, and that of the settings file it names."""

    path: Path
    text: str
    base: str | None = None


def read_plan(path: Path) -> PlanSource:
    """The texts of the plan in `path` and of the settings file beside it that it names.

    Raises InputError for a file that can't be read or is no TOML; `parse_plan` checks the rest.
    """
    text = decode_toml(
        read_own_bytes(path, max_bytes=MEBIBYTE, remedy=_REMEDY), path, remedy=_REMEDY
    )
    config = parse_toml(text, str(path)).get("config")
    if not isinstance(config, str) or not config:
        return PlanSource(path, text)
    file = path.parent / config
    content = read_own_bytes(file, max_bytes=MAX_JSON_BYTES, remedy=_CONFIG_REMEDY)
    return PlanSource(path, text, decode_toml(content, file, remedy=_CONFIG_REMEDY))


def parse_plan(text: str, base: str | None, *, where: str, root: Path | None = Path()) -> StudyPlan:
    """The plan in the text of its file; `base` is the text of the settings file it names.

    root: the folder that the plan's paths start from, of which the files of weights are read;
    None where they are not there, as in a copy of its ledger: settings then lack their sums.
    Raises PlanError with a line for each fault, which begins with `where`.
    """
    faults = Faults()
    top = Table(parse_toml(text, where), where, faults)
    tables = {name: _open(top, name) for name in _TABLES}
    arrays = {name: _open_all(top, name) for name in _ARRAYS}
    shared = _read_base(top, base, tables["settings"])
    name = top.text("name", Path(where).stem)
    if not is_id(name):
        faults.add(f"{where}: {name!r} is no name for a study: use {ID_FORM}.")
    ending = tables["finally"]
    finish = read_finally(ending) if ending else Finally()
    seeds, growth = read_seeds(top, shared.seeds or (shared.settings.settings.seed,))
    given = Given(
        settings=shared.settings,
        seeds=seeds,
        files=WeightFiles(root, faults),
        # What is chosen by it falls back on validation: one fault is enough.
        score=finish.score if finish.score.part != "test" else Finally().score,
    )
    experiments = [read_experiment(one, given) for one in arrays["experiment"]]
    variants = read_axes(tables["axes"], given) if tables["axes"] else []
    slurm = tables["slurm"]
    plan = StudyPlan(
        name=name,
        question=top.text("question"),
        experiments=tuple(mark_budgets([*experiments, *variants])),
        phases=tuple(_read_phases(tables["search"], arrays["phase"], given, faults, where)),
        rules=tuple(read_rule(one, given) for one in arrays["rule"]),
        asks=tuple(read_ask(one) for one in arrays["ask"]),
        finish=finish,
        growth=settle_growth(growth, tables["axes"], variants, top),
        baseline=top.text("baseline") or None,
        rest_seconds=top.number("rest", 0.0, high=_MOST_REST) or 0.0,
        slurm=read_slurm(slurm) if slurm else None,
        **_read_places(tables, shared),
    )
    top.end()
    _require_sound(plan, faults, where)
    return plan


def _require_sound(plan: StudyPlan, faults: Faults, where: str) -> None:
    if not plan.experiments and not plan.phases and not faults.found:
        faults.add(f"{where} trains nothing. Name an [[experiment]], [axes] or a [search].")
    references = find_reference_faults(plan, is_whole=not faults.found)
    for fault in references or ([] if faults.found else find_path_faults(plan)):
        faults.add(f"{where}: {fault}")
    faults.require_none()


def _open(top: Table, name: str) -> Table | None:
    value = top.take(name)
    if value is None or isinstance(value, dict):
        return None if value is None else Table(value, f"{top.where}: [{name}]", top.faults)
    top.faults.add(f"{top.where}: {name} is a table: [{name}].")
    return None


def _open_all(top: Table, name: str) -> list[Table]:
    value = top.take(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        top.faults.add(f"{top.where}: {name} is one table each, in double brackets: [[{name}]].")
        return []
    tables = []
    for number, one in enumerate(value, start=1):
        id_ = one.get("id")
        called = id_ if isinstance(id_, str) and is_id(id_) else f"number {number}"
        tables.append(Table(one, f"{top.where}: [[{name}]] {called}", top.faults))
    return tables


def _read_phases(
    search: Table | None, tables: list[Table], given: Given, faults: Faults, where: str
) -> Iterator[Phase]:
    if search is not None and tables:
        faults.add(f"{where}: [search] is a single phase. Keep it, or the [[phase]] tables.")
    if search is not None:
        yield read_phase(search, given, None, name="search")
        return
    previous = None
    for table in tables:
        previous = read_phase(table, given, previous)
        yield previous


@dataclass(frozen=True)
class _Base:
    """What the settings file and `[settings]` give: settings, seeds, places, the machine."""

    settings: PlannedSettings = field(default_factory=PlannedSettings)
    seeds: tuple[int, ...] = ()
    data: Mapping[str, Any] | None = None
    running: Mapping[str, Any] | None = None


def _read_base(top: Table, text: str | None, settings: Table | None) -> _Base:
    found = _Base()
    config = top.text("config")
    if config and text is None:
        top.faults.add(f"{top.where}: the settings file {config} is missing. {_CONFIG_REMEDY}")
    if text is not None:
        with top.faults.kept():
            found = _read_config(_parse_config(text, Path(config or "config")))
    if settings is None:
        return found
    values = dict(settings.values)
    seed = settings.whole("seed", -1, high=2**32 - 1) if "seed" in values else -1
    values.pop("seed", None)
    with top.faults.kept():
        changed = found.settings.change(values, where=settings.where)
        found = replace(found, settings=changed, seeds=(seed,) if seed >= 0 else found.seeds)
    return found


def _parse_config(text: str, path: Path) -> SettingsFile:
    # No TOML begins with a brace.
    is_json = text.lstrip().startswith("{")
    return parse_record(text.encode(), path) if is_json else parse_toml_settings(text, path)


def _read_config(file: SettingsFile) -> _Base:
    """What a settings file says that a plan has a place for."""
    if file.weights:
        raise InputError(
            f"{file.path}: the run began with a file that is not in its record. Name it in "
            f"[settings]: {file.weights[0]} = FILE."
        )
    groups: dict[str, dict[str, Any]] = {"settings": {}, "data": {}, "running": {}, "seeds": {}}
    for key, value in file.values.items():
        group = _group_of(key[-1].replace("_", "-"), is_part=len(key) > 1)
        if group == "settings" and len(key) > 1:
            groups[group].setdefault(key[0], {})[key[1]] = value
        elif group:
            groups[group]["model" if key[0] == "models" else key[0]] = value
        elif not file.is_record and key[0].replace("_", "-") not in _OF_TRAIN:
            groups["settings"][key[0]] = value  # to be refused with its suggestions
    # A plan's runs are the same on each machine: what a GPU would choose is no setting of them.
    if groups["settings"].get("precision") == "auto":
        del groups["settings"]["precision"]
    faults = Faults()
    table = Table(groups["seeds"], str(file.path), faults)
    one = (table.whole("seed", 0, high=2**32 - 1),) if "seed" in groups["seeds"] else ()
    seeds = table.seeds("seeds", one)
    faults.require_none()
    settings = PlannedSettings().change(groups["settings"], where=str(file.path))
    return _Base(settings, seeds, groups["data"], groups["running"])


def _group_of(name: str, *, is_part: bool) -> str | None:
    places = setting_places()
    if is_part or name in ("model", "models", "weights", "warm-start", "pretrained", *PARTS):
        return "settings"
    if name in ("seed", "seeds"):
        return "seeds"
    if name in places:
        return "settings"
    if name in _DATA:
        return "data"
    runtime = {Runtime.option(field).lstrip("-") for field in Runtime.model_fields}
    return "running" if name in runtime else None


def _read_places(tables: Mapping[str, Table | None], shared: _Base) -> dict[str, Any]:
    """The fields of the plan that say where and on what it runs; the plan's own tables go first."""

    def merged(name: str, base: Mapping[str, Any] | None) -> Table:
        table = tables[name]
        own = table.values if table else {}
        faults = table.faults if table else Faults()
        known = {key.replace("-", "_") for key in own}
        rest = {k: v for k, v in (base or {}).items() if k.replace("-", "_") not in known}
        return Table({**rest, **own}, table.where if table else f"[{name}]", faults)

    cache = tables["cache"]
    return {
        **read_data(merged("data", shared.data)),
        "runtime": read_runtime(merged("running", shared.running)),
        "build": read_cache(cache) if cache else None,
    }

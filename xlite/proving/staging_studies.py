"""A study's ledger and records as they go into a bundle, without who and where its agents were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xlite.files import read_json, write_json, write_text
from xlite.judging.comparison import COMPARISON_RECORD
from xlite.places import ON_SPLIT, SEALED_LOOK, STUDY_RECORD, STUDY_VERDICTS
from xlite.proving import layout
from xlite.proving.scrubbing import Scrubber
from xlite.studies.folder import StudyFolder
from xlite.studies.ledger_entries import ENTRY, Entry
from xlite.studies.recorded_plan import read_state, texts_in_force

_PERSON = "person"
_ROOT = "../../.."
"""From a study's folder to where a bundle's paths start from."""
_RECORDS = (STUDY_RECORD, COMPARISON_RECORD, STUDY_VERDICTS, SEALED_LOOK)
_REMEDY = "Restore it, or leave the study out."


def stage_study(study: StudyFolder, root: Path, scrubber: Scrubber) -> None:
    """Lay out the ledger of a study, its plan, and what was found at its end."""
    state = read_state(study)
    target = layout.study_dir(root, study.path.name)
    entries = list(study.ledger.entries)
    agents = dict.fromkeys(_name_agents(entries))
    names = {name: f"agent-{place}" for place, name in enumerate(agents, start=1)}
    for number, entry in enumerate(entries, start=1):
        content = _strip(ENTRY.dump_python(entry, mode="json"), names, scrubber)
        write_json(target / "ledger" / f"{number:06d}.json", content)
    write_text(target / study.plan_file.name, scrubber.text(texts_in_force(state)[0]))
    for folder in (study.path, *sorted(study.path.glob(f"{ON_SPLIT}*/"))):
        place = target / folder.relative_to(study.path)
        for name in _RECORDS:
            if (folder / name).is_file():
                record = _strip(read_json(folder / name, remedy=_REMEDY), names, scrubber)
                write_json(place / name, record)


def _name_agents(entries: list[Entry]) -> list[str]:
    holders = [entry.holder for entry in entries if entry.kind == "release"]
    return [name for name in (*(one.agent for one in entries), *holders) if name != _PERSON]


def _strip(content: Any, agents: dict[str, str], scrubber: Scrubber) -> Any:
    """Plain values with agents numbered, persons unnamed, the root ours, and texts scrubbed."""
    if isinstance(content, list):
        return [_strip(one, agents, scrubber) for one in content]
    if not isinstance(content, dict):
        return scrubber.content(content)
    found = {}
    for key, value in content.items():
        if key in ("agent", "holder", "who") and isinstance(value, str):
            is_known = value in ("rule", _PERSON)
            found[key] = value if is_known else agents.get(value, _PERSON)
        elif key == "root":
            found[key] = _ROOT
        elif key in ("plan", "base") and isinstance(value, str):
            found[key] = scrubber.text(value)
        elif isinstance(value, dict | list):
            found[key] = _strip(value, agents, scrubber)
        else:
            found |= scrubber.content({key: value})
    return found

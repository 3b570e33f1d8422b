"""Evidence on the patients of each part: how many, who they are, what they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xlite.labels import NO_FINDING, has_no_finding
from xlite.proving.checklists.evidence.data import count_unread, list_criteria
from xlite.proving.checklists.evidence.proof import (
    Finding,
    Gap,
    Proof,
    contradict,
    join,
    require_more,
)
from xlite.proving.checklists.subject import Subject
from xlite.reporting.log_markdown import join_command
from xlite.tables.manifest import Manifest

if TYPE_CHECKING:
    from numpy.typing import NDArray


def flow(subject: Subject) -> Finding:
    """Patients and images of each part, with and without findings, and those left out."""
    record = subject.record
    uncounted = list_criteria(record)
    if uncounted:
        return Gap(
            shown=f"the split was made of {'; '.join(uncounted)}: how many that left out is in no "
            "file",
            remedy="State the numbers before and after each step.",
        )
    unread = count_unread(subject)
    told = [
        f"{part} {len(one):,} images of {len(set(one.patient_ids)):,} patients, "
        f"{one.num_no_finding:,} of them {NO_FINDING.lower()}"
        for part, one in subject.split.parts.items()
    ]
    left_out = record.images_left_out or 0
    return Proof(
        shown=f"{'; '.join(told)}; left out: {left_out:,} for whom they are of, "
        f"{unread:,} that could not be read",
        numbers={f"images_{part}": len(one) for part, one in subject.split.parts.items()}
        | {"left_out": left_out, "unreadable": unread},
        files=_part_files(subject),
        command=_audit(subject),
    )


def flow_diagram(subject: Subject) -> Finding:
    """The numbers of a diagram; none is drawn."""
    return require_more(flow(subject), "Draw the diagram of these numbers, and state where it is.")


def events(subject: Subject) -> Finding:
    """Images, patients and positives of each label in each part."""
    parts = subject.split.parts
    recorded = dict(zip(subject.run.labels, subject.run.data.train_positives, strict=True))
    counted = _positives(parts["train"])
    if any(counted.get(label, 0) < count for label, count in recorded.items()):
        return contradict(
            "the run counts more positives in training than the split's file has",
            "Restore the split's files.",
        )
    told = []
    numbers: dict[str, float] = {}
    for part, one in parts.items():
        numbers |= {f"{part}.{label}": count for label, count in _positives(one).items()}
        positives = ", ".join(f"{label} {count:,}" for label, count in _positives(one).items())
        told.append(f"{part} {len(one):,} images ({positives})")
    return Proof(
        shown="; ".join(told),
        numbers=numbers,
        files=_part_files(subject),
        command=_audit(subject),
    )


def characteristics(subject: Subject) -> Finding:
    """Age, sex, view and findings in each part."""
    told: list[str] = []
    numbers: dict[str, float] = {}
    for part, one in subject.split.parts.items():
        ages = one.table["age"].to_numpy(dtype=float)
        sexes = one.table["sex"].to_numpy(dtype=str)
        if np.isnan(ages).all() or not (sexes != "").any():
            return Gap(
                shown=f"the split's {part} part has no age or no sex",
                remedy="Make the split from a label table that has both.",
            )
        low, middle, high = np.nanpercentile(ages, [25, 50, 75])
        numbers |= {f"{part}.age_median": float(middle)} | {
            f"{part}.{sex}": int((sexes == sex).sum()) for sex in sorted(set(sexes) - {""})
        }
        told.append(
            f"{part}: age {middle:g} (quartiles {low:g} to {high:g}), sex {_count(sexes)}"
            f"{_tell_views(one)}"
        )
    found = Proof(
        shown=f"{'; '.join(told)}, of images",
        numbers=numbers,
        files=_part_files(subject),
        command=_audit(subject),
    )
    return join(found, events(subject))


def all_characteristics(subject: Subject) -> Finding:
    """What files say of the patients; dates and treatments they do not."""
    return require_more(characteristics(subject), "State dates and treatments.")


def part_differences(subject: Subject) -> Finding:
    """That the parts are of one table, and how far their prevalence differs."""
    record = subject.record
    if record.given is not None or record.hold_out is not None:
        return Gap(
            shown="the parts are not drawn at random from one table",
            remedy="State how setting, eligibility and labels differ.",
        )
    prevalence = {part: (one.labels == 1).mean(axis=0) for part, one in subject.split.parts.items()}
    widest = max(
        float(np.abs(values - prevalence["train"]).max()) for values in prevalence.values()
    )
    drawn = Proof(
        shown="all parts are drawn from one label table, so that setting, eligibility and labels "
        f"are the same; prevalence differs from training by at most {100 * widest:.2f} points",
        numbers={"largest_difference_pp": round(100 * widest, 4)},
        files=_part_files(subject),
        command=_audit(subject),
    )
    return join(drawn, characteristics(subject))


def other_findings(subject: Subject) -> Finding:
    """What images without a finding have instead, on the part that is judged."""
    parts = subject.split.parts
    part = next(name for name in ("test", "val", "train") if name in parts)
    labels = parts[part].labels
    healthy = has_no_finding(labels)
    told: list[str] = []
    numbers: dict[str, float] = {}
    for column, label in enumerate(parts[part].vocabulary):
        without = labels[:, column] == 0
        if not without.any():
            continue
        share = float(((labels == 1).any(axis=1) & without).sum() / without.sum())
        numbers[label] = round(share, 6)
        told.append(f"{label} {share:.0%}")
    return Proof(
        shown=f"of the {part} films without each finding, the share with another: "
        f"{', '.join(told)}; {healthy.mean():.0%} of all have {NO_FINDING.lower()}",
        numbers=numbers,
        files=_part_files(subject),
        command=_audit(subject),
    )


def _positives(part: Manifest) -> dict[str, int]:
    counts = zip(part.vocabulary, part.positives, strict=True)
    return {label: int(count) for label, count in counts}


def _tell_views(part: Manifest) -> str:
    views = part.table["view"].to_numpy(dtype=str)
    return f", view {_count(views)}" if (views != "").any() else ""


def _count(texts: NDArray[np.str_]) -> str:
    """Each text with its number of films, as the table writes it."""
    values, counts = np.unique(texts, return_counts=True)
    pairs = zip(values, counts, strict=True)
    return ", ".join(f"{value or 'unknown'} {count:,}" for value, count in pairs)


def _part_files(subject: Subject) -> tuple[str, ...]:
    return tuple((subject.split_dir / f"{part}.csv").as_posix() for part in subject.split.parts)


def _audit(subject: Subject) -> str:
    return join_command(["xlite", "split", str(subject.split_dir), "--audit"])

"""Evidence on the data: the split, what is missing, what leaks, how images are prepared."""

from __future__ import annotations

from xlite.labels import UNKNOWN
from xlite.places import SPLIT_RECORD
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
from xlite.reporting.log_runs import describe_preprocessing
from xlite.results.split import SplitRecord
from xlite.run_folder.paths import name_run_files
from xlite.splitting.leakage import audit_parts
from xlite.tables.sources.registry import SOURCES

_RESPLIT = "Run `xlite split` on the whole label table, and train on that split."


def preprocessing(subject: Subject) -> Finding:
    """How an image becomes the model's input, as config and weights both say."""
    run = subject.run
    made = run.preprocessing
    if made is None:
        return Gap(
            shown="the run is of version 0.1, which did not note how its images were made",
            remedy="Train the run again.",
        )
    described = run.weights_description
    if described is None or not described.preprocessing.agrees_with(made):
        return contradict(
            "the weights describe another preparation of images than the run's config",
            "Restore the run's files, or train it again.",
        )
    clahe = made.clahe
    options = ("--size", clahe.size, "--clip", clahe.clip, "--grid", clahe.grid, "--fit", clahe.fit)
    images = ("--split", str(run.data.split_dir or "SPLIT"), "--images", "DIR", "--out", "DIR")
    return Proof(
        shown=f"{describe_preprocessing(made)}; the weights say the same",
        numbers={"image_size": made.image_size, "clahe_size": clahe.size, "clip": clahe.clip},
        files=name_run_files(run, "config", "weights"),
        command=join_command(["xlite", "cache-clahe", *images, *map(str, options)]),
    )


def acquisition_and_preprocessing(subject: Subject) -> Finding:
    """The preparation; the acquisition is in no file."""
    return require_more(preprocessing(subject), "State devices and protocols.")


def preparation(subject: Subject) -> Finding:
    """One preparation for all films, and how many could not be read."""
    unread, films = count_unread(subject), sum(map(len, subject.split.parts.values()))
    if unread < 0:
        return contradict("the run has more images than its split", "Restore the split's files.")
    checked = Proof(
        shown=f"the same for every film, whoever's; {unread:,} of {films:,} could not be read and "
        "are left out",
        numbers={"unreadable": unread},
        files=name_run_files(subject.run, "config"),
    )
    return join(preprocessing(subject), checked)


def count_unread(subject: Subject) -> int:
    """Films of the split that the run could not read, but those that its policy leaves out."""
    images, policy = subject.run.data.images, subject.run.settings.policy
    is_whole = policy.views == "all" and not policy.one_per_patient and policy.min_age is None
    return sum(
        len(one) - images.get(part, 0)
        for part, one in subject.split.parts.items()
        if is_whole or part != "train"
    )


def subset(subject: Subject) -> Finding:
    """Which rows of the label table are in the split."""
    record = subject.record
    counts = {part: len(manifest) for part, manifest in subject.split.parts.items()}
    if counts != {part: held.images for part, held in record.parts.items()}:
        return contradict(
            f"{SPLIT_RECORD} counts other images than the split's files have", _RESPLIT
        )
    if record.given is not None:
        return Gap(
            shown=f"the parts were given in {', '.join(record.given)}: how they were chosen is in "
            "no file",
            remedy="State how.",
        )
    chosen, total = list_criteria(record), sum(counts.values())
    held = f"; test part: {', '.join(record.hold_out)}" if record.hold_out else ""
    if record.images_left_out:
        held += f", {record.images_left_out:,} other films of these patients left out"
    return Proof(
        shown=f"{total:,} films: "
        + (f"those of {'; '.join(chosen)}" if chosen else f"all rows of {_name_table(record)}")
        + held,
        numbers={"images": total},
        files=_split_files(subject),
        command=join_command(["xlite", "split", str(subject.split_dir), "--audit"]),
    )


def list_criteria(record: SplitRecord) -> list[str]:
    """By what some rows of the table were chosen, in words; none where all were taken."""
    table = record.table_format
    chosen = [f"a stratified {record.subset:g} of the table"] if record.subset is not None else []
    if table is not None and table.views not in (None, "all"):
        chosen.append(f"views {table.views}")
    if table is not None and table.min_age is not None:
        chosen.append(f"age {table.min_age:g} and above")
    if table is not None and table.one_per_patient:
        chosen.append("the first film of each patient")
    if table is not None and table.dataset in SOURCES and SOURCES[table.dataset].left_out:
        chosen.append(f"what the declaration of {table.dataset} takes in (docs/datasets.md)")
    if record.official_lists:
        chosen.append("the official lists")
    return chosen


def _name_table(record: SplitRecord) -> str:
    return record.source or "a table that was no file"


def missing_data(subject: Subject) -> Finding:
    """Unknown labels and unreadable films: how many, and what becomes of them."""
    parts = subject.split.parts
    unknown = {part: int((one.labels == UNKNOWN).sum()) for part, one in parts.items()}
    cells = sum(one.labels.size for one in parts.values())
    unread = count_unread(subject)
    policy, blank = subject.run.settings.policy, subject.record.blank
    known = ", ".join(f"{part} {count:,}" for part, count in unknown.items())
    return Proof(
        shown=f"{sum(unknown.values()):,} of {cells:,} labels are unknown ({known}): scores leave "
        f"them out, and training takes uncertain ones by the policy {policy.uncertain}, empty ones "
        f"by {policy.blank}; {unread:,} films could not be read and are left out"
        + (f"; empty cells of the table were taken as {blank}" if blank else ""),
        numbers={"unknown_labels": sum(unknown.values()), "labels": cells, "unreadable": unread},
        files=(*_split_files(subject), *name_run_files(subject.run, "config")),
        command=join_command(["xlite", "split", str(subject.split_dir), "--audit"]),
    )


def assignment(subject: Subject) -> Finding:
    """How the rows were dealt to the parts, with the sums of the files that came of it."""
    record, split = subject.record, subject.split
    if record.given is not None:
        return Gap(
            shown=f"the parts were given in {', '.join(record.given)}: how they came about is in "
            "no file",
            remedy="State how.",
        )
    total = sum(map(len, split.parts.values()))
    shares = {part: len(one) / total for part, one in split.parts.items()}
    told = ", ".join(f"{part} {100 * share:.1f} %" for part, share in shares.items())
    shown = f"by patient, stratified over the labels: {record.describe_making()}; images {told}"
    if record.max_deviation_pp is not None:
        shown += f"; prevalence differs by at most {record.max_deviation_pp:.2f} points"
    return Proof(
        shown=f"{shown}; files as their SHA-256 say",
        numbers={f"share_{part}": round(share, 6) for part, share in shares.items()},
        files=_split_files(subject),
        command=_split_command(subject),
    )


def disjoint(subject: Subject) -> Finding:
    """That no patient and no image is in two parts, counted anew."""
    audit = audit_parts(subject.split.parts)
    if audit.has_leakage:
        return contradict(audit.describe_leakage(), _RESPLIT)
    patients = {part: len(set(one.patient_ids)) for part, one in subject.split.parts.items()}
    told = ", ".join(f"{part} {count:,}" for part, count in patients.items())
    return Proof(
        shown=f"the patient: of {told} patients none is in two parts, nor is any image",
        numbers={"patients_shared": 0, "images_shared": 0}
        | {f"patients_{part}": count for part, count in patients.items()},
        files=_split_files(subject),
        command=join_command(["xlite", "split", str(subject.split_dir), "--audit"]),
    )


def _split_files(subject: Subject) -> tuple[str, ...]:
    names = (*(f"{part}.csv" for part in subject.split.parts), SPLIT_RECORD)
    return tuple((subject.split_dir / name).as_posix() for name in names)


def _split_command(subject: Subject) -> str:
    record = subject.record
    words = ["xlite", "split", "--labels", record.source or "CSV", "--seed", str(record.seed)]
    if record.fold is None and record.hold_out is None and record.ratios is not None:
        words += ["--ratios", "/".join(f"{100 * ratio:g}" for ratio in record.ratios)]
    return join_command([*words, "--out", "DIR"])

"""XL010: a test part that bears the name of an official list, and is not that list."""

from __future__ import annotations

import numpy as np

from xlite.ids import NO_MATCH, match_image_names
from xlite.judging.checks.check import Check, Issue, NotApplicable, Observation, Passed
from xlite.judging.examined.split import ExaminedSplit
from xlite.labels import NIH_LABELS

_LEAST_SHARE = 0.99
_NIH_TEST_IMAGES = 25_596


def look(split: ExaminedSplit) -> Observation:
    """How many images of the official test list are in the test part, and how many of the test
    part's are on the list: 99 in 100 have to be, both ways (a few files can't be read).

    A split is said to be by the list where --test-list names one, where its record says that it was
    made of official lists, or where its folder is called official; else nothing is claimed. Without
    a list at hand, a test part of NIH's labels that is said to be official has to have about as
    many images as NIH's, 25,596.
    """
    if "test" not in split.parts:
        return NotApplicable("the split has no test part")
    names = split.test_names
    is_recorded = split.record is not None and split.record.official_lists
    if not (split.is_held_to_list or is_recorded or "official" in str(split.path).lower()):
        lies = "" if names is None else f", although {split.test_list} is here"
        return NotApplicable(
            f"nobody says that the test part is an official list{lies}. Pass --test-list to hold "
            "it to one"
        )
    test = split.parts["test"]
    if names is None:
        return _count_alone(len(test), is_nih=set(split.vocabulary) <= set(NIH_LABELS))
    on_list = {
        part: int(np.sum(match_image_names(table.image_ids, names) != NO_MATCH))
        for part, table in split.parts.items()
    }
    official, found = len(set(names)), on_list["test"]
    numbers = {"test images": len(test), "on the list": official, "of them in test": found}
    elsewhere = {part: count for part, count in on_list.items() if part != "test" and count}
    if not elsewhere and found >= _LEAST_SHARE * max(official, len(test)):
        return Passed(f"{found:,} of the list's {official:,} images are the test part", numbers)
    numbers |= {f"of them in {part}": count for part, count in elsewhere.items()}
    trained = "".join(f"; {count:,} of them are in {part}" for part, count in elsewhere.items())
    return Issue(
        f"the test part's {len(test):,} images hold {found:,} of the official list's "
        f"{official:,}{trained}.",
        numbers,
    )


def _count_alone(num_images: int, *, is_nih: bool) -> Observation:
    if not is_nih:
        return NotApplicable("the official test list is not at hand. Pass --test-list")
    numbers = {"test images": num_images, "on the list": _NIH_TEST_IMAGES}
    if abs(num_images / _NIH_TEST_IMAGES - 1) <= 1 - _LEAST_SHARE:
        return Passed(
            f"the test part has {num_images:,} images, and NIH's official list "
            f"{_NIH_TEST_IMAGES:,}; which they are was not looked at",
            numbers,
        )
    return Issue(
        f"the test part has {num_images:,} images, and NIH's official test list has "
        f"{_NIH_TEST_IMAGES:,}.",
        numbers,
    )


CHECK = Check(
    code="XL010",
    title="an official test list in name alone",
    severity="error",
    subject=ExaminedSplit,
    look=look,
    consequence="Its scores can't be set beside those that others have published on the list: the "
    "images are others, and easier or harder.",
    remedy="Make the split of the lists themselves (`xlite split --train-val-list FILE --test-list "
    "FILE`), or call it by what it is: a random part.",
)

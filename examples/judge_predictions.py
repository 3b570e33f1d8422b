"""Judge anybody's predictions: no model, no images, only probs beside labels.

Takes a CSV of labels and one or two CSVs of probs, each with a column that names the images and a
column a label, and says for each label the AUROC with an interval that counts patients, whether
the second model is better than the first, and at which threshold to call. Without files it makes
some up. A few seconds.

    python examples/judge_predictions.py
    python examples/judge_predictions.py --labels labels.csv --probs ours.csv --others theirs.csv
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

import xlite

IMAGE, PATIENT = "image", "patient"


def make_up(num_patients: int = 300) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Labels of patients with one to four images each, and the probs of a fair and a good model."""
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(num_patients), rng.integers(1, 5, num_patients))
    names = ["Effusion", "Mass", "Hernia"]
    targets = (rng.random((len(patients), 3)) < (0.3, 0.1, 0.02)).astype(int)
    # 1 in 20 is not known: it is -1, and left out of its label alone.
    targets[rng.random(targets.shape) < 0.05] = -1
    ids = pd.Index([f"image{row:04}.png" for row in range(len(patients))], name=IMAGE)
    labels = pd.DataFrame(targets, columns=names, index=ids).assign(**{PATIENT: patients})
    # Models that learned from the same images err on the same ones.
    shared = rng.normal(size=targets.shape)
    fair, good = (
        1 / (1 + np.exp(2 - strength * (targets == 1) - shared - rng.normal(size=targets.shape)))
        for strength in (1.2, 1.8)
    )
    return labels, pd.DataFrame(fair, ids, names), pd.DataFrame(good, ids, names)


def read(path: Path) -> pd.DataFrame:
    """A CSV whose rows are named by their image."""
    return pd.read_csv(path).set_index(IMAGE)


def main(labels: pd.DataFrame, probs: pd.DataFrame, others: pd.DataFrame | None) -> None:
    """Print what can be said of the probs, and of the others beside them."""
    # pandas puts the rows in one order here; xlite refuses those that are not.
    probs = probs.loc[labels.index]
    patients = labels[PATIENT]
    targets = labels.drop(columns=PATIENT)

    print("AUROC with its 95 % interval; images of one patient count as one patient's:")
    print(xlite.auroc_interval(targets, probs, patients=patients).to_frame().round(3).to_string())

    drawn = xlite.bootstrap_scores(targets, probs, patients=patients, num_resamples=500)
    mean, resampled = drawn.macro("average_precision")
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    print(f"\nmean average precision: {mean:.3f} ({low:.3f} to {high:.3f} over other patients)")

    thresholds = xlite.fit_thresholds(targets, probs, method="youden")
    print("\nthresholds by Youden's index, for use on other images:")
    print(pd.Series(thresholds, index=targets.columns).round(3).to_string())

    if others is not None:
        difference = xlite.compare_aurocs(
            targets, probs, others.loc[labels.index], patients=patients
        )
        print("\nAUROC of the others minus that of the first, on the same images:")
        print(difference.to_frame().round(3).to_string())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--labels", type=Path, help="image, patient, and a column a label")
    parser.add_argument("--probs", type=Path, help="image, and a column a label")
    parser.add_argument("--others", type=Path, help="the same of another model")
    arguments = parser.parse_args()
    if arguments.labels and arguments.probs:
        other = read(arguments.others) if arguments.others else None
        main(read(arguments.labels), read(arguments.probs), other)
    else:
        main(*make_up())

"""A study from Python: does the focal loss change anything, beyond chance, on these radiographs?

Draws synthetic radiographs, splits them by patient, checks the split and the balance of the
batches, trains the same model with two losses and two seeds each, and lets the rule decide. All
that a paper needs to be checked by somebody else is then in the folder. About a minute on two CPU
cores; the second time it takes what is finished.

    python examples/study.py --out /tmp/study
"""

from __future__ import annotations

import argparse
from pathlib import Path

import xlite


def main(out: Path, *, model: str, num_images: int, epochs: int) -> None:
    """Train two variants with two seeds each and print the verdict."""
    table = xlite.generate_synthetic(
        out / "raw", num_images=num_images, image_size=128, min_positives=max(5, num_images // 20)
    )

    # A split that is there already, of the same table and settings, is left as it is.
    split = xlite.split_by_patient(table, out=out / "splits", ratios="60/30/10", seed=0)
    parts = [out / "splits" / name for name in ("train.csv", "val.csv", "test.csv")]
    leaks = xlite.audit_split(parts)
    print(f"patients in two parts: {sum(leaks.patient_overlap.values())}")
    print(f"largest deviation of a label's prevalence: {split.max_deviation_pp:.1f} points")

    cached = xlite.cache_clahe(
        table,
        images=table.parent / "images",
        out=out / "clahe_cache",
        settings=xlite.ClaheSettings(size=64, grid=4),
        workers=1,
    )
    print(f"images cached: {cached.images}, not readable: {cached.failed}")

    sampler = xlite.SamplerSettings(name="max-entropy", min_ess=0.3)
    balance = xlite.verify_balance(split=out / "splits", sampler=sampler, batches=200)
    print(f"sampler {balance.sampler}: {balance.verdict}, CV {balance.chosen.cv:.2f}")

    baseline = xlite.TrainSettings(
        model=model,
        initial_weights="none",
        loss=xlite.LossSettings(name="bce"),
        sampler=sampler,
        epochs=epochs,
        batch_size=16,
        lr=3e-4,
        augment="light",
    )
    focal = baseline.model_copy(update={"loss": xlite.LossSettings(name="focal")})
    ablation = xlite.ablate(
        {"bce": baseline, "focal": focal},
        seeds=[0, 1],
        split=out / "splits",
        cache=out / "clahe_cache",
        out=out / "experiments",
        runtime=xlite.Runtime(num_workers=0),
        resume=True,
    )
    verdict = ablation.verdict["focal"]
    print(f"\nfocal against {ablation.baseline}: {verdict.decision}")
    for reason in verdict.reasons:
        print(f"  {reason}")

    comparison = xlite.compare(split=out / "splits", out=out / "experiments")
    columns = ["rank", "name", "seeds", "auroc", "average_precision"]
    print(f"\n{comparison.to_frame()[columns].round(3).to_string(index=False)}")
    runs = sorted(path.name for path in (out / "experiments" / "runs").iterdir())
    print(f"\n{len(runs)} run folders in {out / 'experiments' / 'runs'}; one of them:")
    run = xlite.read_run(out / "experiments" / "runs" / runs[0])
    print(f"  {run.name}: {len(run.history)} epochs, trained on {run.data.images['train']} images")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("study"))
    parser.add_argument("--model", default="resnet10t", help="a timm name, alone or with +mhsa")
    parser.add_argument("--num-images", type=int, default=400)
    parser.add_argument("--epochs", type=int, default=3)
    arguments = parser.parse_args()
    main(
        arguments.out,
        model=arguments.model,
        num_images=arguments.num_images,
        epochs=arguments.epochs,
    )

"""Options and arguments that nobody should pass, and somebody will."""

from __future__ import annotations

from pathlib import Path

import pytest
from hostile.cases import Case, nothing, run_case
from hostile.command_lines import CHECKED, TRAIN
from hostile.commands import Commands
from hostile.spoil import DIGITS

ABLATE = TRAIN.replace("train --models", "ablate --model")
BALANCE = "verify-balance --split data/splits --batches 2"


def refused(command: str, says: str) -> Case:
    shown = command.replace(TRAIN, "train …").replace(ABLATE, "ablate …").replace(DIGITS, "1…1")
    return Case(name=shown[:90], spoil=nothing, command=command, says=says, writes=CHECKED)


CASES = [
    *(
        refused(command, says)
        for command, says in (
            ("", "Usage|Commands"),
            ("trian", "trian"),
            ("--colour", "colour"),
            ("''", ""),
            ("'\x1b[2J'", "command"),
            ("'[red]'", r"\[red\]"),
            ("status extra", "extra"),
            ("status --interval 0", "interval"),
            ("status --interval nan --watch", "interval"),
            ("status --out ''", ""),
            ("models nobody", "nobody"),
            ("models resnet18+mhsa+mhsa", "mhsa"),
            ("models ../../etc/passwd", "passwd"),
            ("models '[red]'", r"\[red\]"),
            ("models hf-hub:somebody/theirs", "hf-hub"),
            ("demo --num-images 3", "num-images"),
            ("demo --epochs 0", "epochs"),
            ("demo --seed=-1", "seed"),
            ("demo extra", "extra"),
            ("split --ratios 70/15", "ratios"),
            ("split --ratios 0/0/0", "ratios"),
            ("split --ratios a/b/c", "ratios"),
            ("split --ratios=-1/1/1", "ratios"),
            ("split --ratios nan/1/1", "ratios"),
            ("split --ratios inf/1/1", "ratios"),
            ("split --ratios 1e400/1/1", "ratios"),
            ("split --ratios 100/0/0", "ratios"),
            ("split --ratios 1/1/1/1", "ratios"),
            ("split --ratios ''", "ratios"),
            ("split --ratios 1e-300/1/1", "ratios|part"),
            ("split --subset 0", "subset"),
            ("split --subset 2", "subset"),
            ("split --subset nan", "subset"),
            ("split --subset=-1", "subset"),
            ("split --seed many", "seed"),
            (f"split --seed {DIGITS}", "seed"),
            ("split --seed 99999999999999999999999", "seed"),
            ("split a.csv", "a.csv|--audit"),
            ("split --audit", "audit|file"),
            ("split --labels", "labels"),
            ("split --labels ''", "label"),
            ("split --labels 'a\nb.csv'", "label"),
            ("split --labels '[red].csv'", r"\[red\]"),
            (f"split --labels {'x' * 300}", "xxx"),
            ("split --patient-col Nobody", "Nobody"),
            ("split --label-cols Nobody", "Nobody"),
            ("split --labels-col Nobody", "Nobody"),
        )
    ),
    *(
        refused(f"{BALANCE} {options}", says)
        for options, says in (
            ("--batches 0", "batches"),
            ("--batches 100000000", "batches"),
            (f"--batches {DIGITS}", "batches"),
            ("--batch-size 0", "batch-size"),
            ("--sampler luck", "luck"),
            ("--sampler max-entrpy", "max-entropy"),
            ("--no-finding luck", "luck"),
            ("--no-finding share:2", "share"),
            ("--no-finding share:nan", "share"),
            ("--no-finding=-1", "no-finding"),
            ("--no-finding nan", "no-finding"),
            ("--strength 2", "strength"),
            ("--strength nan", "strength"),
            ("--min-ess 2", "min-ess|min_ess"),
            ("--min-repeat 1", "min-repeat|min_repeat"),
            ("--max-repeat 0", "max-repeat|max_repeat"),
            ("--max-repeat nan", "max-repeat|max_repeat"),
            ("--draw luck", "draw"),
            ("--sampler inverse-frequency --sampler-power nan", "power|inverse"),
            ("--sampler-power inf", "power"),
            ("--smoothing=-1", "smoothing"),
            ("--threshold 2", "threshold"),
            ("--threshold nan", "threshold"),
            ("--pos-weight luck", "luck"),
            ("--pos-weight 1,2", "pos-weight|2"),
            ("--focal-gamma=-1", "gamma"),
            ("--focal-alpha 2", "alpha"),
            ("--label-smoothing 2", "smoothing"),
            ("--split nowhere", "nowhere"),
            ("--split data/raw", "raw"),
            ("--decode --cache nowhere", "nowhere"),
        )
    ),
    *(
        refused(f"{TRAIN} {options}", says)
        for options, says in (
            ("--models nobody", "nobody"),
            ("--models ''", "model"),
            ("--models test_resnet,test_resnet", "test_resnet"),
            ("--models '[red]'", r"\[red\]"),
            ("--models ../foreign", "foreign"),
            ("--seeds ''", "seed"),
            ("--seeds 0,0", "seed"),
            ("--seeds 0,x", "seed"),
            ("--seeds=-1", "seed"),
            (f"--seeds {DIGITS}", "seed"),
            ("--loss fcal", "focal"),
            ("--loss ''", "loss"),
            ("--sampler luck", "luck"),
            ("--epochs 0", "epochs"),
            ("--epochs=-1", "epochs"),
            ("--epochs 1000000000000", "epochs"),
            (f"--epochs {DIGITS}", "epochs"),
            ("--batch-size 0", "batch"),
            ("--accumulate 0", "accumulate"),
            ("--accumulate 1000", "accumulate"),
            ("--image-size 0", "image.size"),
            ("--image-size 1", "image.size|size"),
            ("--image-size 1000000", "image.size|size"),
            ("--lr 0", "lr"),
            ("--lr=-1", "lr"),
            ("--lr nan", "lr"),
            ("--lr inf", "lr"),
            ("--lr 1e400", "lr"),
            ("--lr fast", "lr"),
            ("--layer-decay 2", "layer.decay"),
            ("--freeze-epochs=-1", "freeze"),
            ("--weight-decay nan", "weight.decay"),
            ("--weight-decay=-1", "weight.decay"),
            ("--schedule luck", "luck"),
            ("--warmup-epochs nan", "warmup"),
            ("--warmup-epochs=-1", "warmup"),
            ("--min-lr-factor 2", "min.lr"),
            ("--plateau-patience=-1", "patience"),
            ("--plateau-factor 1", "factor"),
            ("--monitor luck", "luck"),
            ("--early-stopping 0", "early"),
            ("--min-delta nan", "delta"),
            ("--ema-decay 1", "ema"),
            ("--clip-norm 0", "clip"),
            ("--clip-norm nan", "clip"),
            ("--augment luck", "luck"),
            ("--dropout 1", "dropout"),
            ("--dropout nan", "dropout"),
            ("--redraw-features=-1", "redraw"),
            ("--precision fp8", "fp8"),
            ("--device gpu", "gpu"),
            ("--device cuda:99", "cuda"),
            ("--device ''", "device"),
            ("--devices 0", "devices"),
            ("--devices 1000000", "devices"),
            ("--nodes 0", "nodes"),
            ("--nodes 2", "torchrun|nodes"),
            ("--workers=-1", "workers"),
            ("--workers 1000000", "workers"),
            ("--jobs 0", "jobs"),
            ("--jobs 1000000", "jobs"),
            ("--checkpoint-minutes=-1", "checkpoint"),
            ("--checkpoint-minutes nan", "checkpoint"),
            ("--pause=-1", "pause"),
            ("--pause inf", "pause"),
            ("--weights nowhere.safetensors --pretrained", "nowhere"),
            ("--warm-start nowhere.pt", "nowhere"),
            ("--split nowhere", "nowhere"),
            ("--cache nowhere", "nowhere"),
            ("--images nowhere", "nowhere"),
            ("--images data/raw/00000001_001.png", "00000001_001"),
            ("--labels nowhere.csv", "nowhere"),
            ("--labels mine.csv", "mine.csv"),
            ("--loss two-way --accumulate 2", "two-way"),
            ("--loss two-way --power-safe", "two-way"),
            ("--focal-gamma nan --loss focal", "gamma"),
            ("--pos-weight nan", "pos.weight"),
            ("--pos-weight-beta 2 --pos-weight effective-number", "beta"),
        )
    ),
    *(
        refused(f"{ABLATE} {options}", says)
        for options, says in (
            ("--losses fcal", "focal"),
            ("--losses bce,bce", "bce"),
            ("--losses bce", "baseline|variant|one"),
            ("--samplers luck", "luck"),
            ("--vary lr", "lr"),
            ("--vary lr=", "lr"),
            ("--vary lr=a,b", "lr"),
            ("--vary lr=1e-4,nan", "lr"),
            ("--vary luck=1,2", "luck"),
            ("--vary seed=1,2", "seed"),
            ("--vary model=test_vit,nobody", "nobody|model"),
            ("--vary lr=1e-4,1e-4", "lr"),
            ("--vary lr=1e-4,0.0001", "lr|twice|same"),
            ("--vary lr=1e-4,1e-3 --vary lr=1e-4,1e-2", "lr"),
            ("--baseline nobody", "nobody"),
            ("--losses bce,focal --baseline loss=ldam", "ldam"),
            ("--margin=-1", "margin"),
            ("--margin nan", "margin"),
            ("--seeds 0,0", "seed"),
            ("--device gpu --losses bce,focal", "gpu"),
        )
    ),
    *(
        refused(command, says)
        for command, says in (
            ("compare --by luck", "luck"),
            ("compare --by val.auroc --then luck", "luck"),
            ("compare --by ''", ""),
            ("compare --out nowhere", "nowhere"),
            ("compare --split nowhere", "nowhere"),
            ("report --runs nobody", "nobody"),
            ("report --runs ../../foreign", "foreign"),
            ("report --runs ,", "run"),
            ("report --experiments val.csv", "val.csv"),
            ("log", "Usage|add"),
            ("log remove", "remove"),
            ("log add --id x", "x"),
            ("log add --run ../../foreign", "foreign"),
            ("evaluate a b", "b"),
        )
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_option(case: Case, commands: Commands, sound: Path, tmp_path: Path) -> None:
    run_case(case, commands, sound, tmp_path)

"""`xlite probe`: which backbone, image size and CLAHE are worth a run."""

from __future__ import annotations

import typer

from xlite import console, places
from xlite.cli import options
from xlite.cli import probe_options as given
from xlite.cli.expansion import expand_groups
from xlite.cli.names import split_names
from xlite.cli.predicting_options import PredictingOptions
from xlite.cli.probe_options import read_sizes
from xlite.cli.probe_tables import print_probe
from xlite.own_process import keep_freed_memory
from xlite.signals import catch_stop_signals

_EPILOG = (
    "Example: xlite probe --models efficientnet_b0,convnext_tiny,resnet18 --split data/folds\n\n"
    "Example: xlite probe --models resnet18 --image-sizes 224,320 --cache data/clahe_2 "
    "--cache data/clahe_4"
)


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("probe", rich_help_panel="Training", epilog=_EPILOG)(expand_groups(probe))


def probe(
    predicting: PredictingOptions,
    models: given.Models,
    image_sizes: given.ImageSizes = None,
    cache: given.Caches = None,
    split: given.Split = places.SPLIT_DIR,
    labels: options.CheckedLabels = None,
    weights: given.Weights = None,
    pretrained: given.Pretrained = True,
    views: given.Views = 4,
    features: given.Features = places.FEATURES_DIR,
    out: given.Out = places.PROBE_DIR,
    json: options.Json = False,
) -> None:
    """Rank backbones, image sizes and CLAHE settings by linear heads, in minutes, before any run.

    Every film goes through every backbone once, as runs start with it; the features are kept, and
    found again. Linear heads are fitted to them over the folds, with a penalty that is chosen
    within the training films, and ranked by macro AUROC as `xlite compare` ranks: equal ranks are
    not told apart. Stopped at any moment, the same command goes on where it was.
    """
    from xlite.workflows.probe import probe as workflow

    keep_freed_memory()
    found = workflow(
        split_names(models),
        image_sizes=read_sizes(image_sizes),
        split=split,
        labels=labels,
        cache=cache or places.CACHE_DIR,
        weights=weights or (),
        pretrained=pretrained,
        views=views,
        features=features,
        out=out,
        runtime=predicting.to_runtime(),
        stopping=catch_stop_signals,
        command=options.typed_command(),
    )
    if json:
        console.result_json(found.to_json())
    else:
        print_probe(found)
    console.say(f"written: {', '.join(str(out / name) for name in found.files[:2])}")

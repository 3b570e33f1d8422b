"""What is shown of a sample plan."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from xlite import console

if TYPE_CHECKING:
    from xlite.results.sample_plan import SamplePlan


def print_sample_plan(plan: SamplePlan) -> None:
    """Show what each label needs, what the mean over them needs, and what was assumed."""
    console.table(
        f"AUROC on {plan.source}: {plan.images:,} images of {plan.patients:,} patients",
        [
            "label",
            "positives",
            "patients",
            "AUROC",
            "±",
            f"for ±{plan.width:g}",
            "films",
            "told",
        ],
        [
            [
                row.label,
                f"{row.positives:,}",
                f"{row.patients:,}",
                console.decimal(row.auroc),
                console.decimal(row.half_width),
                _count(row.positives_needed),
                _count(row.images_needed),
                console.decimal(row.detectable),
            ]
            for row in plan.per_class
        ],
        drop_first=["patients", "AUROC"],
        caption=f"{100 * plan.level:g} % intervals; positives and films for ±{plan.width:g}. Told: "
        f"the smallest difference of two methods found with {100 * plan.power:g} % chance, however "
        "many seeds.",
    )
    macro = plan.macro
    if math.isnan(macro.half_width):
        console.warn("no label has positives and negatives: nothing can be planned.")
        return
    told = f"difference {plan.difference:g}"
    console.table(
        f"Macro AUROC, two methods of {plan.seeds} seeds each",
        ["to tell", "now", "takes"],
        [
            [
                f"interval ±{plan.width:g}",
                f"±{console.decimal(macro.half_width)}",
                f"{_count(macro.images_needed)} films",
            ],
            [
                told,
                console.decimal(macro.detectable),
                f"{_count(macro.images_for_difference)} films",
            ],
            [f"{told}, these films", "", f"{_count(macro.seeds_for_difference)} seeds"],
            *(
                [f"{told}, {count} seeds", "", f"{_count(images)} films"]
                for count, images in macro.images_by_seeds.items()
            ),
        ],
        caption="Assumed: "
        + ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in plan.assumed.items()),
    )


def _count(number: float) -> str:
    """A number of images or seeds; that no number is enough is said.

    >>> _count(1200.0), _count(math.inf), _count(math.nan)
    ('1,200', 'no number of', '-')
    """
    if math.isnan(number):
        return "-"
    return "no number of" if math.isinf(number) else f"{number:,.0f}"

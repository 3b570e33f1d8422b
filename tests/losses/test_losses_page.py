"""docs/losses.md names every loss, and every option with its default."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from xlite.cli.loss_options import LossOptions
from xlite.losses.class_weights import LOSS_NAMES
from xlite.settings import LossSettings

PAGE = (Path(__file__).parents[2] / "docs" / "losses.md").read_text(encoding="utf-8")


def test_the_table_has_every_loss_in_order() -> None:
    table = PAGE.split("| name | formula |")[1].split("\n\n")[0]
    assert tuple(re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)) == LOSS_NAMES


def test_options_are_shown_with_their_defaults() -> None:
    table = PAGE.split("| loss | options |")[1].split("\n\n")[0]
    defaults = LossSettings()
    for field in LossSettings.model_fields:
        if field != "name":
            option = LossSettings.option(field)
            value = getattr(defaults, field)
            is_unset = value is None or value is False
            assert (f"`{option}`" if is_unset else f"`{option} {value}`") in table


def test_each_setting_has_its_option_with_the_same_default() -> None:
    fields = {field.name for field in dataclasses.fields(LossOptions)}
    expected = {
        LossSettings.option(field).removeprefix("--").replace("-", "_")
        for field in LossSettings.model_fields
    }
    assert fields == expected - {"loss"}
    for name in LOSS_NAMES:
        assert LossOptions().to_settings(name) == LossSettings(name=name)


def test_numbers_of_focal_options_are_one_or_many() -> None:
    settings = LossOptions(focal_alpha="0.2, 0.3", focal_gamma="1").to_settings("focal")
    assert settings.focal_alpha == (0.2, 0.3)
    assert settings.focal_gamma == 1.0
    assert LossOptions(focal_alpha="balanced").to_settings("focal").focal_alpha == "balanced"

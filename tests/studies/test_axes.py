from __future__ import annotations

import pytest

from xlite.errors import InputError
from xlite.settings import LossSettings, SamplerSettings, TrainSettings
from xlite.studies.axes import Axis, Combination, _find_field, plan_runs, plan_variants

BASE = TrainSettings(
    model="test_resnet",
    loss=LossSettings(name="bce"),
    sampler=SamplerSettings(name="none"),
    seed=7,
)
LOSSES = Axis("loss", ("bce", "focal"))
SAMPLERS = Axis("sampler", ("none", "max-entropy"))


def names(*axes: Axis, **options: object) -> list[str]:
    return [variant.name for variant in plan_variants(BASE, axes, **options)]  # type: ignore[arg-type]


def test_one_axis_names_each_value_and_the_first_is_the_baseline() -> None:
    variants = plan_variants(BASE, [Axis("loss", ("bce", "focal", "zlpr"))])
    assert [variant.name for variant in variants] == ["loss=bce", "loss=focal", "loss=zlpr"]
    assert [variant.settings.loss.name for variant in variants] == ["bce", "focal", "zlpr"]
    others = {v.settings.model_copy(update={"loss": BASE.loss}) for v in variants}
    assert others == {BASE}


def test_each_axis_is_varied_apart_unless_the_product_is_asked_for() -> None:
    assert names(LOSSES, SAMPLERS) == [
        "loss=bce,sampler=none",
        "loss=focal",
        "sampler=max-entropy",
    ]
    assert names(LOSSES, SAMPLERS, product=True) == [
        "loss=bce,sampler=none",
        "loss=bce,sampler=max-entropy",
        "loss=focal,sampler=none",
        "loss=focal,sampler=max-entropy",
    ]


@pytest.mark.parametrize("baseline", ["focal", "loss=focal", "loss=focal,none"])
def test_another_baseline_can_be_named(baseline: str) -> None:
    assert names(LOSSES, SAMPLERS, baseline=baseline)[0] == "loss=focal,sampler=none"


@pytest.mark.parametrize(
    ("baseline", "message"), [("zlpr", "not varied"), ("sampler=bce", "not varied")]
)
def test_a_baseline_that_is_not_varied_is_refused(baseline: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        names(LOSSES, SAMPLERS, baseline=baseline)


def test_a_value_of_two_axes_is_an_ambiguous_baseline() -> None:
    axes = (Axis("lr", ("1", "2")), Axis("focal-gamma", ("1", "2")))
    with pytest.raises(InputError, match="ambiguous"):
        names(*axes, baseline="2")
    assert names(*axes, baseline="lr=2")[0] == "lr=2,focal-gamma=1"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("lr", "3e-4", 3e-4),
        ("epochs", "3", 3),
        ("csra-lambda", "0.5", 0.5),
        ("horizontal-flip", "true", True),
        ("image-size", "none", None),
        ("augment", "none", "none"),
        ("model", "test_resnet+mhsa", "test_resnet+mhsa"),
    ],
)
def test_a_setting_of_training_has_the_type_of_its_field(
    name: str, text: str, expected: object
) -> None:
    other = {"image-size": "64", "augment": "light", "horizontal-flip": "false"}.get(name, "1")
    other = "test_resnet" if name == "model" else other
    changed = plan_variants(BASE, [Axis(name, (text, other))])[0].settings
    assert getattr(changed, name.replace("-", "_")) == expected


@pytest.mark.parametrize(
    ("name", "text", "part", "field", "expected"),
    [
        ("focal-gamma", "1.5", "loss", "focal_gamma", 1.5),
        ("focal-alpha", "balanced", "loss", "focal_alpha", "balanced"),
        ("pos-weight-power", "0.5", "loss", "power", 0.5),
        ("sampler-power", "0.5", "sampler", "power", 0.5),
        ("sampler-smoothing", "3", "sampler", "smoothing", 3.0),
        ("min-ess", "0.5", "sampler", "min_ess", 0.5),
        ("min-repeat", "0.5", "sampler", "min_repeat", 0.5),
    ],
)
def test_a_setting_of_loss_or_sampler_is_found_by_its_option(
    name: str, text: str, part: str, field: str, expected: object
) -> None:
    assert _find_field(name) == (part, field)
    changed = plan_variants(BASE, [Axis(name, (text, "0.25"))])[0].settings
    assert getattr(getattr(changed, part), field) == expected


@pytest.mark.parametrize(
    ("axis", "message"),
    [
        (Axis("foccal-gamma", ("1", "2")), "Did you mean focal-gamma"),
        (Axis("qqq", ("1", "2")), "Known: .*lr"),
        (Axis("lr", ("1e-3", "-1")), "--lr.*greater than 0"),
        (Axis("loss", ("bce", "hinge")), "--loss.*hinge"),
        (Axis("focal-alpha", ("0.5", "1.5")), "--focal-alpha"),
        (Axis("model", ("test_resnet", "resnet18x")), "resnet18x"),
        (Axis("seed", ("1", "2")), "--seeds"),
        (Axis("initial-weights", ("hub", "none")), "xlite compare"),
        (Axis("lr", ("1e-3", "0.001")), "same settings"),
        (Axis("lr", ("1e-3", "1e-3")), "more than once"),
        (Axis("lr", ("1e-3",)), "at least two"),
    ],
)
def test_wrong_axes_are_explained(axis: Axis, message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan_variants(BASE, [axis])


def test_an_axis_that_is_named_twice_is_refused() -> None:
    with pytest.raises(InputError, match="lr more than once"):
        plan_variants(BASE, [Axis("lr", ("1", "2")), Axis("lr", ("3", "4"))])


@pytest.mark.parametrize("text", ["lr", "lr=", "=1,2"])
def test_a_vary_without_name_or_values_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="NAME=VALUE"):
        Axis.parse(text)


def test_a_vary_may_be_written_like_the_option() -> None:
    assert Axis.parse("--focal_gamma= 1, 2") == Axis("focal-gamma", ("1", "2"))


def test_the_runs_of_a_seed_stand_together_under_distinct_names() -> None:
    plan = plan_runs(plan_variants(BASE, [LOSSES]), [0, 5])
    assert [(run.name, run.settings.seed, run.settings.loss.name) for run in plan] == [
        ("test_resnet:loss=bce:s0", 0, "bce"),
        ("test_resnet:loss=focal:s0", 0, "focal"),
        ("test_resnet:loss=bce:s5", 5, "bce"),
        ("test_resnet:loss=focal:s5", 5, "focal"),
    ]
    assert [run.name for run in plan_runs(plan_variants(BASE, [LOSSES]), [3])] == [
        "test_resnet:loss=bce",
        "test_resnet:loss=focal",
    ]


def test_a_varied_model_stands_in_the_variants_name_alone() -> None:
    models = Axis("model", ("test_resnet", "test_resnet+mhsa"))
    plan = plan_runs(plan_variants(BASE, [models]), [3])
    assert [run.name for run in plan] == ["model=test_resnet", "model=test_resnet+mhsa"]


BOTH = Combination("both", {"loss": "pos-weight", "sampler": "max-entropy"})


def test_a_combination_differs_from_the_baseline_in_all_of_its_settings() -> None:
    baseline, both = plan_variants(BASE, [], combinations=[BOTH])
    assert (baseline.name, both.name) == ("loss=bce,sampler=none", "both")
    assert baseline.settings == BASE
    assert (both.settings.loss.name, both.settings.sampler.name) == ("pos-weight", "max-entropy")
    same = {"loss": BASE.loss, "sampler": BASE.sampler}
    assert both.settings.model_copy(update=same) == BASE
    assert dict(baseline.values) == {"loss": "bce", "sampler": "none"}
    assert dict(both.values) == dict(BOTH.values)
    assert both.run_name(0, num_seeds=2) == "test_resnet:both:s0"


def test_combinations_stand_beside_axes() -> None:
    variants = plan_variants(
        BASE,
        [LOSSES, Axis("lr", ("1e-3", "1e-4"))],
        combinations=[BOTH, Combination("small", {"lr": "1e-5", "dropout": "0.5"})],
        baseline="focal",
    )
    assert [variant.name for variant in variants] == [
        "loss=focal,lr=1e-3,sampler=none,dropout=0.1",
        "loss=bce",
        "lr=1e-4",
        "both",
        "small",
    ]
    small = variants[-1].settings
    assert (small.loss.name, small.lr, small.dropout) == ("focal", 1e-5, 0.5)
    assert {frozenset(variant.values) for variant in variants} == {
        frozenset({"loss", "lr", "sampler", "dropout"})
    }


@pytest.mark.parametrize(
    ("combinations", "message"),
    [
        ([BOTH, BOTH], "--variant names both more than once"),
        ([BOTH, Combination("too", dict(BOTH.values))], "both and too are the same settings"),
        ([Combination("same", {"loss": "bce"})], "are the same settings"),
        ([Combination("a", {"los": "bce"})], "Did you mean loss"),
        ([Combination("a", {"loss": "fcal"})], "Did you mean focal"),
        ([Combination("a", {"seed": "1"})], "Pass --seeds"),
    ],
)
def test_a_combination_that_makes_no_sense_is_refused(
    combinations: list[Combination], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        plan_variants(BASE, [], combinations=combinations)


@pytest.mark.parametrize(
    "text",
    [
        *("both", "both:", ":loss=bce", "both:loss", "both:loss=", "both:=bce", "both:loss=bce,"),
        *(
            "a/b:loss=bce",
            "..:loss=bce",
            "a=b:loss=bce",
            "a b:loss=bce",
            "both:loss=bce,loss=focal",
        ),
    ],
)
def test_another_form_of_a_combination_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--variant"):
        Combination.parse(text)


def test_former_names_are_read_with_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    assert Axis.parse("strength=0.5,1").name == "sampler-strength"
    assert Combination.parse("weak:strength=0.5,draw=systematic").values == {
        "sampler-strength": "0.5",
        "sampler-draw": "systematic",
    }
    assert "note: strength is called sampler-strength now" in capsys.readouterr().err

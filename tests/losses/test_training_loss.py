"""Every named loss as the engine meets it: settings bound, unknown labels masked, no surprises."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from xlite.errors import InputError
from xlite.losses.asymmetric import asymmetric_loss
from xlite.losses.balanced import class_balanced_loss, distribution_balanced_loss
from xlite.losses.binary import bce_loss, focal_loss
from xlite.losses.class_weights import LOSS_NAMES
from xlite.losses.margin import ldam_loss, logit_adjusted_loss
from xlite.losses.pairwise import two_way_loss, zlpr_loss
from xlite.losses.ranking import auc_margin_loss, average_precision_loss
from xlite.losses.training_loss import build_training_loss
from xlite.settings import LossSettings

CPU = torch.device("cpu")
VOCABULARY = ("Effusion", "Mass", "Hernia")
POSITIVES = (200, 60, 4)
NUM_IMAGES = 1000
PAIRWISE = ("two-way", "zlpr", "auc-margin", "average-precision")
BOUNDED = ("auc-margin", "average-precision")
"""Losses of probs: one that is sure of itself, right or wrong, has no gradient."""
VARIANTS = [
    *({"name": name} for name in LOSS_NAMES),
    {"name": "focal", "focal_alpha": "balanced", "focal_gamma": (0.5, 1.0, 2.0)},
    {"name": "ldam", "reweight_epoch": 0, "beta": 0.99},
    {"name": "asymmetric", "asymmetric_margin": 0.0, "asymmetric_gamma_negative": 0.5},
    {"name": "distribution-balanced", "tolerance_divided": True},
]


def make_labels():
    labels = np.zeros((NUM_IMAGES, 3), dtype=np.int8)
    for column, count in enumerate(POSITIVES):
        labels[:count, column] = 1
    labels[-100:, 1] = -1
    return labels


def build(**settings):
    return build_training_loss(
        LossSettings.parse(**settings), make_labels(), VOCABULARY, device=CPU
    )


def total(loss, logits, targets, epoch=0):
    return sum(loss.components(logits, targets, epoch=epoch).values())


def make_batch(dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    logits = (3 * torch.randn(24, 3, dtype=torch.float64, generator=generator)).to(dtype)
    targets = torch.randint(-1, 2, (24, 3), generator=generator).float()
    targets[0], targets[1] = -1.0, 0.0
    return logits.requires_grad_(), targets


@pytest.fixture(params=VARIANTS, ids=lambda settings: "-".join(map(str, settings.values())))
def loss(request):
    return build(**request.param)


def tensor(values):
    return torch.tensor(values, dtype=torch.float32)


def expected_losses():
    """Each loss called directly, its numbers written out from the counts above."""
    negatives = np.array([800, 840, 996])
    positives = np.array(POSITIVES)
    pos_weight = tensor(negatives / positives)
    log_odds = tensor(np.log(positives / negatives))
    inverse = (1 - 0.99) / (1 - 0.99**positives)
    sides = np.array([positives, negatives])
    side_inverse = (1 - 0.99) / (1 - 0.99**sides)
    weighted = partial(bce_loss, pos_weight=pos_weight)
    margins = tensor(0.5 * (4 / sides) ** 0.25)
    return {
        "bce": bce_loss,
        "pos-weight": weighted,
        "focal": partial(focal_loss, alpha=0.25, gamma=2.0),
        "combined": lambda z, y, **s: (
            0.7 * weighted(z, y, **s) + 0.3 * focal_loss(z, y, alpha=0.25, gamma=2.0, **s)
        ),
        "asymmetric": partial(asymmetric_loss, gamma_negative=4, gamma_positive=0, margin=0.05),
        "class-balanced": partial(
            class_balanced_loss, class_weights=tensor(inverse / inverse.sum() * 3)
        ),
        "distribution-balanced": partial(
            distribution_balanced_loss, positives=tensor(positives), log_odds=log_odds
        ),
        "ldam": partial(ldam_loss, margins=margins),
        "ldam from epoch 2": partial(
            ldam_loss, margins=margins, side_weights=tensor(side_inverse / side_inverse.sum() * 6)
        ),
        "logit-adjusted": partial(logit_adjusted_loss, log_odds=log_odds, tau=1.0),
        "two-way": two_way_loss,
        "zlpr": zlpr_loss,
        "auc-margin": auc_margin_loss,
        "average-precision": average_precision_loss,
    }


@pytest.mark.parametrize(
    ("name", "smoothing"),
    [(name, s) for name in LOSS_NAMES for s in (0.0, 0.1) if not (s and name in PAIRWISE)],
)
def test_each_name_is_its_function_with_settings_and_counts(name, smoothing):
    loss = build(name=name, beta=0.99, label_smoothing=smoothing, focal_share=0.3, reweight_epoch=2)
    logits, targets = make_batch(torch.float32)
    expected = expected_losses()
    options = {"smoothing": smoothing} if smoothing else {}
    assert loss.name == name
    torch.testing.assert_close(
        total(loss, logits, targets, epoch=1), expected[name](logits, targets, **options)
    )
    late = expected.get(f"{name} from epoch 2", expected[name])(logits, targets, **options)
    for epoch in (2, 5):
        torch.testing.assert_close(total(loss, logits, targets, epoch=epoch), late)


def test_settings_reach_their_loss():
    logits, targets = make_batch(torch.float32)
    for name, changes in {
        "focal": {"focal_alpha": (0.1, 0.5, 0.9), "focal_gamma": 1.0},
        "combined": {"focal_share": 0.9, "pos_weight": "sqrt"},
        "asymmetric": {
            "asymmetric_gamma_negative": 2.0,
            "asymmetric_gamma_positive": 1.0,
            "asymmetric_margin": 0.2,
        },
        "class-balanced": {"beta": 0.9},
        "distribution-balanced": {
            "rebalance_alpha": 0.3,
            "rebalance_beta": 5.0,
            "rebalance_mu": 0.5,
            "tolerance_kappa": 0.2,
            "tolerance_lambda": 3.0,
            "tolerance_divided": True,
        },
        "ldam": {"ldam_margin": 1.0, "ldam_scale": 2.0, "reweight_epoch": 0},
        "logit-adjusted": {"adjustment_tau": 0.5},
        "two-way": {"two_way_temperature_positive": 1.0, "two_way_temperature_negative": 2.0},
        "auc-margin": {"auc_margin": 0.5},
        "average-precision": {"precision_margin": 0.5},
    }.items():
        plain = total(build(name=name), logits, targets)
        for field, value in changes.items():
            changed = total(build(name=name, **{field: value}), logits, targets)
            assert not torch.isclose(plain, changed), field


def test_detaching_the_focus_changes_gradients_alone():
    logits, targets = make_batch()
    values = [
        total(build(name="asymmetric", asymmetric_detached=detached), logits, targets)
        for detached in (False, True)
    ]
    torch.testing.assert_close(*values)
    attached, detached = (torch.autograd.grad(value, logits)[0] for value in values)
    assert not torch.allclose(attached, detached)


def test_combined_reports_its_two_components():
    loss = build(name="combined", focal_share=0.25)
    logits, targets = make_batch(torch.float32)
    parts = loss.components(logits, targets, epoch=0)
    assert list(parts) == ["pos-weight", "focal"]
    alone = {name: total(build(name=name), logits, targets) for name in parts}
    torch.testing.assert_close(parts["pos-weight"], 0.75 * alone["pos-weight"])
    torch.testing.assert_close(parts["focal"], 0.25 * alone["focal"])


def test_ldam_is_one_term_in_every_epoch():
    loss = build(name="ldam", reweight_epoch=2)
    for epoch in range(5):
        active = [t for t in loss.terms if t.first_epoch <= epoch < t.end_epoch]
        assert [t is loss.terms[1] for t in active] == [epoch >= 2]


def test_pos_weight_is_told_where_there_is_one():
    for name in LOSS_NAMES:
        weights = build(name=name).pos_weight
        if name in ("pos-weight", "combined"):
            np.testing.assert_allclose(weights, [4.0, 14.0, 249.0])
        else:
            assert weights is None


def test_balanced_alpha_is_the_share_of_negatives():
    logits, targets = make_batch(torch.float32)
    value = total(build(name="focal", focal_alpha="balanced"), logits, targets)
    alpha = torch.tensor([800 / 1000, 840 / 900, 996 / 1000])
    torch.testing.assert_close(value, focal_loss(logits, targets, alpha=alpha))


def test_an_unknown_logit_changes_neither_value_nor_gradients(loss):
    logits, targets = make_batch()
    value = total(loss, logits, targets)
    value.backward()
    is_unknown = targets == -1
    assert 10 < int(is_unknown.sum()) < targets.numel() - 10
    assert (logits.grad[is_unknown] == 0).all()
    elsewhere = torch.where(is_unknown, 7.0, logits)
    torch.testing.assert_close(total(loss, elsewhere, targets), value, rtol=0, atol=0)
    assert not torch.isclose(total(loss, elsewhere, targets.clamp(min=0)), value)


def gradient_in_parts(loss, logits, targets, num_parts):
    whole = loss.weigh(targets)
    parts = zip(logits.tensor_split(num_parts), targets.tensor_split(num_parts), strict=True)
    value = sum(total(loss, z, y) * loss.weigh(y) / whole for z, y in parts)
    return value, torch.autograd.grad(value, logits)[0]


def test_parts_by_their_weight_add_up_to_the_batch_where_the_loss_says_so(loss):
    logits, targets = make_batch()
    # Known labels are spread unevenly over the parts.
    targets[:5, :2] = -1.0
    whole, gradient = gradient_in_parts(loss, logits, targets, 1)
    for num_parts in (2, 3, 8):
        value, parted = gradient_in_parts(loss, logits, targets, num_parts)
        if loss.is_additive:
            torch.testing.assert_close(value, whole)
            torch.testing.assert_close(parted, gradient)
        else:
            cosine = torch.cosine_similarity(parted.flatten(), gradient.flatten(), dim=0)
            assert cosine < 0.99


def test_losses_that_compare_a_labels_images_are_not_additive():
    found = [name for name in LOSS_NAMES if not build(name=name).is_additive]
    assert found == ["two-way", "auc-margin", "average-precision"]


def test_nothing_known_is_zero_with_a_graph(loss):
    logits, targets = make_batch()
    value = total(loss, logits, torch.full_like(targets, -1.0))
    assert value.item() == 0.0
    value.backward()
    assert (logits.grad == 0).all()


def test_gradients_are_right(loss):
    logits, targets = make_batch()
    assert torch.autograd.gradcheck(lambda values: total(loss, values, targets), (logits,))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_logits_of_ten_thousand_give_finite_values_and_gradients(loss, dtype):
    signs = torch.tensor([[1, -1, 1], [-1, 1, -1], [1, 1, 1], [-1, -1, -1]], dtype=dtype)
    logits = (1e4 * signs).requires_grad_()
    targets = torch.tensor([[1.0, 0, 1], [1, 0, 0], [0, 0, 0], [1, 1, -1]])
    value = total(loss, logits, targets)
    assert value.dtype == torch.float32
    assert torch.isfinite(value)
    value.backward()
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad != 0).any() == (loss.name not in BOUNDED)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_logits_are_summed_in_float32(loss, dtype):
    logits, targets = make_batch(dtype)
    value = total(loss, logits, targets)
    value.backward()
    assert value.dtype == torch.float32
    assert logits.grad.dtype == dtype
    assert torch.isfinite(logits.grad).all()
    torch.testing.assert_close(value, total(loss, logits.float(), targets))


@pytest.mark.parametrize(
    ("name", "changes", "messages"),
    [
        ("focal", {"focal_alpha": (0.2, 0.3)}, ["--focal-alpha has 2 numbers for 3 labels"]),
        ("focal", {"focal_gamma": (1.0,) * 4}, ["--focal-gamma has 4 numbers for 3 labels"]),
        ("combined", {"focal_gamma": (1.0,) * 4}, ["--focal-gamma has 4 numbers for 3 labels"]),
        ("pos-weight", {"pos_weight": (1.0, 2.0)}, ["--pos-weight has 2 numbers for 3 labels"]),
        ("combined", {"pos_weight": (9e5,) * 3}, ["implied operating point", "--allow-extreme"]),
    ],
)
def test_settings_that_do_not_fit_the_labels_are_refused(name, changes, messages):
    with pytest.raises(InputError) as caught:
        build(name=name, **changes)
    assert all(message in str(caught.value) for message in messages)
    if "numbers" in messages[0]:
        assert "Effusion, Mass, Hernia" in str(caught.value)
    # The same settings have no effect on a loss that does not read them.
    build(name="bce", **changes)


@pytest.mark.parametrize("name", PAIRWISE)
def test_label_smoothing_is_refused_also_for_a_copy_under_another_name(name):
    copied = LossSettings(name="bce", label_smoothing=0.1).model_copy(update={"name": name})
    with pytest.raises(InputError, match=f"--label-smoothing 0.1 has no meaning for --loss {name}"):
        build_training_loss(copied, make_labels(), VOCABULARY, device=CPU)


@pytest.mark.parametrize(
    ("settings", "consequence"),
    [
        ({"name": "pos-weight"}, "its pos_weight is 1"),
        ({"name": "focal", "focal_alpha": "balanced"}, "its focal α is 0.5"),
        ({"name": "class-balanced"}, "its weight is 1"),
        ({"name": "distribution-balanced"}, "its logit is not shifted"),
        ({"name": "ldam", "reweight_epoch": 0}, "it gets no margin"),
        ({"name": "logit-adjusted"}, "its logit is not adjusted"),
        ({"name": "bce"}, None),
        ({"name": "focal"}, None),
    ],
)
@pytest.mark.parametrize("only_side", [0, 1])
def test_a_class_that_lacks_a_side_is_neutral_and_named(settings, consequence, only_side, capsys):
    labels = make_labels()
    labels[:, 2] = only_side
    loss = build_training_loss(LossSettings(**settings), labels, VOCABULARY, device=CPU)
    message = capsys.readouterr().err
    if consequence is None:
        assert message == ""
    else:
        assert message.startswith("warning: Hernia: no positive or no negative image")
        assert consequence in message
    logits, targets = make_batch()
    value = total(loss, logits, targets)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(logits.grad).all()
    if consequence and loss.name != "distribution-balanced":
        targets[:, :2] = -1.0
        neutral = partial(focal_loss, alpha=0.5) if loss.name == "focal" else bce_loss
        torch.testing.assert_close(total(loss, logits, targets), neutral(logits, targets))

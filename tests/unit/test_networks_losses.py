"""Loss and schedules against hand computation."""

import numpy as np
import pytest
import torch

from speechface.config import model_settings
from speechface.errors import ConfigError
from speechface.networks.losses import ROTATION_STD_FLOOR, WEIGHT_STD_FLOOR, output_scale, regression_loss
from speechface.networks.module import SpeechModule
from speechface.networks.schedules import SCHEDULES, parse_schedule, rate_at
from speechface.rig.channels import ARKIT52 as CHANNELS


def test_loss_equals_the_sum_written_out():
    outputs = torch.tensor([[0.5, 0.2, 0.9, 0.10], [0.0, 0.4, 0.3, -0.2]])
    targets = torch.tensor([[0.3, 0.2, 0.1, 0.00], [0.1, 0.8, 0.5, 0.2]])
    scale = torch.tensor([1.0, 2.0, 5.0, 10.0])
    observed = torch.tensor([True, True, False, True])
    squares = [0.2**2, 0.0, (10 * 0.1) ** 2, 0.1**2, (2 * 0.4) ** 2, (10 * 0.4) ** 2]
    expected = sum(squares) / 6 + 0.1 * (0.5 + 0.2 + 0.0 + 0.4) / 4
    loss = regression_loss(outputs, targets, scale=scale, observed=observed, n_weights=3, factor=1, l1=0.1)
    assert loss.item() == pytest.approx(expected, rel=1e-6)  # float32


def test_unobserved_outputs_have_no_gradient_even_where_their_targets_are_nan(rng):
    outputs = torch.tensor(rng.random((5, 55)), dtype=torch.float32, requires_grad=True)
    targets = torch.tensor(rng.random((5, 55)), dtype=torch.float32)
    observed = torch.tensor(rng.random(55) < 0.7)
    targets[:, ~observed] = float("nan")
    regression_loss(
        outputs, targets, scale=torch.ones(55), observed=observed, n_weights=52, factor=1, l1=0.1
    ).backward()
    assert (outputs.grad[:, ~observed] == 0).all()
    assert (outputs.grad[:, observed] != 0).all()


def test_an_error_of_one_deviation_costs_the_same_in_weights_and_rotations():
    weight_std, rotation_std = np.array([0.1, 0.3, 0.2]), np.array([0.05, 0.02])
    scale = output_scale("l2_std", weight_std=weight_std, rotation_std=rotation_std, observed=[True] * 3)
    np.testing.assert_allclose(scale * np.concatenate([weight_std, rotation_std]), 1, rtol=1e-6)  # float32
    scale = output_scale("l2", weight_std=weight_std, rotation_std=rotation_std, observed=[True, True, False])
    np.testing.assert_array_equal(scale[:3], 1)
    np.testing.assert_allclose(scale[3:] * rotation_std, np.sqrt((0.1**2 + 0.3**2) / 2), rtol=1e-6)  # float32


def test_channels_that_never_move_do_not_rule_the_loss():
    scale = output_scale("l2_std", weight_std=np.zeros(4), rotation_std=np.zeros(3), observed=[True] * 4)
    np.testing.assert_allclose(scale, [1 / WEIGHT_STD_FLOOR] * 4 + [1 / ROTATION_STD_FLOOR] * 3, rtol=1e-6)  # float32


def test_schedules_expand_as_the_report_lists_them():
    listed = [0.005] + [0.0025] * 2 + [0.00125] * 3 + [0.0005] * 4 + [0.00025] * 5 + [0.0001] * 10
    assert [rate_at(SCHEDULES["cnn"], k) for k in range(25)] == listed
    listed = [0.005] + [0.0025] * 2 + [0.001] * 4 + [0.0005] * 8 + [0.00025] * 16 + [0.0001] * 1000 + [5e-5] * 1000
    assert [rate_at(SCHEDULES["recurrent"], k) for k in range(2031)] == listed
    assert rate_at(SCHEDULES["recurrent"], 5000) == 2.5e-5
    listed = [0.0001] * 100 + [5e-5] * 50 + [2.5e-5] * 50 + [1e-5] * 5
    assert [rate_at(SCHEDULES["cnn2"], k) for k in range(15, 220)] == listed


def test_schedule_file_reads_rates_counts_and_comments():
    assert parse_schedule("1e-3\n\n5e-4 3  # then\n", source="f") == ((1e-3, 1), (5e-4, 3))


@pytest.mark.parametrize("text", ["abc", "1e-3 2 3", "1e-3 0", "-1e-3", "1e-3 1.5", "# nothing"])
def test_bad_schedule_lines_are_named(text):
    with pytest.raises(ConfigError, match="rates.txt"):
        parse_schedule(text, source="rates.txt")


def test_the_loss_is_in_full_precision_whatever_the_network_computes_in(rng):
    settings = model_settings({"loss_rig": 1.0, "loss_range": 1.0})
    outputs = torch.tensor(rng.random((2, 5, 52)), dtype=torch.float32)
    batch = {"features": None, "lengths": None, "targets": torch.tensor(rng.random((2, 5, 52)), dtype=torch.float32)}
    module = SpeechModule(
        torch.nn.Identity(), scale=np.ones(52), channels=CHANNELS, observed=np.ones(52, bool), settings=settings,
        schedule=((1e-3, 1),), weight_decay=0.0, gradient_clip=0, steps_per_epoch=1, epochs=1, seed=0,
        landmark_basis=rng.normal(size=(52, 204)),
    )  # fmt: skip
    module.network.forward = lambda features, lengths: (outputs, None)
    losses = []
    for half in (False, True):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            losses.append(module._step(batch, "val").item())
    assert losses[0] == losses[1]

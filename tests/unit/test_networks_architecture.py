"""Encoders, heads and how settings choose them: shapes, parameter counts, what padding and freezing promise."""

import numpy as np
import pytest
import torch

from speechface.config import model_settings
from speechface.errors import ModelError
from speechface.networks.encoders import adopt_encoder
from speechface.networks.heads import RecurrentHead
from speechface.networks.registry import HEADS, build_network, is_recurrent, network_spec, output_columns
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import REPORT46, ROTATIONS

REPORT_HEADS = ("cnn", "gru", "lstm", "bigru", "bilstm", "bigru2")
STATS = {
    "weight_mean": np.full(52, 0.2), "rotation_mean": np.array([0.1, 0, -0.1]), "rotation_std": np.full(3, 0.05),
    "feature_mean": np.linspace(-1, 1, 537), "feature_std": np.linspace(0.5, 2, 537),
}  # fmt: skip


def network(width=0.1, shape=(128, 32), stats=STATS, **settings):
    resolved = model_settings(settings)
    torch.manual_seed(0)
    return build_network(network_spec(resolved, input_shape=shape, width=width), stats)


def count(module):
    return sum(p.numel() for p in module.parameters())


def test_cnn_with_encoder_conv_has_the_parameters_of_its_layers():
    widths = [1, 32, 64, 128, 256, 512, 512, 512, 512]
    taps = [5, 3, 3, 3, 3, 3, 3, 3]
    convolutions = sum(a * b * k + 2 * b for a, b, k in zip(widths, widths[1:], taps))  # batch norm: two a channel
    dense = (512 * 4 * 4 + 1) * 1024 + (1024 + 1) * len(REPORT46)
    assert (
        count(network(1.0, stats={**STATS, "weight_mean": np.full(len(REPORT46), 0.2)}))
        == convolutions + dense
        == 11_323_534
    )


@pytest.mark.parametrize("frequency_layers", [5, 6, 7])
@pytest.mark.parametrize(("encoder", "n_pooled"), [("conv", None), ("conv_pooled", 1024)])
def test_encoder_gives_the_vector_that_halvings_leave(encoder, n_pooled, frequency_layers):
    with torch.device("meta"):
        full = network(1.0, encoder=encoder, frequency_layers=frequency_layers, head="gru")
    rows = 128 // 2**frequency_layers
    assert full.encoder.n_out == (n_pooled or 512 * rows * 4)


@pytest.mark.parametrize("outputs", ["weights", "weights_rotation"])
@pytest.mark.parametrize("head", REPORT_HEADS)
@pytest.mark.parametrize(("shape", "settings"), [
    ((128, 32), {"encoder": "conv"}), ((128, 32), {"encoder": "conv_pooled"}), ((128, 32), {"frequency_layers": 7}),
    ((65, 21), {"encoder": "conv"}), ((537,), {"feature": "acoustics"}),
])  # fmt: skip
def test_every_encoder_goes_with_every_head(shape, settings, head, outputs):
    settings = {**settings, "head": head, "outputs": outputs}
    net = network(0.03, shape=shape, **settings).eval()
    y, state = net(torch.rand(2, 3, *shape))
    columns = output_columns(model_settings(settings), CHANNELS)
    assert columns[:52] == CHANNELS
    assert columns[52:] == (ROTATIONS if outputs == "weights_rotation" else ())
    assert y.shape == (2, 3, len(columns))
    assert y.dtype == torch.float32
    assert ((y[..., :52] >= 0) & (y[..., :52] <= 1)).all()
    assert (state is None) == (head == "cnn") == (not is_recurrent(model_settings(settings)))


@pytest.mark.parametrize(("head", "units"), [("gru", 256), ("lstm", 256), ("bigru", 256), ("bilstm", 256)])
def test_recurrent_heads_have_the_reports_units(head, units):
    assert HEADS[head](8, {"width": 1.0}).n_out == units


def test_an_untrained_network_predicts_about_the_training_mean():
    stats = {**STATS, "weight_mean": np.linspace(0.05, 0.9, 52)}
    spec = network_spec(model_settings({"outputs": "weights_rotation"}), input_shape=(32, 8), width=0.1)
    net = build_network(spec, stats).eval()
    torch.nn.init.zeros_(net.output.dense.weight)
    y = net(torch.rand(1, 2, 32, 8))[0][0, 0].detach().numpy()
    np.testing.assert_allclose(y, np.concatenate([stats["weight_mean"], STATS["rotation_mean"]]), atol=1e-6)  # float32


def test_acoustic_input_is_standardised_by_the_train_statistics():
    net = network(0.1, shape=(537,), feature="acoustics", head="gru")
    x = np.random.default_rng(0).normal(size=(50, 537)) * STATS["feature_std"] + STATS["feature_mean"]
    z = net.encoder(torch.as_tensor(x, dtype=torch.float32)).numpy()
    expected = (x - STATS["feature_mean"]) / STATS["feature_std"]
    np.testing.assert_allclose(z, expected, atol=1e-5)  # float32


@pytest.mark.parametrize("head", REPORT_HEADS)
def test_padding_changes_nothing(head):
    net = network(0.1, shape=(32, 8), head=head, dropout=0.0).train()
    x = torch.rand(3, 7, 32, 8)
    lengths = torch.tensor([7, 4, 2])
    first, _ = net(x, lengths=lengths)
    spoilt = x.clone()
    spoilt[1, 4:], spoilt[2, 2:] = 100.0, -100.0
    second, _ = net(spoilt, lengths=lengths)
    for k, n in enumerate(lengths):
        torch.testing.assert_close(first[k, :n], second[k, :n], rtol=0, atol=0)


def test_one_direction_does_not_see_the_future_and_two_do():
    x = torch.rand(1, 6, 32, 8)
    changed = x.clone()
    changed[:, 4:] = 0
    for head, sees in (("gru", False), ("lstm", False), ("bigru", True), ("bilstm", True)):
        net = network(0.1, shape=(32, 8), head=head).eval()
        same = torch.equal(net(x)[0][:, :4], net(changed)[0][:, :4])
        assert same != sees, head


def test_frozen_encoder_keeps_parameters_and_batch_norm_while_a_clone_moves():
    donor = network(0.1, shape=(32, 8))
    donor_state = {k: v.clone() for k, v in donor.encoder.state_dict().items()}
    spec = network_spec(
        model_settings({"encoder": "pretrained", "encoder_from": "donor", "head": "gru"}), input_shape=(32, 8),
        source=network_spec(model_settings({}), input_shape=(32, 8), width=0.1),
    )  # fmt: skip
    for frozen in (True, False):
        net = build_network({**spec, "frozen": frozen}, STATS, encoder=donor.encoder).train()
        optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], 1e-2, weight_decay=1e-2)
        net(torch.rand(4, 3, 32, 8))[0].square().mean().backward()
        optimizer.step()
        state = adopt_encoder(net.encoder, frozen=False).state_dict()
        same = {k: torch.equal(v, donor_state[k]) for k, v in state.items()}
        assert all(same.values()) == frozen
        if not frozen:
            moved = [k for k, unchanged in same.items() if not unchanged]
            assert any("running_mean" in k for k in moved)
            assert any(k.endswith("0.weight") for k in moved)
    assert all(torch.equal(v, donor_state[k]) for k, v in donor.encoder.state_dict().items())


def test_a_pretrained_encoder_takes_the_layout_of_its_source():
    source = network_spec(
        model_settings({"encoder": "conv_pooled", "frequency_layers": 6}), input_shape=(128, 32), width=0.1
    )
    spec = network_spec(model_settings({"encoder": "pretrained", "head": "gru"}), input_shape=(128, 32), source=source)
    assert (spec["encoder"], spec["frequency_layers"], spec["width"], spec["frozen"]) == ("conv_pooled", 6, 0.1, True)
    with pytest.raises(ModelError, match="--encoder-from"):
        network_spec(model_settings({"encoder": "pretrained"}), input_shape=(128, 32))
    with pytest.raises(ModelError, match="same feature settings"):
        network_spec(model_settings({"encoder": "pretrained"}), input_shape=(64, 32), source=source)


def test_bidirectional_head_runs_both_directions():
    head = RecurrentHead(5, cell=torch.nn.GRU, n_hidden=3, bidirectional=True)
    x = torch.rand(1, 4, 5)
    hidden, _ = head(x)
    alone = torch.nn.GRU(5, 3, batch_first=True)
    alone.load_state_dict({k.replace("_reverse", ""): v for k, v in head.rnn.state_dict().items() if "_reverse" in k})
    torch.testing.assert_close(hidden[..., 3:], alone(x.flip(1))[0].flip(1))

"""The folded function by itself: its mask, its log of sums, and what it refuses."""

import numpy as np
import pytest
import torch

from percept_export import fold, layers, write
from percept_export.errors import ExportError
from percept_export.graph import Graph
from percept_export.positions import Fourier, split
from percept_export.verify import session


def function_alone(network, masked: bool) -> Graph:
    """A graph of the first modality's folded cross-attention: context and log_sum of the learned latents."""
    graph, modality = Graph(), network.modalities[0]
    attention = network.looks[0].cross.attention
    raw = graph.input(modality.name, modality.raw_dtype, ["batch", *modality.raw_shape])
    fold.add_function(graph, True, masked)
    rows = fold.folded_rows(graph, modality, write.patches(graph, modality, raw), attention.norm_rows.epsilon)
    _, queries = layers.query(graph, graph.constant(network.latents[None]), attention)
    fold.attend(graph, queries, rows, attention)
    call = graph.nodes[-1]
    if masked:
        call.input.append(graph.input("mask", np.float32, ["batch", modality.rows]))
    call.output[:] = ["context", "log_sum"]
    for name in call.output:
        graph.output(name, None)
    return graph


def in_torch(network, raw, mask=None):
    """The same, in float64, from the byte array: context [B, H, N, d] and log_sum, less the term without rows."""
    attention, modality = network.looks[0].cross.attention, network.modalities[0]

    def t(array):
        return torch.from_numpy(np.float64(array))

    def norm(x, one):
        return torch.nn.functional.layer_norm(x, x.shape[-1:], t(one.weight), t(one.bias), one.epsilon)

    def heads(x):
        return x.reshape(*x.shape[:-1], attention.heads, -1).transpose(-2, -3)

    def linear(x, one):
        y = x @ t(one.weight)
        return y if one.bias is None else y + t(one.bias)

    queries = heads(linear(norm(t(network.latents[None]), attention.norm_query), attention.query))
    rows = norm(t(modality.byte_array(raw)), attention.norm_rows)
    scores = queries @ heads(linear(rows, attention.key)).transpose(-1, -2)
    if mask is not None:
        scores = scores + t(mask)[:, None, None]
    constant = linear(t(attention.norm_rows.bias[None, None]), attention.key)
    constant = queries @ heads(constant).transpose(-1, -2)
    context = torch.softmax(scores, -1) @ heads(linear(rows, attention.value))
    return context.numpy(), (torch.logsumexp(scores, -1, keepdim=True) - constant).numpy()


@pytest.mark.parametrize("name", ["image-fourier", "paper-video", "mel", "lucidrains"])
@pytest.mark.parametrize("masked", [False, True])
def test_context_and_log_sum(case, name, masked):
    network = case(name).network
    modality = network.modalities[0]
    feeds = {modality.name: case(name).feeds[modality.name][:3]}
    if masked:
        hidden = np.random.default_rng(0).random((3, modality.rows)) < 0.4
        feeds["mask"] = np.where(hidden, np.float32(-1e30), np.float32(0))
    context, log_sum = session(function_alone(network, masked).model()).run(None, feeds)
    wanted, wanted_log = in_torch(network, feeds[modality.name], feeds.get("mask"))
    assert np.abs(context - wanted).max() < 1e-4 * np.abs(wanted).max()
    assert np.abs(log_sum - wanted_log).max() < 1e-4 * np.abs(wanted_log).max()


def test_a_hidden_row_does_not_matter(case):
    """What stands in a masked row may be anything."""
    network = case("image-fourier").network
    raw = case("image-fourier").feeds["image"][:1]
    other = raw.copy()
    other[0, 0, :5] = 255 - other[0, 0, :5]
    mask = np.zeros((1, network.modalities[0].rows), np.float32)
    mask[0, :5] = -1e30
    loaded = session(function_alone(network, True).model())
    first, second = (loaded.run(["context"], {"image": one, "mask": mask})[0] for one in (raw, other))
    assert np.array_equal(first, second)
    seen = np.zeros_like(mask)
    assert not np.array_equal(*(loaded.run(["context"], {"image": one, "mask": seen})[0] for one in (raw, other)))


def test_a_table_that_is_not_separable_is_refused():
    fourier = Fourier([3, 3], [8.0, 8.0], "positions_sines_cosines")
    table = fourier.grid_table((4, 5))
    assert [t.shape for t in split(table, (4, 5), fourier)] == [(4, 7), (5, 7)]
    table[7, 2] += np.float32(1e-6)
    with pytest.raises(ExportError, match="axis 0 depend on other axes"):
        split(table, (4, 5), fourier)


@pytest.mark.parametrize("order", ["positions_sines_cosines", "axis_sines_cosines_position"])
def test_columns_of_an_axis_are_position_sines_cosines(order):
    fourier = Fourier([3, 3], [8.0, 8.0], order)
    y, x = split(fourier.grid_table((4, 5)), (4, 5), fourier)
    for length, table in ((4, y), (5, x)):
        place = torch.linspace(-1, 1, length).double().numpy()[:, None]
        angles = np.pi * place * np.linspace(1, 4, 3)
        assert np.abs(table - np.concatenate([place, np.sin(angles), np.cos(angles)], 1)).max() < 1e-5

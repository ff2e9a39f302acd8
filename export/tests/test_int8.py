"""Eight bits in the latent Transformer."""

import copy

import numpy as np
import onnx
import pytest

from percept_export import manifest
from percept_export.errors import ExportError
from percept_export.export import export
from percept_export.graph import Graph
from percept_export.quantise import linear_int8
from percept_export.verify import session
from percept_export.write import Options


def test_int8_is_close_says_how_close_and_is_smaller(case, tmp_path):
    one, out = case("image-fourier"), tmp_path / "model.onnx"
    report = export(one.network, out, Options(int8=True), expected=one.expected)
    assert report["int8"]["cosine"] >= 0.99 and report["int8"]["top1_agreement"] >= 0.99
    model = onnx.load(out)
    assert manifest.read(model)["verify"]["int8"] == report["int8"]
    plain = tmp_path / "plain.onnx"
    export(one.network, plain, Options(), expected=one.expected)
    assert out.stat().st_size < plain.stat().st_size


def test_int8_leaves_cross_attention_and_decoder_alone(case, tmp_path):
    """Six linear maps a layer of the latent Transformer, and no others."""
    one, out = case("image-fourier"), tmp_path / "model.onnx"
    export(one.network, out, Options(int8=True), expected=one.expected)
    look = one.network.looks[0]
    kinds = [node.op_type for node in onnx.load(out).graph.node]
    assert kinds.count("MatMulInteger") == 6 * len(look.latent) * look.repeats


def test_int8_that_differs_too_much_is_refused(case, tmp_path):
    """One activation 300 times larger than the others, as large models have them, takes all of int8's steps.

    Its weights are 300 times smaller in turn, so that fp32 answers as before.
    """
    one = case("image-fourier")
    network = copy.deepcopy(one.network)
    for layer in network.looks[0].latent:
        attention, mlp = layer.attention, layer.mlp
        for norm, maps in (
            (attention.norm_query, [attention.query, attention.key, attention.value]),
            (mlp.norm, [mlp.first]),
        ):
            norm.weight[0] *= 300
            norm.bias[0] *= 300
            for linear in maps:
                linear.weight[0] /= 300
    out = tmp_path / "model.onnx"
    assert export(network, out, Options(), expected=one.expected)["centred_difference"] < 1e-4
    out.unlink()
    with pytest.raises(ExportError, match="int8 answers differ too much from fp32: cosine"):
        export(network, out, Options(int8=True), expected=one.expected)
    assert not list(tmp_path.iterdir())


def test_int8_answers_a_window_the_same_whatever_is_beside_it():
    random = np.random.default_rng(0)
    weight, x = np.float32(random.normal(size=(64, 8))), np.float32(random.normal(size=(3, 5, 64)))
    x[2] *= 1000
    graph = Graph()
    out = linear_int8(graph, graph.input("x", np.float32, ["batch", 5, 64]), weight)
    graph.output(out, ["batch", 5, 8])
    loaded = session(graph.model())
    together = loaded.run(None, {"x": x})[0]
    for k in range(3):
        assert np.array_equal(together[k], loaded.run(None, {"x": x[k : k + 1]})[0][0])
    wanted = x @ weight
    assert np.all(np.abs(together - wanted).max((1, 2)) < 0.03 * np.abs(wanted).max((1, 2)))


def test_each_output_channel_has_its_own_scale():
    """A channel a thousand times smaller than its neighbours keeps its digits."""
    random = np.random.default_rng(0)
    weight = np.float32(random.normal(size=(64, 8)) * np.logspace(0, -3, 8))
    x = np.float32(random.normal(size=(1, 5, 64)))
    graph = Graph()
    out = linear_int8(graph, graph.input("x", np.float32, [1, 5, 64]), weight)
    graph.output(out, [1, 5, 8])
    found, wanted = session(graph.model()).run(None, {"x": x})[0], x @ weight
    assert np.all(np.abs(found - wanted).max((0, 1)) < 0.03 * np.abs(wanted).max((0, 1)))

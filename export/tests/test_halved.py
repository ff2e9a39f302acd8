"""Weights that half precision holds without loss take half the room in a model file, and nothing else changes."""

import unittest

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from export_stream_health import SMALL, halved, session
from mean_weights import between
from weights_of_model import constants


def affine(weight: np.ndarray, bias: np.ndarray) -> onnx.ModelProto:
    """x @ weight + bias."""
    nodes = [helper.make_node("MatMul", ["x", "weight"], ["product"]), helper.make_node("Add", ["product", "bias"], ["y"])]
    value = lambda name, size: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size])  # noqa: E731
    arrays = [numpy_helper.from_array(a, name) for name, a in (("weight", weight), ("bias", bias))]
    graph = helper.make_graph(nodes, "affine", [value("x", len(weight))], [value("y", len(bias))], arrays)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


class Halved(unittest.TestCase):
    def setUp(self):
        rng = np.random.default_rng(0)
        self.x = rng.standard_normal((3, 32)).astype(np.float32)
        self.fine = rng.standard_normal((32, 24)).astype(np.float32)
        self.coarse = self.fine.astype(np.float16).astype(np.float32)
        self.bias = self.coarse[0]
        self.assertGreater(self.fine.size, SMALL)
        self.assertLess(self.bias.size, SMALL)

    def stored(self, file: onnx.ModelProto) -> set[int]:
        return {array.data_type for array in file.graph.initializer}

    def test_what_loses_nothing_is_stored_in_half_and_gives_the_same(self):
        whole, half = affine(self.coarse, self.bias), halved(affine(self.coarse, self.bias))
        onnx.checker.check_model(half, full_check=True)
        self.assertEqual(self.stored(half), {TensorProto.FLOAT, TensorProto.FLOAT16})
        self.assertLess(half.ByteSize(), 0.75 * whole.ByteSize())
        self.assertTrue(np.array_equal(*(session(file).run(None, {"x": self.x})[0] for file in (whole, half))))

    def test_what_would_lose_stays_as_it_is(self):
        self.assertEqual(halved(affine(self.fine, self.bias)), affine(self.fine, self.bias))

    def test_constants_of_the_graph_are_stored_so_too_and_once(self):
        file = affine(self.coarse, self.bias)
        for name in ("weight", "again"):
            file.graph.node.insert(0, helper.make_node("Constant", [], [name], value=numpy_helper.from_array(self.coarse, "")))
        del file.graph.initializer[0]
        file.graph.node.extend([helper.make_node("MatMul", ["x", "again"], ["other"]), helper.make_node("Sub", ["y", "other"], ["z"])])
        file.graph.output[0].name = "z"
        before = session(file).run(None, {"x": self.x})[0]
        half = halved(file)
        self.assertEqual([a.data_type for a in half.graph.initializer], [TensorProto.FLOAT, TensorProto.FLOAT16])
        self.assertNotIn("Constant", [node.op_type for node in half.graph.node])
        self.assertTrue(np.array_equal(session(half).run(None, {"x": self.x})[0], before))

    def test_weights_are_found_again_as_they_were(self):
        found = constants(halved(affine(self.coarse, self.bias)))
        for mine, its in zip((self.coarse, self.bias), found, strict=True):
            self.assertEqual(its.dtype, np.float32)
            self.assertTrue(np.array_equal(mine, its))

    def test_the_mean_of_halves_is_one_and_of_others_is_exact(self):
        coarse, fine = torch.from_numpy(self.coarse), torch.from_numpy(self.fine)
        mean = between(coarse, coarse.flip(0))
        self.assertTrue(torch.equal(mean, mean.half().float()))
        self.assertLess((mean - (coarse + coarse.flip(0)) / 2).abs().max(), 2**-9)
        self.assertTrue(torch.equal(between(fine, coarse), (fine + coarse) / 2))


if __name__ == "__main__":
    unittest.main()

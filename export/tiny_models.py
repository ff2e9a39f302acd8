"""Writes the models of a few hundred bytes that the Rust tests load: tests/fixtures/tiny-*.onnx.

    python export/tiny_models.py        # needs the `onnx` package

They carry no manifest: each test appends its own. All but the odd one out take `video`
f32 [batch, 8, 111] and give `logits` f32 [batch, 2]: the mean, times 1 and -1.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OUT = Path(__file__).resolve().parent.parent / "tests/fixtures"


def model(weights, batch="batch", shape=("batch", 2), last=None):
    """Mean over rows and channels, times `weights`, then the node `last` from `scores` to `logits`."""
    inputs = [helper.make_tensor_value_info("video", TensorProto.FLOAT, [batch, 8, 111])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, shape)]
    constants = [
        numpy_helper.from_array(np.float32([weights]), "weights"),
        numpy_helper.from_array(np.int64([-1, 1]), "column"),
    ]
    nodes = [
        helper.make_node("ReduceMean", ["video"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Reshape", ["mean", "column"], ["means"]),
        helper.make_node("Mul", ["means", "weights"], ["scores"]),
        last or helper.make_node("Identity", ["scores"], ["logits"]),
    ]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, constants)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("unknown.domain", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def main():
    one = [1.0, -1.0]
    models = {
        "good": model(one),
        "one-batch": model(one, batch=1),
        "four-batch": model(one, batch=4),
        # Gives three logits, which the file does not say.
        "hidden-shape": model([1.0, -1.0, 2.0], shape=None),
        # A mean of nothing but zeros gives -inf.
        "infinite": model(one, last=helper.make_node("Log", ["scores"], ["logits"])),
        "unknown-operator": model(one, last=helper.make_node("Vanish", ["scores"], ["logits"], domain="unknown.domain")),
    }
    OUT.mkdir(parents=True, exist_ok=True)
    for name, file in models.items():
        onnx.save(file, OUT / f"tiny-{name}.onnx")


if __name__ == "__main__":
    main()

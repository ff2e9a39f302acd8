"""Writes the models of a few hundred bytes that the Rust tests load: tests/fixtures/tiny-*.onnx.

    python export/tiny_models.py        # needs the `onnx` package

Most carry no manifest: each test appends its own. They take `video` f32 [batch, 8, 111] and give
`logits` f32 [batch, 2]: the mean, times 1 and -1.

`tiny-colours.onnx` has one: it looks at a picture of 8 x 8 pixels and says by softmax which
of 100 colours it is, 97 of which it never sees. Those that listen have one: `tiny-loud` says
whether half a second of sound is loud, `tiny-flash-and-beep` also whether the picture is white,
and which of the two there were.
"""

import json
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


def colours():
    """Mean over the rows' red, green and blue, times 20; all other labels are at 4."""
    labels = ["red", "green", "blue", *(f"colour {n}" for n in range(97))]
    manifest = {
        "manifest": 1,
        "name": "tiny-colours",
        "version": "1.0.0",
        "license": "MIT OR Apache-2.0",
        "inputs": [
            {
                "name": "image",
                "modality": "image",
                "layout": "byte_array",
                "size": [8, 8],
                "resize": "crop",
                "crop_fraction": 0.875,
                "filter": "bicubic",
                "position": {"bands": [1, 1], "max_resolution": [8, 8], "order": "positions_sines_cosines"},
            }
        ],
        "output": {"name": "logits", "activation": "softmax", "labels": labels},
    }
    weights = np.zeros((3, len(labels)), np.float32)
    weights[range(3), range(3)] = 20
    bias = np.float32([0] * 3 + [4] * 97)
    constants = [
        numpy_helper.from_array(weights, "weights"),
        numpy_helper.from_array(bias, "bias"),
        numpy_helper.from_array(np.int64([0]), "from"),
        numpy_helper.from_array(np.int64([3]), "to"),
        numpy_helper.from_array(np.int64([1]), "axis"),
    ]
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("Slice", ["mean", "from", "to", "axis"], ["colour"]),
        helper.make_node("Gemm", ["colour", "weights", "bias"], ["logits"]),
    ]
    inputs = [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 64, 9])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(labels)])]
    graph = helper.make_graph(nodes, "colours", inputs, outputs, constants)
    file = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    helper.set_model_props(file, {"percept.manifest": json.dumps(manifest)})
    return file


def listening(pictures):
    """Takes `audio` f32 [batch, 8000, 1] at 16 kHz, and with `pictures` also `image` u8 [batch, 8, 8, 3] and `present`."""
    audio = helper.make_tensor_value_info("audio", TensorProto.FLOAT, ["batch", 8000, 1])
    constants, nodes = [], []

    def judged(name, mean, least, steep):
        """A logit that is above zero where `mean` [batch, 1] is above `least`."""
        constants.append(numpy_helper.from_array(np.float32(least), f"{name}.least"))
        constants.append(numpy_helper.from_array(np.float32(steep), f"{name}.steep"))
        nodes.append(helper.make_node("Sub", [mean, f"{name}.least"], [f"{name}.over"]))
        nodes.append(helper.make_node("Mul", [f"{name}.over", f"{name}.steep"], [name]))
        return name

    nodes.append(helper.make_node("Mul", ["audio", "audio"], ["power"]))
    nodes.append(helper.make_node("ReduceMean", ["power"], ["loudness"], axes=[1], keepdims=0))
    logits = [judged("loud", "loudness", 0.01, 1000.0)]
    inputs, described = [audio], [
        {"name": "audio", "modality": "audio", "layout": "raw", "sample_rate": 16000, "samples": 8000}
    ]
    if pictures:
        inputs.insert(0, helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 8, 8, 3]))
        inputs.append(helper.make_tensor_value_info("present", TensorProto.FLOAT, ["batch", 2]))
        described.insert(0, {"name": "image", "modality": "image", "layout": "raw", "size": [8, 8]})
        constants.append(numpy_helper.from_array(np.int64([-1, 1]), "column"))
        nodes.append(helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("ReduceMean", ["pixels"], ["grey"], axes=[1, 2, 3], keepdims=0))
        nodes.append(helper.make_node("Reshape", ["grey", "column"], ["greys"]))
        nodes.append(helper.make_node("Split", ["present"], ["sight", "hearing"], axis=1))
        logits += [judged("white", "greys", 128.0, 0.1)]
        logits += [judged("seen", "sight", 0.5, 20.0), judged("heard", "hearing", 0.5, 20.0)]
    nodes.append(helper.make_node("Concat", logits, ["logits"], axis=1))
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(logits)])]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, constants)
    file = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    manifest = {
        "manifest": 1,
        "name": "tiny-flash-and-beep" if pictures else "tiny-loud",
        "version": "1.0.0",
        "license": "MIT OR Apache-2.0",
        "inputs": described,
        "output": {"name": "logits", "activation": "sigmoid", "labels": logits},
    }
    if pictures:
        manifest["present"] = "present"
    helper.set_model_props(file, {"percept.manifest": json.dumps(manifest)})
    return file


def breaking():
    """Takes `image` u8 [batch, 8, 8, 3]; for a white picture it divides by zero."""
    manifest = {
        "manifest": 1,
        "name": "tiny-breaking",
        "version": "1.0.0",
        "license": "MIT OR Apache-2.0",
        "inputs": [{"name": "image", "modality": "image", "layout": "raw", "size": [8, 8]}],
        "output": {"name": "logits", "activation": "sigmoid", "labels": ["steep"]},
    }
    constants = [numpy_helper.from_array(np.float32(255), "white"), numpy_helper.from_array(np.int64([-1, 1]), "column")]
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels"], ["grey"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Sub", ["white", "grey"], ["below"]),
        helper.make_node("Reciprocal", ["below"], ["steep"]),
        helper.make_node("Reshape", ["steep", "column"], ["logits"]),
    ]
    inputs = [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 8, 8, 3])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1])]
    graph = helper.make_graph(nodes, "breaking", inputs, outputs, constants)
    file = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    helper.set_model_props(file, {"percept.manifest": json.dumps(manifest)})
    return file


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
        "loud": listening(pictures=False),
        "flash-and-beep": listening(pictures=True),
    }
    OUT.mkdir(parents=True, exist_ok=True)
    models["colours"] = colours()
    models["breaking"] = breaking()
    for name, file in models.items():
        onnx.save(file, OUT / f"tiny-{name}.onnx")


if __name__ == "__main__":
    main()

"""A thin writer of ONNX graphs: names, constants that are written once, a node a call."""

import hashlib

import numpy as np
import onnx
from onnx import helper, numpy_helper

from . import __version__

OPSET, IR_VERSION = 17, 10
DOMAIN = "percept"


class Graph:
    """Collects nodes and constants; `model` makes the file's contents."""

    def __init__(self):
        self.nodes, self.constants, self.functions = [], {}, {}
        self.inputs, self.outputs = [], []
        self._count = 0

    def name(self, stem: str) -> str:
        self._count += 1
        return f"{stem}_{self._count}"

    def constant(self, value, dtype=np.float32) -> str:
        """An initializer; the same contents twice give the same one."""
        array = np.ascontiguousarray(value, dtype)
        key = hashlib.blake2b(array.tobytes(), digest_size=12, person=str((array.dtype, array.shape)).encode()[:16])
        name = f"c_{'x'.join(map(str, array.shape)) or 'scalar'}_{array.dtype}_{key.hexdigest()}"
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def ints(self, *values: int) -> str:
        return self.constant(values, np.int64)

    def op(self, kind: str, *inputs: str, outputs: int = 1, domain: str = "", out: str | None = None, **attributes):
        """Adds a node and gives the name of its output, or a tuple of several names."""
        names = [out or self.name(kind.lower())] + [self.name(kind.lower()) for _ in range(outputs - 1)]
        node = helper.make_node(kind, list(inputs), names, name=self.name(f"n_{kind}"), domain=domain, **attributes)
        self.nodes.append(node)
        return names[0] if outputs == 1 else tuple(names)

    def input(self, name: str, dtype, shape) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape))
        return name

    def output(self, name: str, shape) -> None:
        self.outputs.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))

    def model(self) -> onnx.ModelProto:
        opsets = [helper.make_opsetid("", OPSET)]
        if self.functions:
            opsets.append(helper.make_opsetid(DOMAIN, 1))
        graph = helper.make_graph(self.nodes, "perceiver", self.inputs, self.outputs, list(self.constants.values()))
        return helper.make_model(
            graph, opset_imports=opsets, ir_version=IR_VERSION, functions=list(self.functions.values()),
            producer_name="percept-export", producer_version=__version__,
        )  # fmt: skip

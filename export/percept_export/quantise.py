"""Int8 for the latent Transformer: weights fixed and one scale an output channel, activations measured on the fly.

These are the operators that ONNX Runtime's own `quantize_dynamic` writes, and fuses. They are written
here because that tool does not know model-local functions.
"""

import numpy as np

from .graph import Graph


def linear_int8(graph: Graph, x: str, weight: np.ndarray) -> str:
    """`x @ weight` with weights of int8 [in, out]; symmetric, so their zero point is 0."""
    scale = np.maximum(np.abs(weight).max(0), 1e-12) / 127
    whole = np.clip(np.rint(weight / scale), -127, 127)
    weights = graph.constant(whole, np.int8)
    bytes_, step, zero = graph.op("DynamicQuantizeLinear", x, outputs=3)
    sums = graph.op("MatMulInteger", bytes_, weights, zero, graph.constant(np.zeros(weight.shape[1]), np.int8))
    steps = graph.op("Mul", step, graph.constant(scale))
    return graph.op("Mul", graph.op("Cast", sums, to=1), steps)

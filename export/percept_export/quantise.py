"""Int8 for the latent Transformer: weights fixed and one scale an output channel, activations measured on the fly,
each row by itself.

`DynamicQuantizeLinear`, which ONNX Runtime's own `quantize_dynamic` writes, has one scale for a whole batch: what a
window is answered would then depend on the windows beside it.
"""

import numpy as np

from .graph import Graph

ZERO = 128  # of activations, which are unsigned


def linear_int8(graph: Graph, x: str, weight: np.ndarray) -> str:
    """`x @ weight` with weights of int8 [in, out]; symmetric, so their zero point is 0."""
    scale = np.maximum(np.abs(weight).max(0), 1e-12) / 127
    whole = np.clip(np.rint(weight / scale), -127, 127)
    weights = graph.constant(whole, np.int8)
    largest = graph.op("ReduceMax", graph.op("Abs", x), axes=[-1], keepdims=1)
    step = graph.op("Mul", graph.op("Max", largest, graph.constant(1e-12)), graph.constant(1 / 127))
    # A cast cuts off what follows the point, so this rounds.
    places = graph.op("Add", graph.op("Div", x, step), graph.constant(ZERO + 0.5))
    bytes_ = graph.op("Cast", places, to=2)
    zeros = graph.constant(np.zeros(weight.shape[1]), np.int8)
    sums = graph.op("MatMulInteger", bytes_, weights, graph.constant(ZERO, np.uint8), zeros)
    return graph.op("Mul", graph.op("Mul", graph.op("Cast", sums, to=1), step), graph.constant(scale))

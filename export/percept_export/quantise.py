"""Int8 for the latent Transformer: weights fixed and one scale an output channel, activations measured on the fly,
each row by itself.

`DynamicQuantizeLinear`, which ONNX Runtime's own `quantize_dynamic` writes, has one scale for a whole batch: what a
window is answered would then depend on the windows beside it.
"""

import numpy as np

from .graph import Graph

ZERO = 128  # of activations and weights, which are unsigned both


def linear_int8(graph: Graph, x: str, weight: np.ndarray) -> str:
    """`x @ weight` with weights of 8 bits [in, out], symmetric about ZERO.

    Of signed ones ONNX Runtime adds two products in 16 bits where a processor has no VNNI, which saturates: the answers would
    be others than where the file was made. Where there is VNNI, it is used for unsigned ones, too.
    """
    scale = np.maximum(np.abs(weight).max(0), 1e-12) / 127
    whole = np.clip(np.rint(weight / scale), -127, 127)
    weights = graph.constant(ZERO + whole, np.uint8)
    largest = graph.op("ReduceMax", graph.op("Abs", x), axes=[-1], keepdims=1)
    step = graph.op("Mul", graph.op("Max", largest, graph.constant(1e-12)), graph.constant(1 / 127))
    # A cast cuts off what follows the point, so this rounds.
    places = graph.op("Add", graph.op("Div", x, step), graph.constant(ZERO + 0.5))
    bytes_ = graph.op("Cast", places, to=2)
    zeros = graph.constant(np.full(weight.shape[1], ZERO), np.uint8)
    sums = graph.op("MatMulInteger", bytes_, weights, graph.constant(ZERO, np.uint8), zeros)
    return graph.op("Mul", graph.op("Mul", graph.op("Cast", sums, to=1), step), graph.constant(scale))

"""Writes a network's layers into a graph."""

import math

import numpy as np

from .graph import Graph
from .network import Attention, Layer, Linear, MeanDecoder, Mlp, Norm, QueryDecoder
from .quantise import linear_int8


def norm(graph: Graph, x: str, one: Norm) -> str:
    weight, bias = graph.constant(one.weight), graph.constant(one.bias)
    return graph.op("LayerNormalization", x, weight, bias, axis=-1, epsilon=one.epsilon)


def linear(graph: Graph, x: str, one: Linear, int8: bool = False) -> str:
    product = linear_int8(graph, x, one.weight) if int8 else graph.op("MatMul", x, graph.constant(one.weight))
    return product if one.bias is None else graph.op("Add", product, graph.constant(one.bias))


def split_heads(graph: Graph, x: str, heads: int) -> str:
    """`[b, n, heads * d]` to `[b, heads, n, d]`."""
    apart = graph.op("Reshape", x, graph.ints(0, 0, heads, -1))
    return graph.op("Transpose", apart, perm=[0, 2, 1, 3])


def join_heads(graph: Graph, x: str) -> str:
    together = graph.op("Transpose", x, perm=[0, 2, 1, 3])
    return graph.op("Reshape", together, graph.ints(0, 0, -1))


def query(graph: Graph, x: str, one: Attention, int8: bool = False) -> tuple[str, str]:
    """The normalised tokens, and their queries `[b, heads, n, d]`."""
    tokens = norm(graph, x, one.norm_query)
    return tokens, split_heads(graph, linear(graph, tokens, one.query, int8), one.heads)


def context(graph: Graph, queries: str, rows: str, one: Attention, mask: str | None, int8: bool = False) -> str:
    """Attention of queries to normalised rows: `[b, heads, n, d]`. `mask` is added to the scores."""
    keys = split_heads(graph, linear(graph, rows, one.key, int8), one.heads)
    values = split_heads(graph, linear(graph, rows, one.value, int8), one.heads)
    scores = graph.op("MatMul", queries, graph.op("Transpose", keys, perm=[0, 1, 3, 2]))
    if mask:
        scores = graph.op("Add", scores, mask)
    return graph.op("MatMul", graph.op("Softmax", scores, axis=-1), values)


def finish(graph: Graph, x: str, found: str, one: Layer, int8: bool = False) -> str:
    """From what attention found to the layer's output: output map, residual, MLP."""
    x_new = linear(graph, join_heads(graph, found), one.attention.out, int8)
    if one.attention.residual:
        x_new = graph.op("Add", x_new, x)
    return graph.op("Add", mlp(graph, x_new, one.mlp, int8), x_new)


def mlp(graph: Graph, x: str, one: Mlp, int8: bool = False) -> str:
    hidden = linear(graph, norm(graph, x, one.norm), one.first, int8)
    if one.activation == "geglu":
        half = one.first.weight.shape[1] // 2
        values, gates = graph.op("Split", hidden, graph.ints(half, half), outputs=2, axis=-1)
        hidden = graph.op("Mul", values, gelu(graph, gates))
    else:
        hidden = gelu(graph, hidden) if one.activation == "gelu" else graph.op("Relu", hidden)
    return linear(graph, hidden, one.second, int8)


def gelu(graph: Graph, x: str) -> str:
    """x / 2 * (1 + erf(x / sqrt(2)))."""
    half = graph.op("Erf", graph.op("Div", x, graph.constant(math.sqrt(2))))
    whole = graph.op("Mul", x, graph.op("Add", half, graph.constant(1.0)))
    return graph.op("Mul", whole, graph.constant(0.5))


def self_layer(graph: Graph, x: str, one: Layer, int8: bool) -> str:
    tokens, queries = query(graph, x, one.attention, int8)
    return finish(graph, x, context(graph, queries, tokens, one.attention, None, int8), one, int8)


def decode(graph: Graph, latents: str, decoder: QueryDecoder | MeanDecoder, out: str) -> str:
    """Latents `[B, N, D]` to logits `[B, labels]`."""
    if isinstance(decoder, MeanDecoder):
        mean = graph.op("ReduceMean", latents, axes=[1], keepdims=0)
        return graph.op("Identity", linear(graph, norm(graph, mean, decoder.norm), decoder.linear), out=out)
    asked = graph.constant(decoder.query[None])
    attention = decoder.layer.attention
    _, queries = query(graph, asked, attention)
    found = context(graph, queries, norm(graph, latents, attention.norm_rows), attention, None)
    x = finish(graph, asked, found, decoder.layer)
    for one in decoder.linears:
        x = linear(graph, x, one)
    return graph.op("Squeeze", x, graph.constant([1], np.int64), out=out)

"""Folding: a cross-attention whose rows are mostly constant, with the constant part worked out beforehand.

A row is x = [values v, positions p, padding]; the keys and values see LayerNorm(x). With G = gamma * W
(W the key's or the value's weights), mu the row's mean and r its inverse standard deviation,

    score(q, x) = r * (v . Gv q + p . Gp q + padding . Gk q - mu * sum(G) q) + (a term without x)

The last term is the same for all rows and cancels in the softmax. On a grid each position channel depends
on one axis only, so p . Gp q is a sum of one small table an axis, and on the values' side row and column
sums of the attention replace the product with every row. Learned positions are one axis as long as
there are rows. Nothing is approximated.

`docs/models.md` lists the function's inputs.
"""

from dataclasses import dataclass

import numpy as np
from onnx import TensorProto, helper

from .errors import ExportError
from .graph import DOMAIN, OPSET, Graph
from .network import Attention, Network
from .rows import Modality

FUNCTION = "FoldedCrossAttention"
AXES = ("t", "y", "x")
INPUTS = [
    "query", "bytes", "mean", "inverse_std",
    "key_bytes", "key_constant", "key_mean",
    "value_bytes", "value_constant", "value_mean", "value_bias",
    "position_t", "position_y", "position_x",
    "key_t", "key_y", "key_x",
    "value_t", "value_y", "value_x",
]  # fmt: skip


def refusal(network: Network) -> str | None:
    """Why a network cannot be folded; None where it can."""
    for modality in network.modalities:
        if modality.kind == "points":
            return "point clouds do not fold: their positions are the data"
        if modality.convolution:
            return "a convolution before the first attention does not fold: no part of its rows is raw bytes"
    return None


def add_function(graph: Graph, log_sum: bool, masked: bool = False) -> None:
    """Puts the function into the file, with the outputs and inputs that its calls use.

    ONNX Runtime 1.31 does not take out what nobody reads, so a body that always gave `log_sum` would pass
    over all scores once more for nothing where there is one group of rows.
    """
    inputs = INPUTS + (["mask"] if masked else [])
    outputs = ["context"] + (["log_sum"] if log_sum else [])
    imports = [helper.make_opsetid("", OPSET)]
    graph.functions[FUNCTION] = helper.make_function(DOMAIN, FUNCTION, inputs, outputs, body(log_sum, masked), imports)


def body(log_sum: bool, masked: bool) -> list:
    """The function in standard operators."""
    nodes = []

    def op(kind, inputs, out, **attributes):
        nodes.append(helper.make_node(kind, inputs.split(), [out], name=f"f_{out}", **attributes))
        return out

    for out, *values in (
        ("one", 1), ("last", -1), ("first_two", 1, 2), ("axis_t", 3), ("axes_t_y", 3, 4),
        ("keep", 0, 0, 0), ("flat", 0, 0, 0, -1),
    ):  # fmt: skip
        nodes.append(helper.make_node("Constant", [], [out], value_ints=values))
    # Rows as [bytes, mean] and queries as [A, -c]: one product gives both terms.
    op("Cast", "bytes", "numbers", to=TensorProto.FLOAT)
    op("Unsqueeze", "mean last", "mean_column")
    op("Concat", "numbers mean_column", "row_pairs", axis=-1)
    op("Unsqueeze", "row_pairs one", "rows")
    op("Transpose", "rows", "columns", perm=[0, 1, 3, 2])
    op("MatMul", "query key_bytes", "byte_scores")
    op("MatMul", "query key_mean", "mean_scores")
    op("Neg", "mean_scores", "less_mean")
    op("Concat", "byte_scores less_mean", "query_pairs", axis=-1)
    op("MatMul", "query_pairs columns", "moving")
    # The constant part: a table an axis, added up.
    for axis in AXES:
        op("Transpose", f"position_{axis}", f"place_{axis}", perm=[1, 0])
        op("MatMul", f"query key_{axis}", f"asked_{axis}")
        op("MatMul", f"asked_{axis} place_{axis}", f"score_{axis}")
    op("MatMul", "query key_constant", "score_constant")
    op("Add", "score_t score_constant", "score_t_too")
    op("Unsqueeze", "score_t_too last", "column_t")
    op("Unsqueeze", "score_y axis_t", "row_y")
    op("Add", "column_t row_y", "score_ty")
    op("Unsqueeze", "score_ty last", "score_ty_column")
    op("Unsqueeze", "score_x axes_t_y", "row_x")
    op("Add", "score_ty_column row_x", "score_grid")
    op("Reshape", "score_grid flat", "still")
    op("Unsqueeze", "inverse_std first_two", "scale")
    op("Add", "moving still", "unscaled")
    scores = op("Mul", "unscaled scale", "scores")
    if masked:
        op("Unsqueeze", "mask first_two", "mask_row")
        scores = op("Add", "scores mask_row", "masked_scores")
    if log_sum:
        op("ReduceLogSumExp", scores, "log_sum", axes=[-1], keepdims=1)
    op("Softmax", scores, "weights", axis=-1)
    op("Mul", "weights scale", "scaled")
    # The values: sums over the grid's axes instead of a product with every row.
    op("MatMul", "scaled rows", "sums")
    op("Neg", "value_mean", "value_less_mean")
    op("Concat", "value_bytes value_less_mean", "value_pairs", axis=1)
    op("MatMul", "sums value_pairs", "from_bytes")
    for axis in AXES:
        op("Shape", f"position_{axis}", f"length_{axis}", start=0, end=1)
    op("Concat", "keep length_t length_y length_x", "grid", axis=0)
    op("Reshape", "scaled grid", "scaled_grid")
    op("ReduceSum", "scaled_grid last", "sums_ty", keepdims=0)
    op("ReduceSum", "scaled_grid axes_t_y", "sums_x", keepdims=0)
    op("ReduceSum", "sums_ty last", "sums_t", keepdims=0)
    op("ReduceSum", "sums_ty axis_t", "sums_y", keepdims=0)
    op("ReduceSum", "sums_t last", "sum", keepdims=1)
    op("MatMul", "sum value_constant", "from_constant")
    total = op("Add", "from_bytes from_constant", "total")
    for axis in AXES:
        op("MatMul", f"sums_{axis} position_{axis}", f"found_{axis}")
        op("MatMul", f"found_{axis} value_{axis}", f"from_{axis}")
        total = op("Add", f"{total} from_{axis}", f"total_{axis}")
    op("Add", f"{total} value_bias", "context")
    return nodes


@dataclass
class FoldedRows:
    """Names, in the graph, of what every look at a modality needs."""

    modality: Modality
    bytes_: str
    mean: str
    inverse_std: str
    positions: list[str]
    columns: list[list[int]]


def positions(graph: Graph, modality: Modality) -> tuple[list[str], list[list[int]]]:
    """Tables of the axes t, y, x and the columns that they stand for; missing axes are one row of zero."""
    if modality.fourier is None:
        tables, columns = [modality.table], [list(range(modality.features))]
    else:
        tables = modality.axis_tables()
        columns = [modality.fourier.columns(axis) for axis in range(len(tables))]
    missing = len(AXES) - len(tables)
    names = [graph.constant(np.zeros((1, 1)))] * missing + [graph.constant(t) for t in tables]
    return names, [[] for _ in range(missing)] + columns


def folded_rows(graph: Graph, modality: Modality, bytes_: str, epsilon: float) -> FoldedRows:
    """Writes the rows' means and inverse standard deviations, `[B, M]`, and collects the rest."""
    if epsilon is None:
        raise ExportError("folding needs a LayerNorm on the rows")
    table, width = np.float64(modality.table), modality.width
    pad = np.zeros(0) if modality.padding is None else np.float64(modality.padding)
    x = values(graph, modality, bytes_)
    lift, extra = np.eye(modality.values), np.zeros(modality.values)
    squares = x
    if modality.lift is not None:
        lift, extra = (np.float64(part) for part in modality.lift)
        # |lift(x)|^2 is a quadratic form in [x, 1]; its triangular factor is as wide as x.
        factor = np.linalg.qr(np.vstack([lift, extra]).T, mode="r").T
        product = graph.op("MatMul", x, graph.constant(factor[:-1]))
        squares = graph.op("Add", product, graph.constant(factor[-1]))
    total = graph.op("MatMul", x, graph.constant(lift.sum(1)))
    still = table.sum(1) + extra.sum() + pad.sum()
    mean = graph.op("Add", total, graph.constant(still[None]))
    mean = graph.op("Mul", mean, graph.constant(1 / width))
    power = graph.op("ReduceSumSquare", squares, axes=[-1], keepdims=0)
    power = graph.op("Add", power, graph.constant(((table**2).sum(1) + (pad**2).sum())[None]))
    power = graph.op("Mul", power, graph.constant(1 / width))
    variance = graph.op("Sub", power, graph.op("Mul", mean, mean))
    deviation = graph.op("Sqrt", graph.op("Add", variance, graph.constant(epsilon)))
    names, columns = positions(graph, modality)
    return FoldedRows(modality, bytes_, mean, graph.op("Reciprocal", deviation), names, columns)


def values(graph: Graph, modality: Modality, bytes_: str) -> str:
    """`v * scale + shift` of raw patches `[B, M, C]`, as f32."""
    x = graph.op("Cast", bytes_, to=TensorProto.FLOAT) if modality.raw_dtype == np.uint8 else bytes_
    if np.any(modality.scale != 1):
        x = graph.op("Mul", x, graph.constant(modality.scale))
    return graph.op("Add", x, graph.constant(modality.shift)) if np.any(modality.shift) else x


def attend(graph: Graph, queries: str, rows: FoldedRows, one: Attention) -> tuple[str, str | None]:
    """Calls the function: what the queries find in these rows, and the log of their scores' sum if it gives that."""
    modality, heads = rows.modality, one.heads
    scale, shift = np.float64(modality.scale), np.float64(modality.shift)
    lift, extra = np.eye(modality.values), np.zeros(modality.values)
    if modality.lift is not None:
        lift, extra = (np.float64(part) for part in modality.lift)
    to_values, still = scale[:, None] * lift, shift @ lift + extra
    first = modality.values
    pad = np.zeros(0) if modality.padding is None else np.float64(modality.padding)

    def by_head(weight):  # [C, heads * d] to [heads, C, d]
        return weight.reshape(len(weight), heads, -1).transpose(1, 0, 2)

    def tables(projection):
        weight = np.float64(one.norm_rows.weight)[:, None] * np.float64(projection.weight)
        constant = still @ weight[:first] + pad @ weight[first + modality.features :]
        axes = [weight[[first + c for c in cols]] if cols else np.zeros((1, weight.shape[1])) for cols in rows.columns]
        parts = [to_values @ weight[:first], constant[None], weight.sum(0)[None], *axes]
        return [by_head(part) for part in parts]

    def turned(part):
        return graph.constant(part.transpose(0, 2, 1))

    key_bytes, key_constant, key_mean, *keys = tables(one.key)
    value_bytes, value_constant, value_mean, *values_ = tables(one.value)
    outputs = len(graph.functions[FUNCTION].output)
    found = graph.op(
        FUNCTION, queries, rows.bytes_, rows.mean, rows.inverse_std,
        turned(key_bytes), turned(key_constant), turned(key_mean),
        graph.constant(value_bytes), graph.constant(value_constant), graph.constant(value_mean),
        graph.constant(by_head(value_bias(one)[None])),
        *rows.positions, *(turned(k) for k in keys), *(graph.constant(v) for v in values_),
        outputs=outputs, domain=DOMAIN,
    )  # fmt: skip
    return found if outputs == 2 else (found, None)


def value_bias(one: Attention) -> np.ndarray:
    """What LayerNorm's beta and the value's bias add to each value: f64 [heads * d]."""
    bias = np.float64(one.norm_rows.bias) @ np.float64(one.value.weight)
    return bias if one.value.bias is None else bias + np.float64(one.value.bias)


def attend_constant(graph: Graph, queries: str, constant_rows: np.ndarray, one: Attention) -> tuple[str, str]:
    """As [`attend`], for rows `[R, W]` that never change. Leaves out the same term of the scores."""
    rows = np.float64(constant_rows)
    rows = (rows - rows.mean(1, keepdims=True)) / np.sqrt(rows.var(1, keepdims=True) + one.norm_rows.epsilon)
    rows = rows * np.float64(one.norm_rows.weight)
    keys = (rows @ np.float64(one.key.weight)).reshape(len(rows), one.heads, -1).transpose(1, 2, 0)
    values_ = rows @ np.float64(one.value.weight) + value_bias(one)
    scores = graph.op("MatMul", queries, graph.constant(keys))
    log_sum = graph.op("ReduceLogSumExp", scores, axes=[-1], keepdims=1)
    weights = graph.op("Softmax", scores, axis=-1)
    by_head = values_.reshape(len(rows), one.heads, -1).transpose(1, 0, 2)
    return graph.op("MatMul", weights, graph.constant(by_head)), log_sum


def merge(graph: Graph, groups: list[tuple[str, str | None]], present: str | None, constant: bool) -> str:
    """What one softmax over all groups' rows would have found.

    `present` f32 [B, groups]: 0 takes a group out; the last group, where `constant`, is always in.
    """
    if len(groups) == 1 and present is None:
        return groups[0][0]
    logs = [log for _, log in groups]
    if constant:
        logs[-1] = graph.op("Expand", logs[-1], graph.op("Shape", logs[0]))
    joined = graph.op("Concat", *logs, axis=-1)
    if present:
        missing = missing_score(graph, present)
        if constant:
            missing = graph.op("Pad", missing, graph.ints(0, 0, 0, 1))
        joined = graph.op("Add", joined, graph.op("Unsqueeze", missing, graph.ints(1, 2)))
    shares = graph.op("Softmax", joined, axis=-1)
    parts = graph.op("Split", shares, graph.ints(*[1] * len(groups)), outputs=len(groups), axis=-1)
    found = [graph.op("Mul", share, context) for share, (context, _) in zip(parts, groups)]
    total = found[0]
    for one in found[1:]:
        total = graph.op("Add", total, one)
    return total


def missing_score(graph: Graph, present: str) -> str:
    """0 for what is there and -1e30 for what is missing: [B, modalities]."""
    return graph.op("Mul", graph.op("Sub", present, graph.constant(1.0)), graph.constant(1e30))

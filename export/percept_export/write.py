"""From a network to an ONNX model: inputs, rows, looks, decoder, manifest."""

from dataclasses import dataclass

import numpy as np
import onnx

from . import fold, layers, rules
from .errors import ExportError
from .graph import Graph
from .manifest import attach, document
from .network import Look, Network
from .rows import Modality


MOST_BYTES = 2**31 - 1  # a protocol buffer ends there, and Percept reads one file


@dataclass(frozen=True)
class Options:
    """How a file is written. `fold` None: where it can be, in layout `raw`, for Fourier models on grids."""

    layout: str = "raw"
    fold: bool | None = None
    int8: bool = False
    step: bool = False

    def folds(self, network: Network) -> bool:
        """Whether to fold; raises ExportError where it was asked for and cannot be."""
        why = fold.refusal(network)
        if self.layout == "byte_array":
            why = "layout byte_array brings its positions with it, so there is nothing to fold"
        if self.fold and why:
            raise ExportError(f"cannot fold {network.name}: {why}; use --no-fold")
        if self.fold is None:
            return why is None and all(m.fourier is not None for m in network.modalities)
        return self.fold


def write(network: Network, options: Options) -> onnx.ModelProto:
    """The finished model, with its manifest."""
    check(network, options)
    graph = Graph()
    folds = options.folds(network)
    names = [feed(graph, modality, options.layout) for modality in network.modalities]
    several = len(network.modalities) > 1
    present = graph.input("present", np.float32, ["batch", len(names)]) if several else None
    epsilon = network.looks[0].cross.attention.norm_rows.epsilon
    if folds:
        fold.add_function(graph, log_sum=several or network.constant_rows is not None)
        sources = [
            fold.folded_rows(graph, modality, patches(graph, modality, name), epsilon)
            for modality, name in zip(network.modalities, names)
        ]
    else:
        sources = all_rows(graph, network, names, options.layout, present)
    latents = start(graph, network, options.step)
    looks = network.looks[:1] if options.step else network.looks
    for one in looks:
        latents = look(graph, latents, one, sources, network, present, options.int8)
    if options.step:
        latents = graph.op("Identity", latents, out="latents_next")
        graph.output("latents_next", ["batch", *network.latents.shape])
    layers.decode(graph, latents, network.decoder, "logits")
    graph.output("logits", ["batch", len(network.labels)])
    graph.outputs.reverse()  # logits come first
    model = graph.model()
    attach(model, network, options)
    if model.ByteSize() > MOST_BYTES:
        raise ExportError(
            f"{network.name} takes {model.ByteSize() / 1e9:.1f} GB, and one ONNX file holds 2 GB; try --int8"
        )
    onnx.checker.check_model(model)
    rules.refuse(rules.graph(document(network, options, None), model), f"Percept would refuse {network.name}")
    return model


def check(network: Network, options: Options) -> None:
    """Raises ExportError for what no file can be made of, or none that Percept takes."""
    if options.step and not network.shares_weights():
        raise ExportError(
            f"cannot write {network.name} as one step: its looks have weights of their own (perceiver-pytorch never "
            "ties its first block to the others); leave --step out"
        )
    if options.layout == "byte_array":
        for modality in network.modalities:
            if modality.fourier is None or modality.convolution:
                raise ExportError(
                    f"cannot write {network.name} in layout byte_array: its rows are not bytes and Fourier features "
                    "(learned positions, or a convolution); use --layout raw"
                )
    told = rules.plain(document(network, options, None), f"cannot write the manifest of {network.name}")
    rules.refuse(rules.document(told), f"Percept would refuse {network.name}")


def feed(graph: Graph, modality: Modality, layout: str) -> str:
    if layout == "raw":
        return graph.input(modality.name, modality.raw_dtype, ["batch", *modality.raw_shape])
    channels = modality.values + modality.features
    return graph.input(modality.name, np.float32, ["batch", modality.rows, channels])


def start(graph: Graph, network: Network, step: bool) -> str:
    """The first latents: a constant `[1, N, D]`, or an input of that default."""
    if not step:
        return graph.constant(network.latents[None])
    graph.constants["latents"] = onnx.numpy_helper.from_array(np.float32(network.latents[None]), "latents")
    return graph.input("latents", np.float32, ["latents_batch", *network.latents.shape])


def patches(graph: Graph, modality: Modality, raw: str) -> str:
    """Raw `[B, ...]` to `[B, M, C]`, in the input's own type."""
    if all(size == 1 for _, size in modality.cut):
        return graph.op("Reshape", raw, graph.ints(0, modality.rows, -1))
    sizes, axes = [n for pair in modality.cut for n in pair], len(modality.cut)
    channels = modality.raw_shape[-1] if len(modality.raw_shape) > axes else 1
    apart = graph.op("Reshape", raw, graph.ints(0, *sizes, channels))
    order = [0, *range(1, 2 * axes, 2), *range(2, 2 * axes + 1, 2), 2 * axes + 1]
    return graph.op("Reshape", graph.op("Transpose", apart, perm=order), graph.ints(0, modality.rows, -1))


def all_rows(graph: Graph, network: Network, names: list[str], layout: str, present: str | None):
    """Every modality's rows joined, `[B, rows, W]`, and what is added to missing rows' scores (or None)."""
    parts = [rows(graph, modality, name, layout) for modality, name in zip(network.modalities, names)]
    counts = [modality.rows for modality in network.modalities]
    if network.constant_rows is not None:
        parts.append(over_batch(graph, network.constant_rows, names[0]))
        counts.append(len(network.constant_rows))
    joined = graph.op("Concat", *parts, axis=1) if len(parts) > 1 else parts[0]
    if present is None:
        return joined, None
    spread = np.repeat(np.eye(len(names), len(counts)), counts, axis=1)  # [modalities, rows]
    mask = graph.op("MatMul", fold.missing_score(graph, present), graph.constant(spread))
    return joined, graph.op("Unsqueeze", mask, graph.ints(1, 2))


def rows(graph: Graph, modality: Modality, name: str, layout: str) -> str:
    """One modality's rows with their positions and padding: `[B, M, W]`."""
    parts = []
    if layout == "byte_array":
        parts.append(name)
    elif modality.kind == "points":
        parts.append(point_features(graph, modality, name))
    else:
        parts += [row_values(graph, modality, name), over_batch(graph, modality.table, name)]
    if modality.padding is not None:
        parts.append(over_batch(graph, np.tile(modality.padding, (modality.rows, 1)), name))
    return graph.op("Concat", *parts, axis=-1) if len(parts) > 1 else parts[0]


def row_values(graph: Graph, modality: Modality, raw: str) -> str:
    """The rows' channels before the positions."""
    if not modality.convolution:
        x = fold.values(graph, modality, patches(graph, modality, raw))
        if modality.lift is not None:
            weight, bias = modality.lift
            x = graph.op("Add", graph.op("MatMul", x, graph.constant(weight)), graph.constant(bias))
        return x
    one = modality.convolution
    picture = graph.op("Transpose", fold.values(graph, modality, raw), perm=[0, 3, 1, 2])
    weight, bias = graph.constant(one.weight), graph.constant(one.bias)
    x = graph.op("Relu", graph.op("Conv", picture, weight, bias, pads=one.padding, strides=[one.stride] * 2))
    x = graph.op("MaxPool", x, kernel_shape=[one.pool] * 2, strides=[one.pool_stride] * 2)
    x = graph.op("Reshape", x, graph.ints(0, one.weight.shape[0], -1))
    return graph.op("Transpose", x, perm=[0, 2, 1])


def point_features(graph: Graph, modality: Modality, points: str) -> str:
    """Fourier features of points `[B, P, axes]`, in the reference's order of operations and columns."""
    fourier = modality.fourier
    bands, axes = np.stack([fourier.frequencies(axis) for axis in range(fourier.axes)]), fourier.axes
    column = graph.op("Unsqueeze", points, graph.ints(-1))
    angles = graph.op("Mul", graph.op("Mul", column, graph.constant(bands)), graph.constant(np.pi))
    parts = [graph.op("Sin", angles)] + ([] if fourier.sine_only else [graph.op("Cos", angles)])
    if fourier.order == "axis_sines_cosines_position":
        whole = graph.op("Concat", *parts, column, axis=-1)
        return graph.op("Reshape", whole, graph.ints(0, 0, -1))
    flat = [graph.op("Reshape", part, graph.ints(0, 0, axes * bands.shape[1])) for part in parts]
    return graph.op("Concat", *([points] if fourier.concat_pos else []), *flat, axis=-1)


def over_batch(graph: Graph, table: np.ndarray, like: str) -> str:
    """A constant `[M, C]` repeated as often as `like` has windows."""
    batch = graph.op("Shape", like, start=0, end=1)
    shape = graph.op("Concat", batch, graph.ints(*table.shape), axis=0)
    return graph.op("Expand", graph.constant(table[None]), shape)


def look(graph: Graph, latents: str, one: Look, sources, network: Network, present: str | None, int8: bool) -> str:
    """One look: latents `[b, N, D]` to `[B, N, D]`."""
    attention = one.cross.attention
    _, queries = layers.query(graph, latents, attention)
    if isinstance(sources, list):
        groups = [fold.attend(graph, queries, source, attention) for source in sources]
        constant = network.constant_rows is not None
        if constant:
            groups.append(fold.attend_constant(graph, queries, network.constant_rows, attention))
        found = fold.merge(graph, groups, present, constant)
    else:
        rows_, mask = sources
        found = layers.context(graph, queries, layers.norm(graph, rows_, attention.norm_rows), attention, mask)
    latents = layers.finish(graph, latents, found, one.cross)
    for _ in range(one.repeats):
        for layer in one.latent:
            latents = layers.self_layer(graph, latents, layer, int8)
    return latents

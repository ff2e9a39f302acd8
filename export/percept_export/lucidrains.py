"""From a `perceiver_pytorch.Perceiver` and a description of what it sees to a network.

A checkpoint is a file of `torch.save` with a dictionary:

    arguments   the constructor's arguments
    state_dict  the weights
    input       the manifest's fields of the one input, without `layout`; `position` (see positions.Fourier)
                only where `fourier_encode_data` is False and the rows carry such features
    labels      one a logit (optional)
    name, version, license, source, activation   for the manifest (optional)
"""

from pathlib import Path

import numpy as np
import torch

from . import rules
from .errors import ExportError
from .hf import array, linear, norm
from .network import Attention, Layer, Look, MeanDecoder, Mlp, Network
from .positions import Fourier
from .rows import Modality, colours, plain


def load(path: str) -> Network:
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch reads other files as pickles, which fail in any way
        why = (str(error) or type(error).__name__).splitlines()[0]
        raise ExportError(
            f"cannot load the checkpoint {path}: {why}; it must be a file of torch.save with plain values and tensors"
        ) from error
    missing = [
        k for k in ("arguments", "state_dict", "input") if not isinstance(checkpoint, dict) or k not in checkpoint
    ]
    if missing:
        raise ExportError(
            f"cannot export {path}: it lacks {', '.join(missing)}; docs/models.md says what a checkpoint holds"
        )
    return adapt(checkpoint, Path(path).stem)


def model_of(checkpoint: dict) -> torch.nn.Module:
    """The model with its weights; `tie_first` also ties the first block to the others."""
    from perceiver_pytorch import Perceiver

    try:
        model = Perceiver(**checkpoint["arguments"]).eval()
        if checkpoint.get("tie_first"):
            model.layers = torch.nn.ModuleList([model.layers[-1]] * len(model.layers))
        model.load_state_dict(checkpoint["state_dict"])
    except (AssertionError, AttributeError, RuntimeError, TypeError, ValueError) as error:
        raise ExportError(f"cannot build the checkpoint's model: {error}") from error
    return model


def adapt(checkpoint: dict, name: str = "perceiver") -> Network:
    model, arguments = model_of(checkpoint), checkpoint["arguments"]
    for option in ("attn_residual", "inverted_cross_attn"):
        if np.any(arguments.get(option, False)):
            raise ExportError(f"cannot export {name}: {option} is not supported")
    if not arguments.get("final_classifier_head", True):
        raise ExportError(f"cannot export {name}: without final_classifier_head it gives no logits")
    fields = rules.plain(checkpoint["input"], f"cannot export {name}: `input`")
    faults = rules.one_input(fields | {"layout": "raw"} if isinstance(fields, dict) else fields, "input.")
    if faults:
        raise ExportError(f"cannot export {name}: Percept would refuse its `input`:\n  " + "\n  ".join(faults))
    modality = modality_of(model, fields)
    expected = model.layers[0].cross_attn.norm_context.normalized_shape[0]
    if modality.width != expected:
        raise ExportError(
            f"cannot export {name}: `input` makes rows of {modality.width} channels, the model takes {expected}; "
            "mend input's patch, channels or position"
        )
    looks: dict[int, Look] = {}
    for block in model.layers:
        looks.setdefault(id(block), look(block))
    count = model.to_logits[2].out_features
    labels = checkpoint.get("labels") or [f"label {i}" for i in range(count)]
    if not isinstance(labels, (list, tuple)):
        raise ExportError(f"cannot export {name}: its labels are no list")
    labels = list(labels)
    if len(labels) != count:
        raise ExportError(f"cannot export {name}: it has {len(labels)} labels for {count} logits; write one a logit")
    details = {
        key: checkpoint[key] for key in ("version", "license", "source", "activation", "card") if key in checkpoint
    }
    return Network(
        name=checkpoint.get("name", name),
        latents=array(model.latents),
        looks=[looks[id(block)] for block in model.layers],
        decoder=MeanDecoder(norm(model.to_logits[1]), linear(model.to_logits[2])),
        modalities=[modality],
        labels=labels,
        reference=lambda feeds: run(model, modality, feeds[modality.name]),
        details={"source": "perceiver-pytorch"} | details,
    )


@torch.no_grad()
def run(model, modality: Modality, raw: np.ndarray) -> np.ndarray:
    """PyTorch's logits: values and positions by the model itself, or as its author would have joined them."""
    if model.fourier_encode_data:
        values = modality.patches(raw).astype(np.float32) * modality.scale + modality.shift
        data = torch.from_numpy(values.reshape(len(raw), *modality.grid, -1))
    else:
        data = torch.from_numpy(modality.byte_array(raw))
        data = data.reshape(len(raw), *([1] * (model.input_axis - 1)), modality.rows, -1)
    return torch.cat([model(one[None]) for one in data]).numpy()


def modality_of(model, fields: dict) -> Modality:
    position = fields.pop("position", None)
    modality = Modality(fields)
    if modality.kind in ("image", "video"):
        modality.scale, modality.shift = colours(fields)
    elif modality.kind != "points":
        modality.scale, modality.shift = plain(fields)
    if model.fourier_encode_data:
        if position is not None:
            raise ExportError("the model makes its own positions: take `position` out of `input`")
        if modality.kind == "points":
            raise ExportError(
                "points with fourier_encode_data would get positions of a grid; set it to False, give `position`"
            )
        if len(modality.grid) != model.input_axis:
            raise ExportError(f"`input` has {len(modality.grid)} axes, the model's input_axis is {model.input_axis}")
        axes = len(modality.grid)
        modality.fourier = Fourier(
            [model.num_freq_bands] * axes, [float(model.max_freq)] * axes, "axis_sines_cosines_position"
        )
    elif position is None:
        raise ExportError("the model does not make its own positions: give `position` in `input`")
    else:
        if position.get("time", "grid") != "grid" or position.get("tables"):
            raise ExportError("positions of real times, or of tables, are not made here: take them out of `position`")
        modality.fourier = Fourier(**{key: value for key, value in position.items() if key not in ("time", "tables")})
    if modality.kind != "points":
        modality.table = modality.fourier.grid_table(modality.grid)
    return modality


def look(block) -> Look:
    latent = [layer(attention, feed_forward) for attention, feed_forward in block.self_attns]
    return Look(layer(block.cross_attn, block.cross_ff), latent)


def layer(attention, feed_forward) -> Layer:
    inner = attention.fn
    half = inner.to_kv.out_features // 2
    both = linear(inner.to_kv)
    first, second = feed_forward.fn.net[0], feed_forward.fn.net[2]
    return Layer(
        Attention(
            heads=inner.heads,
            norm_query=norm(attention.norm),
            norm_rows=norm(attention.norm_context) if attention.norm_context is not None else None,
            query=linear(inner.to_q, inner.scale),
            key=type(both)(np.ascontiguousarray(both.weight[:, :half]), None),
            value=type(both)(np.ascontiguousarray(both.weight[:, half:]), None),
            out=linear(inner.to_out),
        ),
        Mlp(norm(feed_forward.norm), linear(first), "geglu", linear(second)),
    )

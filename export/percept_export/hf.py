"""From Hugging Face's Perceivers (transformers) to a network."""

import math
import re
from pathlib import Path

import numpy as np
import torch

from . import picture_processor
from .errors import ExportError
from .network import Attention, Layer, Linear, Look, Mlp, Network, Norm, QueryDecoder
from .positions import Fourier
from .rows import Convolution, Modality, colours, plain

IMAGE_CLASSES = (
    "PerceiverForImageClassificationFourier",
    "PerceiverForImageClassificationLearned",
    "PerceiverForImageClassificationConvProcessing",
)
MULTIMODAL_CLASS = "PerceiverForMultimodalAutoencoding"
MOST_ROWS = 2**22  # with their positions, gigabytes
ACTIVATIONS = {"gelu": "gelu", "relu": "relu"}


def load(name: str, size: tuple[int, int] | None = None) -> Network:
    """Loads a folder, or a name on the hub, and adapts it."""
    from transformers import AutoConfig
    from transformers.models.perceiver import modeling_perceiver

    if not Path(name).is_dir() and not re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*(?<!\.pt)(?<!\.pth)(?<!\.onnx)", name):
        raise ExportError(f"cannot load {name}: there is no such folder or file, and names on the hub are OWNER/NAME")
    try:
        config = AutoConfig.from_pretrained(name)
    except Exception as error:  # whatever its reading of another's file stumbles over
        raise ExportError(unreachable(name, error)) from error
    classes = [c for c in config.architectures or [] if c in (*IMAGE_CLASSES, MULTIMODAL_CLASS)]
    if not classes:
        raise ExportError(
            f"cannot export {name}: its config.json names {config.architectures or 'no architecture'}, and "
            f"percept-export knows {', '.join((*IMAGE_CLASSES, MULTIMODAL_CLASS))}"
        )
    try:
        # Stored halves are widened: dtype would otherwise be the file's. Wrong shapes are told below, by their names.
        model, loaded = getattr(modeling_perceiver, classes[0]).from_pretrained(
            name, dtype=torch.float32, output_loading_info=True, ignore_mismatched_sizes=True
        )
    except Exception as error:  # transformers and pickle fail in any way where a file is not what it should be
        raise ExportError(unreachable(name, error)) from error
    wrong = [f"{key} {list(found)} instead of {list(wanted)}" for key, found, wanted in loaded["mismatched_keys"]]
    if wrong:
        raise ExportError(f"cannot export {name}: its weights have other shapes than its config.json says: {wrong[0]}")
    # transformers draws what is missing at random, and says so only in its log.
    missing = sorted(key for key in loaded["missing_keys"] if not key.endswith("num_batches_tracked"))
    if missing:
        raise ExportError(
            f"cannot export {name}: its weights lack {len(missing)} of {classes[0]}'s, such as "
            f"{', '.join(missing[:3])}; load it with the class that it was trained as, and save_pretrained it again"
        )
    found = picture_processor.read(name)
    network = adapt(model, name=Path(name).name, settings=found, size=size, source=name)
    if found is None:
        network.notes.append(f"{name} says nothing of its image processor: its pictures are taken to be {picture_processor.CLASSES[0]}'s")
    return network


def unreachable(name: str, error: Exception) -> str:
    why = (str(error) or type(error).__name__).splitlines()[0]
    if Path(name).is_dir():
        return (
            f"cannot load the folder {name}: {why} It must be as save_pretrained writes it: config.json and weights"
        )
    return (
        f"cannot load {name}: there is no such folder here, and the hub did not give it "
        f"({why}). Give a folder written by save_pretrained, or run where there is internet"
    )


def adapt(
    model: torch.nn.Module,
    name: str,
    settings: dict | None = None,
    size: tuple[int, int] | None = None,
    source: str = "",
) -> Network:
    """A loaded model as a network. `size` [h, w] overrides the picture's size where the model leaves it free."""
    kind = next((c.__name__ for c in type(model).__mro__ if c.__name__ in (*IMAGE_CLASSES, MULTIMODAL_CLASS)), None)
    if kind is None:
        raise ExportError(f"cannot export {name}: {type(model).__name__} is not a Perceiver that percept-export knows")
    model.eval()
    if model.config.hidden_act not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        raise ExportError(f"cannot export {name}: activation {model.config.hidden_act} is not one of {known}")
    details = {"source": source or f"transformers {kind}", "license": "unknown"}
    build = multimodal if kind == MULTIMODAL_CLASS else image
    with torch.no_grad():
        return build(model, name, picture_processor.settled(settings or {}), size, details)


def array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().to(torch.float32).numpy()


def norm(module) -> Norm:
    return Norm(array(module.weight), array(module.bias), module.eps)


def linear(module, factor: float = 1.0) -> Linear:
    weight = np.float64(array(module.weight).T) * factor
    bias = None if module.bias is None else np.float32(np.float64(array(module.bias)) * factor)
    return Linear(np.ascontiguousarray(weight, np.float32), bias)


def layer(module, activation: str) -> Layer:
    """A PerceiverLayer: cross-attention where its second LayerNorm is one."""
    inner = module.attention.self
    cross = isinstance(inner.layernorm2, torch.nn.LayerNorm)
    attention = Attention(
        heads=inner.num_heads,
        norm_query=norm(inner.layernorm1),
        norm_rows=norm(inner.layernorm2) if cross else None,
        query=linear(inner.query, 1 / math.sqrt(inner.qk_channels_per_head)),
        key=linear(inner.key),
        value=linear(inner.value),
        out=linear(module.attention.output.dense),
        residual=module.attention.use_query_residual,
    )
    mlp = Mlp(norm(module.layernorm), linear(module.mlp.dense1), activation, linear(module.mlp.dense2))
    return Layer(attention, mlp)


def look(perceiver) -> Look:
    encoder, activation = perceiver.encoder, ACTIVATIONS[perceiver.config.hidden_act]
    latent = [layer(one, activation) for one in encoder.self_attends]
    return Look(layer(encoder.cross_attention, activation), latent, perceiver.config.num_blocks)


def labels(config) -> list[str]:
    """The labels in the logits' order; `#index` makes equal names differ (ImageNet has two cranes)."""
    names = [str(config.id2label.get(i, f"label {i}")) for i in range(config.num_labels)]
    return [n if names.count(n) == 1 else f"{n} #{i}" for i, n in enumerate(names)]


def fourier(encoding) -> Fourier:
    axes = len(encoding.max_resolution)
    return Fourier(
        [encoding.num_bands] * axes, [float(m) for m in encoding.max_resolution],
        "positions_sines_cosines", encoding.concat_pos, encoding.sine_only,
    )  # fmt: skip


def picture_size(model, settings: dict, size: tuple[int, int] | None) -> tuple[int, int]:
    preprocessor = model.perceiver.input_preprocessor
    if preprocessor.position_encoding_type == "trainable":
        side = math.isqrt(len(preprocessor.position_embeddings.position_embeddings))
        if size and tuple(size) != (side, side):
            raise ExportError(f"this model has learned positions of {side} x {side} pixels; --size cannot change that")
        return side, side
    return tuple(size) if size else (settings["size"]["height"], settings["size"]["width"])


def image(model, name: str, settings: dict, size, details: dict) -> Network:
    preprocessor, decoder = model.perceiver.input_preprocessor, model.perceiver.decoder.decoder
    height, width = picture_size(model, settings, size)
    if height * width > MOST_ROWS:
        raise ExportError(f"cannot export {name}: a picture of {height}x{width} is more than {MOST_ROWS} rows; give a --size")
    fields = {"name": "image", "modality": "image", **picture_processor.picture_fields(settings, (height, width)), "patch": [1, 1, 1]}
    scale, shift = colours(fields)
    mean, std = (torch.tensor(fields[key]).view(1, 3, 1, 1) for key in ("mean", "std"))

    def pixels(raw: np.ndarray) -> torch.Tensor:
        return (torch.from_numpy(raw).permute(0, 3, 1, 2) / 255.0 - mean) / std

    @torch.no_grad()
    def reference(feeds: dict) -> np.ndarray:
        return torch.cat([model(inputs=pixels(raw[None])).logits for raw in feeds["image"]]).numpy()

    rows, _, without = preprocessor(pixels(np.zeros((1, height, width, 3), np.uint8)))
    values = without.shape[-1]
    modality = Modality(fields, None, array(rows[0, :, values:]), scale, shift)
    if preprocessor.prep_type == "conv1x1":
        weight = preprocessor.convnet_1x1.weight[:, :, 0, 0]
        modality.lift = (array(weight.T), array(preprocessor.convnet_1x1.bias))
    else:
        modality.fourier = fourier(preprocessor.position_embeddings)
    if preprocessor.prep_type == "conv":
        modality.convolution = convolution(preprocessor.convnet)
    return Network(
        name=name,
        latents=array(model.perceiver.embeddings.latents),
        looks=[look(model.perceiver)],
        decoder=QueryDecoder(
            array(decoder.output_position_encodings.position_embeddings),
            layer(decoder.decoding_cross_attention, ACTIVATIONS[model.config.hidden_act]),
            [linear(decoder.final_layer)],
        ),
        modalities=[modality],
        labels=labels(model.config),
        reference=reference,
        details=details,
    )


def convolution(net) -> Convolution:
    """Convolution, batch norm, ReLU and max pooling; the batch norm goes into the convolution."""
    batch_norm, conv = net.batchnorm, net.conv
    weight, bias = np.float64(array(conv.weight)), np.zeros(conv.out_channels)
    if isinstance(batch_norm, torch.nn.BatchNorm2d):
        factor = np.float64(array(batch_norm.weight)) / np.sqrt(
            np.float64(array(batch_norm.running_var)) + batch_norm.eps
        )
        weight = weight * factor[:, None, None, None]
        bias = np.float64(array(batch_norm.bias)) - np.float64(array(batch_norm.running_mean)) * factor
    left, right, top, bottom = conv.zero_pad_2d.padding
    return Convolution(
        np.float32(weight), np.float32(bias), [top, left, bottom, right],
        conv.stride[0], net.max_pool.kernel_size, net.max_pool.stride,
    )  # fmt: skip


def multimodal(model, name: str, settings: dict, size, details: dict) -> Network:
    """Video and sound to labels: the classification path of the autoencoder.

    The model masks its label row with probability 1, so that row is the learned mask token, always.
    Of the decoder's queries only the label's is asked. Videos are scaled to [0, 1] as in the
    authors' notebook, and no more.
    """
    perceiver, config = model.perceiver, model.config
    preprocessor = perceiver.input_preprocessor
    audio, video = preprocessor.modalities["audio"], preprocessor.modalities["image"]
    if size and tuple(size) != (config.image_size,) * 2:
        raise ExportError(
            f"this model takes pictures of {config.image_size} x {config.image_size}; --size cannot change that"
        )
    frames, side = config.num_frames, config.image_size
    audio_fields = {
        "name": "audio", "modality": "audio", "sample_rate": 48_000, "samples": frames * config.audio_samples_per_frame,
        "channels": 1, "patch": [config.samples_per_patch],
    }  # fmt: skip
    video_fields = {
        "name": "video", "modality": "video", "frames": frames, "size": [side, side], "fps": 25.0,
        "patch": [video.temporal_downsample, video.spatial_downsample, video.spatial_downsample],
        "resize": "crop", "crop_fraction": 1.0, "filter": "bilinear", "mean": [0.0] * 3, "std": [1.0] * 3,
    }  # fmt: skip

    def tensors(feeds: dict) -> dict:
        return {
            "audio": torch.from_numpy(feeds["audio"]),
            "image": torch.from_numpy(feeds["video"]).permute(0, 1, 4, 2, 3) / 255.0,
            "label": torch.zeros(len(feeds["video"]), config.num_labels),
        }

    modalities, counts = [], []
    for one, fields, key in ((audio, audio_fields, "audio"), (video, video_fields, "image")):
        blank = Modality(fields)
        raw = {fields["name"]: np.zeros((1, *blank.raw_shape), blank.raw_dtype)}
        rows, _, without = one(
            tensors({"audio": np.zeros((1, 16, 1), np.float32), "video": np.zeros((1, 1, 4, 4, 3), np.uint8)} | raw)[
                key
            ]
        )
        scale, shift = colours(fields) if key == "image" else plain(fields)
        table, padding = array(rows[0, :, without.shape[-1] :]), array(preprocessor.padding[key][0])
        modalities.append(Modality(fields, fourier(one.position_embeddings), table, scale, shift, padding=padding))
        counts.append(len(table))
    decoder = perceiver.decoder
    query = torch.cat(
        [decoder.modalities["label"].decoder.output_position_encodings(1)[0], decoder.padding["label"]], -1
    )
    inner = decoder.decoder

    @torch.no_grad()
    def reference(feeds: dict) -> np.ndarray:
        found = []
        for i in range(len(feeds["video"])):
            one = {key: value[i : i + 1] for key, value in feeds.items()}
            mask = torch.ones(1, sum(counts) + 1)
            for k, (start, count) in enumerate(zip(np.cumsum([0, *counts]), counts)):
                mask[:, start : start + count] = float(one["present"][0, k])
            points = {"image": torch.arange(2), "audio": torch.arange(2), "label": None}
            out = perceiver(inputs=tensors(one), attention_mask=mask, subsampled_output_points=points)
            found.append(out.logits["label"])
        return torch.cat(found).numpy()

    return Network(
        name=name,
        latents=array(perceiver.embeddings.latents),
        looks=[look(perceiver)],
        decoder=QueryDecoder(
            array(query),
            layer(inner.decoding_cross_attention, ACTIVATIONS[config.hidden_act]),
            [linear(inner.final_layer), linear(perceiver.output_postprocessor.modalities["label"].classifier)],
        ),
        modalities=modalities,
        labels=labels(config),
        reference=reference,
        constant_rows=array(preprocessor.mask["label"]),
        details=details,
    )

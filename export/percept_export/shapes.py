"""The published shapes as models with random, informative weights, and their small twins.

The image and multimodal models are Hugging Face's classes in the published configurations. The others
are the paper's shapes: perceiver-pytorch's latent Transformer with tied looks over rows whose positions
come from Hugging Face's generate_fourier_features.
"""

import math

import torch

from . import hf, lucidrains
from .errors import ExportError
from .informative import inform
from .network import Network

IMAGE = {
    "image-fourier": ("PerceiverForImageClassificationFourier", 261, 224),
    "image-learned": ("PerceiverForImageClassificationLearned", 512, 224),
    "image-conv": ("PerceiverForImageClassificationConvProcessing", 322, 56),
}
MEL = {
    "n_fft": 2048, "window": 2048, "hop": 480, "bands": 128, "f_min": 20.0, "f_max": 20_000.0, "power": 2.0,
    "scale": "htk", "norm": None, "centre": True, "log": {"floor": 1e-6}, "mean": -6.0, "std": 4.0,
}  # fmt: skip
INPUT = {
    "paper-video": {
        "modality": "video", "frames": 32, "size": [224, 224], "fps": 25.0, "patch": [2, 8, 8],
        "resize": "crop", "crop_fraction": 1.0, "filter": "bilinear", "mean": [0.5] * 3, "std": [0.5] * 3,
    },
    "paper-audio": {"modality": "audio", "sample_rate": 48_000, "samples": 61_440, "channels": 1, "patch": [128]},
    "mel": {
        "modality": "audio", "sample_rate": 48_000, "samples": 60_960, "channels": 1, "patch": [4, 4], "mel": MEL,
    },
    "points": {"modality": "points", "points": 2048, "dimensions": 3},
}  # fmt: skip
SMALL_INPUT = {
    "paper-video": {"frames": 4, "size": [16, 24], "patch": [2, 8, 8]},
    "paper-audio": {"samples": 480, "patch": [8], "sample_rate": 16_000},
    "mel": {
        "sample_rate": 16_000, "samples": 2400,
        "mel": MEL | {"n_fft": 400, "window": 320, "hop": 160, "bands": 20, "f_max": 7600.0},
    },
    "points": {"points": 40},
}  # fmt: skip
POSITION = {  # bands and max_resolution an axis
    "paper-video": (32, [32.0, 224.0, 224.0]),
    "paper-audio": (192, [61_440.0]),
    "mel": (32, [128.0, 128.0]),
    "points": (64, [1120.0] * 3),
}
SMALL_POSITION = {
    "paper-video": (4, [4.0, 16.0, 24.0]),
    "paper-audio": (12, [480.0]),
    "mel": (4, [16.0, 20.0]),
    "points": (6, [112.0] * 3),
}
LATENTS = {
    "num_latents": 512, "latent_dim": 512, "latent_heads": 8, "cross_dim_head": 128, "latent_dim_head": 64,
    "self_per_cross_attn": 6, "num_classes": 527,
}  # fmt: skip
SMALL_LATENTS = {
    "num_latents": 12, "latent_dim": 16, "latent_heads": 2, "cross_dim_head": 32, "latent_dim_head": 8,
    "self_per_cross_attn": 2, "num_classes": 8,
}  # fmt: skip
LUCIDRAINS = "lucidrains"
NAMES = (*IMAGE, "multimodal", *INPUT, LUCIDRAINS)


def shape(name: str, small: bool = False, seed: int = 0) -> Network:
    """A network of one published shape."""
    torch.manual_seed(seed)
    if name in IMAGE:
        return image(name, small, seed)
    if name == "multimodal":
        return multimodal(small, seed)
    if name == LUCIDRAINS:
        return lucidrains.adapt(lucidrains_checkpoint(small, seed), "lucidrains-small" if small else name)
    if name in INPUT:
        return lucidrains.adapt(reference_checkpoint(name, small, seed), f"{name}-small" if small else name)
    raise ExportError(f"there is no shape {name}; there are {', '.join(NAMES)}")


def image(name: str, small: bool, seed: int) -> Network:
    from transformers import PerceiverConfig
    from transformers.models.perceiver import modeling_perceiver

    kind, width, side = IMAGE[name]
    config = PerceiverConfig(
        num_latents=512, d_latents=1024, d_model=width, num_blocks=8, num_self_attends_per_block=6,
        num_self_attention_heads=8, num_cross_attention_heads=1, num_labels=1000, image_size=side,
    )  # fmt: skip
    size = None
    if small:
        config.update({
            "num_latents": 16, "d_latents": 32, "num_blocks": 2, "num_self_attends_per_block": 2, "qk_channels": 32,
            "v_channels": 32, "num_self_attention_heads": 4, "num_cross_attention_heads": 2, "image_size": 12,
        })  # fmt: skip
        config.num_labels, size = 10, None if name == "image-learned" else (16, 20)
    model = getattr(modeling_perceiver, kind)(config)
    values = model.perceiver.input_preprocessor.num_channels - 258 if name != "image-learned" else 256
    inform(model, values, seed)
    processor = (
        {"crop_size": {"height": 18, "width": 22}, "size": {"height": 16, "width": 20}, "do_center_crop": False}
        if small
        else None
    )
    return hf.adapt(model, f"{name}-small" if small else name, processor, size)


def multimodal(small: bool, seed: int) -> Network:
    from transformers import PerceiverConfig
    from transformers.models.perceiver.modeling_perceiver import PerceiverForMultimodalAutoencoding

    config = PerceiverConfig(
        num_latents=784, d_latents=512, d_model=704, num_blocks=1, num_self_attends_per_block=8, image_size=224,
        num_self_attention_heads=8, num_cross_attention_heads=1, num_labels=700,
    )  # fmt: skip
    if small:
        config.update({
            "num_latents": 12, "d_latents": 32, "num_self_attends_per_block": 2, "num_self_attention_heads": 4,
            "qk_channels": 32, "v_channels": 32, "image_size": 16, "num_frames": 2, "audio_samples_per_frame": 64,
            "output_shape": [1, 2, 16, 16], "output_num_channels": 24, "_label_trainable_num_channels": 20,
        })  # fmt: skip
        config.num_labels = 8
    model = PerceiverForMultimodalAutoencoding(config)
    if small:
        fewer_bands(model, config)
    inform(model, 48, seed)
    return hf.adapt(model, "multimodal-small" if small else "multimodal")


def fewer_bands(model, config) -> None:
    """Cuts the class's fixed 192 and 32 bands down and makes what depends on their number anew."""
    from transformers.models.perceiver import modeling_perceiver as perceiver

    for part in (model.perceiver.input_preprocessor.modalities, model.perceiver.decoder.modalities):
        for key, bands in (("audio", 9), ("image", 4)):
            inner = getattr(part[key], "decoder", part[key])
            encoding = getattr(inner, "position_embeddings", None) or inner.output_position_encodings
            encoding.num_bands = bands
    old = model.perceiver.input_preprocessor
    preprocessor = perceiver.PerceiverMultimodalPreprocessor(dict(old.modalities), old.mask_probs, old.min_padding_size)
    old = model.perceiver.decoder
    decoder = perceiver.PerceiverMultimodalDecoder(
        config, dict(old.modalities), num_outputs=None, output_num_channels=config.output_num_channels,
        use_query_residual=False, concat_preprocessed_input=False,
    )  # fmt: skip
    model.perceiver = perceiver.PerceiverModel(config, decoder, preprocessor, model.perceiver.output_postprocessor)


def reference_checkpoint(name: str, small: bool, seed: int) -> dict:
    """A perceiver-pytorch checkpoint over rows that carry their positions already; four looks of the same weights."""
    fields = {"name": INPUT[name]["modality"], **INPUT[name], **(SMALL_INPUT[name] if small else {})}
    bands, tops = (SMALL_POSITION if small else POSITION)[name]
    axes = len(tops)
    if fields["modality"] == "points":
        values = 0
    else:
        colours = {"video": 3}.get(fields["modality"], 1)
        values = colours * math.prod(fields["patch"])
    arguments = {
        "num_freq_bands": bands, "depth": 4, "max_freq": 1.0, "input_axis": 1, "weight_tie_layers": True,
        "input_channels": values + axes * (2 * bands + 1), "fourier_encode_data": False,
    }  # fmt: skip
    arguments |= SMALL_LATENTS if small else LATENTS
    position = {"bands": [bands] * axes, "max_resolution": tops, "order": "positions_sines_cosines"}
    checkpoint = {"arguments": arguments, "input": {**fields, "position": position}, "tie_first": True}
    return checkpoint | {"state_dict": drawn(checkpoint, values, seed)}


def lucidrains_checkpoint(small: bool, seed: int) -> dict:
    """The README's image model: positions by the model itself, and a first block of its own."""
    arguments = {
        "num_freq_bands": 6, "depth": 6, "max_freq": 10.0, "input_channels": 3, "input_axis": 2, "num_classes": 1000,
        "num_latents": 256, "latent_dim": 512, "cross_heads": 1, "latent_heads": 8, "cross_dim_head": 64,
        "latent_dim_head": 64, "self_per_cross_attn": 2, "weight_tie_layers": True,
    }  # fmt: skip
    side = [224, 224]
    if small:
        arguments |= {"depth": 3, "num_latents": 12, "latent_dim": 16, "latent_heads": 2, "cross_heads": 2,
                      "cross_dim_head": 16, "latent_dim_head": 8, "num_classes": 8}  # fmt: skip
        side = [12, 16]
    fields = {
        "name": "image", "modality": "image", "size": side, "resize": "stretch", "filter": "bilinear",
        "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
    }  # fmt: skip
    checkpoint = {"arguments": arguments, "input": fields}
    return checkpoint | {"state_dict": drawn(checkpoint, 3, seed)}


def drawn(checkpoint: dict, values: int, seed: int) -> dict:
    """Random, informative weights for a checkpoint without any."""
    from perceiver_pytorch import Perceiver

    model = Perceiver(**checkpoint["arguments"])
    if checkpoint.get("tie_first"):
        model.layers = torch.nn.ModuleList([model.layers[-1]] * len(model.layers))
    return inform(model, values, seed).state_dict()

"""The settings of a Hugging Face image processor, as far as a manifest can say them."""

import json
import math
from pathlib import Path

from .errors import ExportError

FILTERS = {2: "bilinear", 3: "bicubic"}
# transformers' names for one and the same. Settings that a file leaves out are those of its class.
CLASSES = ("PerceiverImageProcessor", "PerceiverImageProcessorPil", "PerceiverImageProcessorFast", "PerceiverFeatureExtractor")
DEFAULTS = {
    "do_center_crop": True,
    "crop_size": {"height": 256, "width": 256},
    "do_resize": True,
    "size": {"height": 224, "width": 224},
    "resample": 3,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
}
NO_CHANGE = ("do_convert_rgb",)  # Percept's pictures are RGB


def read(name: str) -> dict | None:
    """What a folder, or a name on the hub, says of its image processor: where transformers looks, in its order.

    None where there is no such file.
    """
    from transformers.utils import cached_file

    for file, inside in (("processor_config.json", "image_processor"), ("preprocessor_config.json", None)):
        path = cached_file(name, file, _raise_exceptions_for_missing_entries=False)
        if path is None:
            continue
        try:
            found = json.loads(Path(path).read_text())
        except (RecursionError, ValueError) as error:
            raise ExportError(f"cannot read {name}'s {file}: {error}") from error
        found = found.get(inside) if inside and isinstance(found, dict) else found
        if isinstance(found, dict):
            return found
        if inside is None:
            raise ExportError(f"cannot read {name}'s {file}: it is not an object")
    return None


def settled(processor: dict) -> dict:
    """An image processor's settings in one form. Raises ExportError for what a manifest cannot say."""
    kind = processor.get("image_processor_type") or processor.get("feature_extractor_type")
    if kind is not None and kind not in CLASSES:
        raise ExportError(
            f"cannot say in a manifest what an image processor of {kind} does; if a {CLASSES[0]} can do the same, "
            "write its settings into preprocessor_config.json, with that name as image_processor_type"
        )
    settings = DEFAULTS | processor
    for key, value in settings.items():
        if key.startswith("do_") and key not in DEFAULTS and key not in NO_CHANGE and value:
            raise ExportError(f"cannot say the image processor's {key} in a manifest")
    for key in ("size", "crop_size"):
        if whole(settings[key]):  # as written before transformers 4.20
            settings[key] = {"height": settings[key], "width": settings[key]}
        sides = settings[key]
        if not isinstance(sides, dict) or not all(whole(sides.get(side)) for side in ("height", "width")):
            raise ExportError(f"cannot say the image processor's {key} {sides} in a manifest: height and width only")
    factor = settings["rescale_factor"]
    divided = settings["do_rescale"] and number(factor) and abs(factor * 255 - 1) <= 1e-6
    if not settings["do_resize"] or not divided:
        raise ExportError("cannot say in a manifest that pictures are not resized, or not divided by 255")
    if not settings["do_normalize"]:
        settings |= {"image_mean": [0.0] * 3, "image_std": [1.0] * 3}
    for key in ("image_mean", "image_std"):
        three = settings[key]
        if not isinstance(three, list) or len(three) != 3 or not all(map(number, three)):
            raise ExportError(f"cannot say the image processor's {key} {three} in a manifest: three numbers only")
    if not whole(settings["resample"]) or settings["resample"] not in FILTERS:
        raise ExportError(
            f"cannot say resampling {settings['resample']} in a manifest: bilinear (2) and bicubic (3) only"
        )
    return settings


def picture_fields(settings: dict, size: tuple[int, int]) -> dict:
    """The manifest's picture fields from an image processor's settings."""
    fields = {"size": [int(s) for s in size], "resize": "stretch", "filter": FILTERS[settings["resample"]]}
    if settings["do_center_crop"]:
        whole, part = settings["crop_size"], settings["size"]
        fractions = {part[side] / whole[side] for side in ("height", "width")}
        if len(fractions) > 1 or part["height"] != part["width"]:
            raise ExportError(
                f"cannot say in a manifest what the image processor crops: a square, of crop_size {whole}, that it "
                f"stretches to {part}; only a square size, and one share of both sides, can be said"
            )
        fields |= {"resize": "crop", "crop_fraction": fractions.pop()}
    return fields | {"mean": list(settings["image_mean"]), "std": list(settings["image_std"])}


def whole(value) -> bool:
    """Whether it is a whole number above 0."""
    return type(value) is int and value > 0


def number(value) -> bool:
    return type(value) in (int, float) and math.isfinite(value)

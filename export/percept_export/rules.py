"""Whether Percept takes a manifest: the rules of `src/data/manifest` and `src/model/check`, as told before writing."""

import json
import math
import unicodedata
from collections.abc import Callable
from typing import Any, NamedTuple

import onnx

from . import manifest, rows
from .errors import ExportError
from .positions import ORDERS

NEEDED = object()
MOST_VALUES = 2**29  # of a window
MOST_FLOAT = 3.4e38  # of f32; NaN is not below it either


class Kind(NamedTuple):
    """What a field holds: a test of its value, or the fields of an object. A default of None takes null too."""

    words: str
    holds: Callable[[Any], bool] | dict
    default: Any = NEEDED


def whole(least: int, most: int, default=NEEDED) -> Kind:
    return Kind(f"a whole number, {least} to {most}", lambda v: type(v) is int and least <= v <= most, default)


def number(words: str, test: Callable[[float], bool], default=NEEDED) -> Kind:
    return Kind(words, lambda v: type(v) in (int, float) and abs(v) < MOST_FLOAT and test(v), default)


def choice(*words: str, default=NEEDED) -> Kind:
    return Kind(f"one of {', '.join(words)}", lambda v: v in words, default)


def several(kind: Kind, count: int | None = None, default=NEEDED) -> Kind:
    words = f"a list of {count or 'values'}, each {kind.words}"
    return Kind(words, lambda v: type(v) is list and count in (None, len(v)) and all(map(kind.holds, v)), default)


def maybe(kind: Kind) -> Kind:
    return kind._replace(default=None)


def flag(default: bool) -> Kind:
    return Kind("true or false", lambda v: type(v) is bool, default)


TEXT = Kind("text on one line", lambda v: isinstance(v, str) and not any(unicodedata.category(c) == "Cc" for c in v))
NAME = Kind("text that is not empty, on one line", lambda v: TEXT.holds(v) and v.strip() != "")
FREE = Kind("anything", lambda v: True, None)
FINITE, ABOVE_0 = number("a number", lambda v: True), number("a number above 0", lambda v: v > 0)
SCORE = number("a number, 0 to 1", lambda v: 0 <= v <= 1)
GAP = number("seconds above 0, at most 86400", lambda v: 0 < v <= 86_400)
RATE = number("one a day to 1000 a second", lambda v: 1 / 86_400 <= v <= 1000)
HOLD = number("seconds, 0 to 86400", lambda v: 0 <= v <= 86_400)
POSITION = {
    "bands": several(whole(1, 4096)), "max_resolution": several(ABOVE_0), "concat_pos": flag(True),
    "sine_only": flag(False), "order": choice(*ORDERS), "time": choice("grid", "real", default="grid"),
    "tables": flag(False),
}  # fmt: skip
INPUT = {
    "modality": choice("image", "video", "audio", "points"), "name": NAME, "layout": choice("raw", "byte_array"),
    "position": Kind("an object", POSITION, None),
}  # fmt: skip
PICTURES = INPUT | {
    "frames": whole(1, 1024, 1), "size": several(whole(1, 16_384), 2), "interval": maybe(several(GAP, 2)),
    "fps": maybe(RATE), "patch": several(whole(1, 2**31), 3, [1, 1, 1]),
    "resize": choice("stretch", "crop", "pad", default="stretch"),
    "crop_fraction": number("a number above 0 and at most 1", lambda v: 0 < v <= 1, 1.0),
    "filter": choice("area", "bilinear", "bicubic", default="area"), "mean": several(FINITE, 3, [0.0] * 3),
    "std": several(ABOVE_0, 3, [1.0] * 3), "times": maybe(TEXT),
}  # fmt: skip
MEL = {
    "n_fft": whole(2, 2**20), "window": whole(1, 2**20), "hop": whole(1, 2**31), "bands": whole(1, 4096),
    "f_min": number("a number, 0 or above", lambda v: v >= 0), "f_max": ABOVE_0,
    "power": ABOVE_0._replace(default=2.0), "scale": choice("htk", "slaney", default="htk"),
    "norm": maybe(choice("slaney")), "centre": flag(True), "log": Kind("an object", {"floor": ABOVE_0}, None),
    "mean": FINITE._replace(default=0.0), "std": ABOVE_0._replace(default=1.0),
}  # fmt: skip
INPUTS = {
    "image": PICTURES,
    "video": PICTURES,
    "audio": INPUT | {
        "sample_rate": whole(1000, 384_000), "samples": whole(1, 2**26), "channels": whole(1, 32, 1),
        "patch": several(whole(1, 2**31), None, [1]), "mel": Kind("an object", MEL, None),
    },
    "points": INPUT | {"points": whole(1, 2**22), "dimensions": whole(1, 16, 3)},
}  # fmt: skip
CALIBRATION = {"scale": several(FINITE), "bias": several(FINITE)}
THRESHOLDS = {"enter": SCORE, "leave": SCORE, "start_after": maybe(HOLD), "end_after": maybe(HOLD)}
OUTPUT = {
    "name": TEXT, "activation": choice("softmax", "sigmoid"), "labels": several(TEXT), "judges": maybe(several(TEXT)),
    "calibration": Kind("an object", CALIBRATION, None),
    "thresholds": Kind("an object", lambda v: isinstance(v, dict), {}),
}  # fmt: skip
STEPS = {"latents": NAME, "gives": NAME, "looks": whole(1, 1024)}
MANIFEST = {
    "manifest": whole(1, 1), "name": NAME, "version": NAME, "license": TEXT, "source": TEXT._replace(default=""),
    "card": FREE, "verify": FREE, "present": maybe(TEXT), "steps": Kind("an object", STEPS, None),
    "inputs": Kind("a list of at least one", lambda v: type(v) is list and len(v) > 0),
    "output": Kind("an object", OUTPUT),
}  # fmt: skip


def form(value, fields: dict[str, Kind], at: str = "") -> list[str]:
    """What is wrong with the form of an object."""
    if not isinstance(value, dict):
        return [f"{at.rstrip('.')}: it is not an object"]
    known = ", ".join(fields)
    faults = [f"{at}{key}: no such field is known, only {known}" for key in value if key not in fields]
    for key, kind in fields.items():
        if key not in value:
            faults += [f"{at}{key}: it is missing, and must be {kind.words}"] if kind.default is NEEDED else []
        elif value[key] is None and kind.default is None:
            continue
        elif isinstance(kind.holds, dict):
            faults += form(value[key], kind.holds, f"{at}{key}.")
        elif not kind.holds(value[key]):
            faults.append(f"{at}{key}: {value[key]!r} is not {kind.words}")
    return faults


def filled(entry: dict) -> dict:
    """A sound entry of `inputs` with the defaults of what it leaves out."""
    defaults = {key: kind.default for key, kind in INPUTS[entry["modality"]].items() if kind.default is not NEEDED}
    whole = {key: value for key, value in (defaults | entry).items() if value is not None}
    if "mel" in whole and whole["patch"] == [1]:
        whole["patch"] = [1, 1]
    return whole


def one_input(entry, at: str = "") -> list[str]:
    """What is wrong with an entry of `inputs`."""
    modality = entry.get("modality") if isinstance(entry, dict) else None
    if modality not in list(INPUTS):
        return [f"{at}modality: {modality!r} is not {INPUT['modality'].words}"]
    faults = form(entry, INPUTS[modality], at)
    if faults:
        return faults
    one = filled(entry)
    pictures, mel, patch = one["modality"] in ("image", "video"), one.get("mel"), one.get("patch")
    axes = {"image": 2, "video": 3, "audio": 2 if mel else 1, "points": one.get("dimensions")}[one["modality"]]
    position, lengths = one.get("position"), [one.get("samples")]
    real = bool(position) and position.get("time") == "real"
    if pictures:
        lengths = (one["frames"], *one["size"])
        video, interval, fps = one["modality"] == "video", one.get("interval"), one.get("fps")
        rules = [
            ("frames", video or one["frames"] == 1, "an image has 1 frame"),
            ("interval", not interval or interval[0] <= interval[1], "write [least, most]"),
            ("fps", not (interval and fps), "`interval` is there too"),
            ("interval", not video or interval or fps, "neither it nor `fps` is there"),
            ("interval", not real or interval, "`position.time` is real and it is missing"),
            ("position.time", not real or (video and one["frames"] > 1), "`real` needs video of 2 frames or more"),
            ("crop_fraction", one["crop_fraction"] == 1 or one["resize"] == "crop", "`resize` is not crop"),
            ("times", not real or one["layout"] != "raw" or one.get("times"), "it is missing"),
            ("times", one["layout"] == "raw" or not one.get("times"), "layout byte_array has the times in its rows"),
        ]
    else:
        rules = [("position.time", not real, "`real` is for video")]
    if mel:
        mel = {key: kind.default for key, kind in MEL.items()} | mel
        shortest = mel["n_fft"] // 2 + 1 if mel["centre"] else mel["n_fft"]
        rules += [
            ("mel.window", mel["window"] <= mel["n_fft"], "it is longer than n_fft"),
            ("samples", one["samples"] >= shortest, f"{shortest} or more are needed"),
            ("mel.f_max", mel["f_min"] < mel["f_max"] <= one["sample_rate"] / 2, "f_min < f_max <= half the rate"),
        ]
        lengths = (rows.spectrogram_frames(one), mel["bands"])
    if patch is not None:
        divides = len(patch) == len(lengths) and all(n % p == 0 for n, p in zip(lengths, patch))
        rules.append(("patch", divides, f"{patch} does not divide {list(lengths)}"))
    for key in ("bands", "max_resolution") if position else ():
        rules.append((f"position.{key}", len(position[key]) == axes, f"{axes} numbers are needed, one an axis"))
    rules.append(("position", position or one["layout"] == "raw", "layout byte_array needs it"))
    faults = [f"{at}{field}: {problem}" for field, holds, problem in rules if not holds]
    if not faults and math.prod(wanted_shape(one)) > MOST_VALUES:
        faults.append(f"{at}size: {math.prod(wanted_shape(one))} values a window are too many")
    return faults


def wanted_shape(one: dict) -> tuple[int, ...]:
    """Of one window of a sound, filled entry, without the batch."""
    made = manifest.modality(one)
    return made.raw_shape if one["layout"] == "raw" else (math.prod(made.grid), made.values + made.features)


def document(found: dict) -> list[str]:
    """Everything that is wrong with a manifest on its own."""
    faults = form(found, MANIFEST)
    if faults:
        return faults
    for index, entry in enumerate(found["inputs"]):
        faults += one_input(entry, f"inputs[{index}].")
    if faults:
        return faults
    senses = ["pictures" if one["modality"] in ("image", "video") else one["modality"] for one in found["inputs"]]
    names, output, labels = [one["name"] for one in found["inputs"]], found["output"], found["output"]["labels"]
    rules = [("inputs", len(set(senses)) == len(senses), "a model takes each modality once")]
    rules.append(("output.labels", labels, "there are none"))
    for index, label in enumerate(labels):
        rules.append((f"output.labels[{index}]", label.strip(), "it is empty; write the label's name"))
        twice = label.strip() and label in labels[:index]
        rules.append((f"output.labels[{index}]", not twice, f"`{label}` is there twice; each needs a name of its own"))
    for key, values in (output.get("calibration") or {}).items():
        rules.append((f"output.calibration.{key}", len(values) == len(labels), "write one a label"))
    for label, one in (output.get("thresholds") or {}).items():
        at = f"output.thresholds.{label}"
        faults += form(one, THRESHOLDS, f"{at}.")
        rules.append((at, label in labels, "no label has that name"))
        rules.append((at, faults or one["leave"] <= one["enter"], "leave is above enter"))
    steps, judges = found.get("steps") or {}, output.get("judges")
    ports = [*names, found.get("present"), steps.get("latents"), steps.get("gives"), output["name"]]
    ports = [name for name in (*ports, *(one.get("times") for one in found["inputs"])) if name]
    rules += [("inputs", ports.count(name) == 1, f"two inputs or outputs are named `{name}`") for name in set(ports)]
    if judges is not None:
        rules += [
            ("output.judges", len(judges) == len(labels), "name one input a label"),
            ("output.judges", set(judges) <= set(names), f"name inputs: {', '.join(names)}"),
            ("output.judges", len(names) > 1 and found.get("present"), "it needs several inputs and `present`"),
            ("output.judges", output["activation"] == "sigmoid", "it needs activation sigmoid"),
        ]
    return faults + [f"{field}: {problem}" for field, holds, problem in rules if not holds]


def ports(found: dict) -> dict[str, tuple[int, list[int]]]:
    """What Percept feeds a file of a sound manifest: the type of each input and its shape without the batch."""
    byte, real = onnx.TensorProto.UINT8, onnx.TensorProto.FLOAT
    wanted = {}
    for one in map(filled, found["inputs"]):
        pictures = one["layout"] == "raw" and one["modality"] in ("image", "video")
        wanted[one["name"]] = (byte if pictures else real, [*wanted_shape(one)])
        if one.get("times"):
            wanted[one["times"]] = (real, [one["frames"]])
    if found.get("present"):
        wanted[found["present"]] = (real, [len(found["inputs"])])
    return wanted


def graph(found: dict, model: onnx.ModelProto) -> list[str]:
    """Everything in which the graph, or the tables beside it, disagree with a manifest that is sound on its own."""
    real = onnx.TensorProto.FLOAT
    wanted, faults = ports(found), []
    for index, entry in enumerate(found["inputs"]):
        try:
            manifest.modality(filled(entry), model)
        except ValueError as error:
            faults.append(f"inputs[{index}].position.tables: {error}")
    weights = {one.name for one in model.graph.initializer}
    takes = [one for one in model.graph.input if one.name not in weights]
    gives = {found["output"]["name"]: (real, [len(found["output"]["labels"])])}
    outputs = [one.name for one in model.graph.output]
    if found.get("steps") and found["steps"]["gives"] not in outputs:
        faults.append(f"steps.gives: the graph has no output `{found['steps']['gives']}`")
    faults += [f"inputs: the graph has an input `{one.name}`, which no field names"
               for one in takes if one.name not in wanted]  # fmt: skip
    for there, wishes in ((takes, wanted), (model.graph.output, gives)):
        for name, (kind, shape) in wishes.items():
            port = next((one.type.tensor_type for one in there if one.name == name), None)
            if port is None:
                faults.append(f"the graph has no `{name}`")
                continue
            sizes = [size.dim_value or None for size in port.shape.dim]  # None where it is free
            agrees = len(sizes) == len(shape) + 1 and all(a in (None, b) for a, b in zip(sizes[1:], shape))
            if port.elem_type != kind or (port.HasField("shape") and not (agrees and sizes[0] in (None, 1))):
                type_name = onnx.TensorProto.DataType.Name
                faults.append(
                    f"`{name}` of the graph is {type_name(port.elem_type)} {sizes}, the manifest means "
                    f"{type_name(kind)} [batch, {', '.join(map(str, shape))}]"
                )
    return faults


def refuse(faults: list[str], what: str) -> None:
    """Raises ExportError where there are faults."""
    if faults:
        raise ExportError(f"{what}, because of its manifest:\n  " + "\n  ".join(faults))


def plain(value, what: str):
    """The value as JSON would give it back. Raises ExportError for what JSON has no word for."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ExportError(f"{what}: {error}; write text, numbers, lists and dictionaries of these") from error

"""The JSON document inside a model file that tells Percept how to feed it and what it answers."""

import json

from . import clip, sound
from .network import LABELS

NAME, VERSION = "stream-health", "2.7.0"
LICENCE = "CC-BY-SA-4.0"
SOURCE = "Percept, export/train_stream_health.py, export/train_hearing.py and export/train_seeing.py"
CALIBRATION = {"scale": [1.0] * len(LABELS), "bias": [0.0] * len(LABELS)}
THRESHOLDS = {label: {"enter": 0.6, "leave": 0.4} for label in LABELS}
UNTRAINED = {"state": "untrained: random weights, for building against only"}


def manifest(layout: str, calibration=None, thresholds=None, card=None) -> dict:
    """The manifest of one layout, `byte_array` or `raw`."""
    video = {
        "name": "video",
        "modality": "video",
        "layout": layout,
        "frames": clip.FRAMES,
        "size": [clip.HEIGHT, clip.WIDTH],
        "interval": list(clip.INTERVAL),
        "patch": list(clip.PATCH),
        "resize": "stretch",
        "filter": "area",
        "mean": list(clip.MEAN),
        "std": list(clip.STD),
        "position": {
            "bands": list(clip.BANDS),
            "max_resolution": list(clip.MAX_RESOLUTION),
            "concat_pos": True,
            "sine_only": False,
            "order": "positions_sines_cosines",
            "time": "real",
        },
    }
    if layout == "raw":
        video["times"] = "times"
    audio = {
        "name": "audio",
        "modality": "audio",
        "layout": layout,
        "sample_rate": sound.RATE,
        "samples": sound.SAMPLES,
        "patch": [sound.PATCH],
        "position": {
            "bands": [sound.BANDS],
            "max_resolution": [sound.MAX_RESOLUTION],
            "concat_pos": True,
            "sine_only": False,
            "order": "positions_sines_cosines",
        },
    }
    return {
        "manifest": 1,
        "name": NAME,
        "version": VERSION,
        "license": LICENCE,
        "source": SOURCE,
        "card": card or UNTRAINED,
        "inputs": [video, audio],
        "present": "present",
        "output": {
            "name": "logits",
            "activation": "sigmoid",
            "labels": list(LABELS),
            "judges": ["video"] * len(clip.LABELS) + ["audio"] * len(sound.LABELS),
            "calibration": calibration or CALIBRATION,
            "thresholds": thresholds or THRESHOLDS,
        },
    }


def attach(model, document: dict) -> None:
    """Writes the manifest into an ONNX model's metadata."""
    prop = model.metadata_props.add()
    prop.key, prop.value = "percept.manifest", json.dumps(document, separators=(",", ":"))

"""The JSON document inside a model file that tells Percept how to feed it and what it answers."""

import json

from .models import Model

VERSION = "1.0.0"
PRESENT = "present"
UNTRAINED = {"state": "untrained: random weights, for building against only"}


def brief(results: dict) -> dict:
    """What of the results belongs into the file: all but confusion tables."""
    return {k: v for k, v in results.items() if k not in ("confusion", "model")}


def manifest(model: Model, results: dict | None, verify: dict) -> dict:
    scale = results["calibration"]["scale"] if results else 1.0
    document = {
        "manifest": 1,
        "name": model.name,
        "version": VERSION,
        "license": model.licence,
        "source": f"Percept, export/{model.script}",
        "card": brief(results) if results else UNTRAINED,
        "verify": verify,
        "inputs": [m.manifest() for m in model.modalities],
        "output": {
            "name": "logits",
            "activation": "softmax",
            "labels": list(model.labels),
            "calibration": {"scale": [scale] * len(model.labels), "bias": [0.0] * len(model.labels)},
            "thresholds": {label: {"enter": 0.7, "leave": 0.5} for label in model.labels},
        },
    }
    return document | ({"present": PRESENT} if len(model.modalities) > 1 else {})


def attach(file, document: dict) -> None:
    """Writes the manifest into an ONNX model's metadata."""
    prop = file.metadata_props.add()
    prop.key, prop.value = "percept.manifest", json.dumps(document, separators=(",", ":"))

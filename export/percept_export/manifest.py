"""The JSON document inside a model file, and the position tables beside it. `docs/models.md` lists the fields."""

import base64
import json

import numpy as np
import onnx

KEY = "percept.manifest"


def document(network, options, report: dict | None) -> dict:
    details = network.details
    inputs = []
    for modality in network.modalities:
        one = {**modality.fields, "layout": options.layout}
        if modality.fourier is not None and not modality.convolution:
            tables = options.layout == "byte_array" and modality.table is not None
            one["position"] = modality.fourier.manifest(tables)
        inputs.append(one)
    manifest = {
        "manifest": 1,
        "name": network.name,
        "version": details.get("version", "1"),
        "license": details.get("license", "unknown"),
        "source": details.get("source", ""),
        "card": details.get("card", {}),
        "inputs": inputs,
        "output": {
            "name": "logits",
            "activation": details.get("activation", "softmax"),
            "labels": network.labels,
        },
    }
    if len(network.modalities) > 1:
        manifest["present"] = "present"
    if options.step:
        manifest["steps"] = {"latents": "latents", "gives": "latents_next", "looks": len(network.looks)}
    if report is not None:
        manifest["verify"] = report
    return manifest


def attach(model: onnx.ModelProto, network, options, report: dict | None = None) -> None:
    """Writes manifest and tables into the model's metadata; `report` becomes the manifest's `verify`."""
    properties = {KEY: json.dumps(document(network, options, report), ensure_ascii=False)}
    if options.layout == "byte_array":
        for modality in network.modalities:
            if modality.table is None:
                continue
            for axis, table in enumerate(modality.axis_tables()):
                encoded = base64.b64encode(np.ascontiguousarray(table, "<f4").tobytes()).decode()
                properties[f"percept.table.{modality.name}.{axis}"] = encoded
    onnx.helper.set_model_props(model, properties)


def read(model: onnx.ModelProto) -> dict | None:
    """The manifest of a model, or None."""
    for entry in model.metadata_props:
        if entry.key == KEY:
            return json.loads(entry.value)
    return None

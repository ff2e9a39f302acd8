"""The JSON document inside a model file, and the position tables beside it. `docs/models.md` lists the fields."""

import base64
import json

import numpy as np
import onnx

from . import rows
from .errors import ExportError
from .positions import Fourier, join

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
            try:
                return json.loads(entry.value)
            except (RecursionError, ValueError) as error:
                raise ExportError(f"the property {KEY} is not JSON: {error}; export the model again") from error
    return None


def modality(entry: dict, model: onnx.ModelProto | None = None) -> rows.Modality:
    """How Percept makes rows of an input: by a sound entry of `inputs`, defaults filled in, and the file's tables.

    Raises ValueError where the tables are not as many numbers as they should be. Without `model` there are none.
    """
    made = rows.Modality({key: value for key, value in entry.items() if key not in ("layout", "position")})
    if made.kind != "points":
        made.scale, made.shift = (rows.colours if made.raw_dtype == np.uint8 else rows.plain)(made.fields)
    position = dict(entry.get("position") or {})
    if position:
        tables = position.pop("tables", False)
        position.pop("time", None)
        made.fourier = Fourier(**position)
        if model is not None and entry["layout"] == "byte_array" and made.kind != "points":
            grid = made.grid
            made.table = join(axis_tables(made, model), grid, made.fourier) if tables else made.fourier.grid_table(grid)
    return made


def axis_tables(made: rows.Modality, model: onnx.ModelProto) -> list[np.ndarray]:
    properties, tables = {one.key: one.value for one in model.metadata_props}, []
    for axis, length in enumerate(made.grid):
        key = f"percept.table.{made.name}.{axis}"
        table = np.frombuffer(base64.b64decode(properties.get(key, ""), validate=True), "<f4")
        if not np.all(np.isfinite(table)):
            raise ValueError(f"{key} has numbers that are not finite")
        tables.append(table.reshape(length, len(made.fourier.columns(axis))))
    return tables

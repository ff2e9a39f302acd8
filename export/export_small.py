"""Writes one of the small models as ONNX, with its manifest, and golden logits for the tests.

    python export_small.py NAME [--weights RUN]

Without --weights the network is random, for building against. Nothing is written unless ONNX Runtime gives
PyTorch's logits. Scores come from results/NAME.json (evaluate_small.py).
"""

import argparse
import io
import json
import time
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch

from small_perceivers import golden, loop, manifest
from small_perceivers.modality import rows
from small_perceivers.models import MODELS, Model
from small_perceivers.network import Perceiver

ROOT = Path(__file__).resolve().parent.parent
OPSET, IR_VERSION = 17, 10
AGREES = 1e-4  # of a logit, PyTorch against ONNX Runtime on the same rows
TOLERANCE = 5e-3  # of a logit, for a pipeline that forms spectrograms and positions itself
MOST_BYTES = 4_000_000


def cases(model: Model) -> list[tuple[int | None, ...]]:
    """A case number a modality, None where it is missing."""
    if len(model.modalities) == 1:
        return [(0,), (1,), (2,)]
    return [(0, 1), (2, 0), (1, None), (None, 2)]


def feeds(model: Model) -> dict[str, torch.Tensor]:
    """All cases in one batch."""
    chosen = cases(model)
    arrays = {}
    for index, modality in enumerate(model.modalities):
        arrays[modality.name] = torch.cat([rows(modality, golden.values(modality, c[index])) for c in chosen])
    if len(model.modalities) > 1:
        arrays[manifest.PRESENT] = torch.tensor([[float(c is not None) for c in case] for case in chosen])
    return arrays


def to_onnx(network: Perceiver, inputs: dict[str, torch.Tensor]) -> onnx.ModelProto:
    """Traces the network with a free batch axis."""
    buffer = io.BytesIO()
    axes = {name: {0: "batch"} for name in (*inputs, "logits")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, tuple(x[:2] for x in inputs.values()), buffer, dynamo=False, opset_version=OPSET,
            input_names=list(inputs), output_names=["logits"], dynamic_axes=axes,
        )  # fmt: skip
    file = onnx.load_from_string(buffer.getvalue())
    file.ir_version = min(file.ir_version, IR_VERSION)
    file.producer_name, file.producer_version = "percept", manifest.VERSION
    return file


def session(file: onnx.ModelProto) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(file.SerializeToString(), options, providers=["CPUExecutionProvider"])


def run(runner: ort.InferenceSession, inputs: dict[str, torch.Tensor], only: int | None = None) -> np.ndarray:
    """Logits of all cases, or of one alone."""
    part = slice(None) if only is None else slice(only, only + 1)
    return runner.run(None, {name: x[part].numpy() for name, x in inputs.items()})[0]


def milliseconds(runner: ort.InferenceSession, inputs: dict[str, torch.Tensor]) -> float:
    """Processor time of one window on one core, the least of several rounds: the graph alone, no spectrogram."""
    rounds = []
    for _ in range(7):
        begun = time.process_time()
        for _ in range(10):
            run(runner, inputs, 0)
        rounds.append(time.process_time() - begun)
    return round(min(rounds) / 10 * 1000, 2)


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("name", choices=MODELS)
    a.add_argument("--weights", type=Path, help="folder of the finished run")
    a.add_argument("--out", type=Path, default=ROOT, help="root of the repository")
    o = a.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = MODELS[o.name]
    network = model.network().eval()
    results = None
    if o.weights:
        loop.load(network, o.weights)
        results = json.loads((Path(__file__).parent / f"results/{o.name}.json").read_text())

    inputs = feeds(model)
    with torch.no_grad():
        expected = network(*inputs.values()).numpy()
    file = to_onnx(network, inputs)
    runner = session(file)
    error = float(np.abs(run(runner, inputs) - expected).max())
    alone = np.concatenate([run(runner, inputs, i) for i in range(len(expected))])
    error = max(error, float(np.abs(alone - expected).max()))
    print(f"{o.name}: largest difference of a logit from PyTorch {error:.1e}")
    if not error < AGREES:
        raise SystemExit(f"{o.name}: ONNX Runtime disagrees with PyTorch; nothing written")

    versions = {"torch": torch.__version__, "onnx": onnx.__version__, "onnxruntime": ort.__version__}
    verify = {"inputs": len(expected), "largest_difference_of_a_logit": error, "processor_milliseconds_a_window": milliseconds(runner, inputs), "versions": versions}  # fmt: skip
    manifest.attach(file, manifest.manifest(model, results, verify))
    onnx.checker.check_model(file, full_check=True)
    if file.ByteSize() > MOST_BYTES:
        raise SystemExit(f"{o.name}: {file.ByteSize()} bytes are more than {MOST_BYTES}; nothing written")
    path = o.out / f"models/{o.name}.onnx"
    onnx.save(file, path)
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")
    document = {
        "about": "logits of PyTorch for pictures and sounds made by formula, by export/export_small.py",
        "pixel": golden.PIXEL,
        "sample": golden.SAMPLE,
        "tolerance": TOLERANCE,
        "labels": list(model.labels),
        "cases": [{**dict(zip((m.modality for m in model.modalities), case)), "logits": [round(float(v), 6) for v in logits]} for case, logits in zip(cases(model), expected)],
    }  # fmt: skip
    (o.out / f"tests/fixtures/{o.name}-golden.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()

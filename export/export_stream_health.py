"""Writes `stream-health` as ONNX in both layouts, with its manifest, and golden logits for the tests.

    python export_stream_health.py --weights run/best.pt --card run/card.json

Without --weights the network is random (for building against). Nothing is written unless ONNX
Runtime gives PyTorch's logits for both layouts.
"""

import argparse
import io
import json
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import helper, numpy_helper

from health import clip, manifest, network, sound
from health.shipped import ROOT, TOLERANCE

OPSET, IR_VERSION = 17, 10
SMALL = 256  # numbers: fewer are not worth a cast
CASES = (  # times of the pictures, and which modalities are there
    ((-6.0, -4.0, -2.0, 0.0), (1, 1)),
    ((-9.5, -5.75, -1.25, 0.0), (1, 1)),
    ((-1.5, -1.0, -0.5, 0.0), (1, 0)),
    ((-6.0, -4.0, -2.0, 0.0), (0, 1)),
)


def formula_clip() -> np.ndarray:
    """A clip that anyone can write down: u8 [FRAMES, HEIGHT, WIDTH, 3]."""
    t, y, x, c = np.ogrid[: clip.FRAMES, : clip.HEIGHT, : clip.WIDTH, :3]
    return ((3 * x + 5 * y + 37 * t + 11 * c * (x // 16)) % 256).astype(np.uint8)


def formula_sound() -> np.ndarray:
    """Sound that anyone can write down, in whole numbers: f32 [SAMPLES]."""
    i = np.arange(sound.SAMPLES)
    return (((i * 7919 % 2003) - 1001 + ((i // 40) % 2) * 6000 - 3000) / 32768).astype(np.float32)


def to_onnx(model: torch.nn.Module, inputs: dict[str, torch.Tensor], layout: str, settings: dict) -> onnx.ModelProto:
    """Traces `model` with a free batch axis and gives the finished file."""
    torch.onnx.register_custom_op_symbolic("aten::asinh", lambda g, x: g.op("Asinh", x), OPSET)
    buffer = io.BytesIO()
    axes = {name: {0: "batch"} for name in (*inputs, "logits")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, tuple(inputs.values()), buffer, dynamo=False, opset_version=OPSET, do_constant_folding=True,
            input_names=list(inputs), output_names=["logits"], dynamic_axes=axes,
        )  # fmt: skip
    file = halved(onnx.load_from_string(buffer.getvalue()))
    file.ir_version = min(file.ir_version, IR_VERSION)
    file.producer_name, file.producer_version = "percept", manifest.VERSION
    manifest.attach(file, manifest.manifest(layout, **settings))
    onnx.checker.check_model(file, full_check=True)
    return file


def large(constant: onnx.NodeProto) -> bool:
    """Whether it is an array of floats that is worth a cast."""
    value = constant.attribute[0]
    return value.name == "value" and value.t.data_type == onnx.TensorProto.FLOAT and np.prod(value.t.dims) >= SMALL


def halved(file: onnx.ModelProto) -> onnx.ModelProto:
    """The same file, with arrays that half precision holds without loss stored so, once where they are equal, and cast before
    all else. ONNX Runtime casts them back once, when it loads the file."""
    stored, same = {}, {}
    for node in [node for node in file.graph.node if node.op_type == "Constant" and large(node)]:
        array = node.attribute[0].t
        first = same.setdefault((tuple(array.dims), array.raw_data), node.output[0])
        if first == node.output[0]:
            file.graph.initializer.append(numpy_helper.from_array(numpy_helper.to_array(array), first))
        for reader in file.graph.node:
            reader.input[:] = [first if name == node.output[0] else name for name in reader.input]
        file.graph.node.remove(node)
    for array in file.graph.initializer:
        values = numpy_helper.to_array(array)
        if array.data_type == onnx.TensorProto.FLOAT and values.size >= SMALL:
            half = values.astype(np.float16)
            if np.array_equal(half.astype(np.float32), values):
                stored[array.name] = numpy_helper.from_array(half, f"{array.name}_half")
    kept = [array for array in file.graph.initializer if array.name not in stored] + list(stored.values())
    casts = [helper.make_node("Cast", [half.name], [name], to=onnx.TensorProto.FLOAT) for name, half in stored.items()]
    nodes = casts + list(file.graph.node)
    del file.graph.initializer[:], file.graph.node[:]
    file.graph.initializer.extend(kept)
    file.graph.node.extend(nodes)
    return file


def session(file: onnx.ModelProto) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(file.SerializeToString(), options, providers=["CPUExecutionProvider"])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--weights", type=Path, help="the checkpoint that was scored")
    arguments.add_argument("--card", type=Path, help="JSON with calibration, thresholds and card, of evaluate.py")
    arguments.add_argument("--out", type=Path, default=ROOT, help="root of the repository")
    options = arguments.parse_args()

    torch.manual_seed(0)
    model = network.Perceiver().eval()
    if options.weights:
        model.load_state_dict(torch.load(options.weights, map_location="cpu", weights_only=True)["ema"])
    settings = json.loads(options.card.read_text()) if options.card else {}
    raw = network.RawPerceiver(model).eval()

    times, present = np.float32([t for t, _ in CASES]), np.float32([p for _, p in CASES])
    video = np.repeat(formula_clip()[None], len(CASES), 0)
    rows = np.stack([clip.byte_array(v, t) for v, (t, _) in zip(video, CASES)])
    waves = np.repeat(formula_sound()[None], len(CASES), 0)
    heard = np.stack([sound.byte_array(w) for w in waves])
    feeds = {
        "byte_array": {"video": rows, "audio": heard, "present": present},
        "raw": {"video": video, "times": times, "audio": waves[..., None], "present": present},
    }
    with torch.no_grad():
        expected = model(*map(torch.from_numpy, feeds["byte_array"].values())).numpy()
        files = {}
        for layout, module in (("byte_array", model), ("raw", raw)):
            tensors = {name: torch.from_numpy(value[:2]) for name, value in feeds[layout].items()}
            files[layout] = to_onnx(module, tensors, layout, settings)
            found = session(files[layout]).run(None, feeds[layout])[0]
            error = float(np.abs(found - expected).max())
            print(f"{layout}: largest difference of a logit from PyTorch {error:.1e}")
            if not error < TOLERANCE:
                raise SystemExit(f"{layout}: ONNX Runtime disagrees with PyTorch; nothing written")

    paths = {
        "byte_array": options.out / "models/stream-health.onnx",
        "raw": options.out / "tests/fixtures/stream-health-raw.onnx",
    }
    for layout, path in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(files[layout], path)
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")
    golden = {
        "about": "logits of PyTorch for one clip at several frame times, by export/export_stream_health.py",
        "pixel": "(3 * x + 5 * y + 37 * t + 11 * c * (x // 16)) % 256, u8 [t, y, x, c] = [4, 128, 224, 3]",
        "sound": "((i * 7919 % 2003) - 1001 + (i / 40 % 2) * 6000 - 3000) / 32768, f32, i = 0 .. 47999, whole divisions before the last",
        "tolerance": TOLERANCE,
        "labels": list(network.LABELS),
        "cases": [
            {"times": list(t), "present": list(p), "logits": [round(float(v), 6) for v in e]}
            for (t, p), e in zip(CASES, expected)
        ],
    }
    (options.out / "tests/fixtures/stream-health-golden.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()

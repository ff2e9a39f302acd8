"""Writes the small model files of the published shapes and their golden logits, for the Rust tests.

    percept-export's environment: make export-env
    export/.venv/bin/python export/published_fixtures.py [OUT]     # default tests/fixtures

Weights are random, seeded and made informative. Logits are PyTorch's, by the reference implementations
(transformers, perceiver-pytorch). Inputs are integer formulas that any language can reproduce exactly.
"""

import json
import sys
from pathlib import Path

import numpy as np

from percept_export import lucidrains, shapes
from percept_export.export import export
from percept_export.mel import spectrogram
from percept_export.verify import Comparison
from percept_export.write import Options

OUT = Path(__file__).resolve().parent.parent / "tests/fixtures"
CASES = 6
LICENSE = "MIT OR Apache-2.0"
# file: shape, options
FILES = {
    "image-fourier-raw": ("image-fourier", Options()),
    "image-fourier-unfolded": ("image-fourier", Options(fold=False)),
    "image-fourier-bytes": ("image-fourier", Options(layout="byte_array")),
    "image-fourier-int8": ("image-fourier", Options(int8=True)),
    "image-learned": ("image-learned", Options(fold=True)),
    "image-conv": ("image-conv", Options()),
    "multimodal-raw": ("multimodal", Options()),
    "multimodal-bytes": ("multimodal", Options(layout="byte_array")),
    "lucidrains-raw": ("lucidrains", Options()),
    "lucidrains-bytes": ("lucidrains", Options(layout="byte_array")),
    "video-raw": ("paper-video", Options()),
    "video-bytes": ("paper-video", Options(layout="byte_array")),
    "video-step": ("paper-video", Options(step=True)),
    "audio-raw": ("paper-audio", Options()),
    "audio-bytes": ("paper-audio", Options(layout="byte_array")),
    "mel-raw": ("mel", Options()),
    "mel-bytes": ("mel", Options(layout="byte_array")),
    "points-raw": ("points", Options()),
    "points-bytes": ("points", Options(layout="byte_array")),
}
FORMULAS = {
    "image": "u8 [y, x, c] = ((3 + 2k) x + (5 + k) y + 11 c floor(x / 4) + 61 k) mod 256",
    "video": "u8 [t, y, x, c] = ((3 + 2k) x + (5 + k) y + 37 t + 11 c floor(x / 4) + 61 k) mod 256",
    "audio": "f32 [n, channel] = (((7 + 4k) n + floor(n n / 16) + 13 channel) mod 401 - 200) / 512",
    "spectrogram": "f32 [frame, band] = (((3 + k) frame + (5 + 2k) band + floor(frame band / 4)) mod 97 - 48) / 32",
    "points": "f32 [p, axis] = (((37 + 2k) p + (101 + 6k) axis (p + 3)) mod 2001 - 1000) / 1024",
}


def formula(kind: str, shape: tuple[int, ...], k: int) -> np.ndarray:
    """The input of case `k`, as FORMULAS says it."""
    i = np.ogrid[tuple(slice(n) for n in shape)]
    if kind == "image":
        y, x, c = i
        return (((3 + 2 * k) * x + (5 + k) * y + 11 * c * (x // 4) + 61 * k) % 256).astype(np.uint8)
    if kind == "video":
        t, y, x, c = i
        return (((3 + 2 * k) * x + (5 + k) * y + 37 * t + 11 * c * (x // 4) + 61 * k) % 256).astype(np.uint8)
    a, b = i
    if kind == "audio":
        return np.float32((((7 + 4 * k) * a + a * a // 16 + 13 * b) % 401 - 200) / 512)
    if kind == "spectrogram":
        return np.float32((((3 + k) * a + (5 + 2 * k) * b + a * b // 4) % 97 - 48) / 32)
    return np.float32((((37 + 2 * k) * a + (101 + 6 * k) * b * (a + 3)) % 2001 - 1000) / 1024)


def cases(network) -> tuple[dict[str, np.ndarray], list[list[float]] | None]:
    """Inputs by name of all cases. A missing modality's input is zeros."""
    feeds = {m.name: np.stack([formula(m.kind, m.raw_shape, k) for k in range(CASES)]) for m in network.modalities}
    if len(network.modalities) == 1:
        return feeds, None
    present = [[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]] * (CASES // 3)
    for column, modality in enumerate(network.modalities):
        for k in range(CASES):
            if not present[k][column]:
                feeds[modality.name][k] = 0
    return feeds | {"present": np.float32(present)}, present


def numbers(values) -> list:
    return [round(float(v), 6) for v in values]


def after_each_look(feeds: dict) -> list[list[list[float]]]:
    """PyTorch's logits of the step model's shape after one look, two, and so on: [looks][cases][labels]."""
    whole = shapes.reference_checkpoint("paper-video", True, 0)
    found = []
    for depth in range(1, whole["arguments"]["depth"] + 1):
        weights = {
            key: value for key, value in whole["state_dict"].items()
            if not key.startswith("layers.") or int(key.split(".")[1]) < depth
        }  # fmt: skip
        fewer = whole | {"arguments": whole["arguments"] | {"depth": depth}, "state_dict": weights}
        found.append([numbers(one) for one in lucidrains.adapt(fewer).reference(feeds)])
    return found


def from_samples(network) -> list[dict]:
    """Sound to spectrogram to logits, for the first two cases."""
    fields, found = network.modalities[0].fields, []
    for k in range(2):
        samples = formula("audio", (fields["samples"], 1), k)[:, 0]
        mel = np.float32(spectrogram(samples, fields["mel"], fields["sample_rate"]))
        logits = network.reference({"audio": mel[None]})[0]
        found.append({"k": k, "spectrogram": [numbers(line) for line in mel], "logits": numbers(logits)})
    return found


def entry(name: str, network, options: Options) -> dict:
    feeds, present = cases(network)
    logits = network.reference(feeds)
    scale = Comparison(logits, logits).scale
    document = {
        "file": f"published-{name}.onnx",
        "inputs": {m.name: FORMULAS[m.kind] for m in network.modalities},
        "largest_centred_logit": round(scale, 6),
        "tolerance": round(1e-3 * scale, 8),
        "logits": [numbers(one) for one in logits],
    }
    if present:
        document["present"] = present
    if options.int8:
        document |= {"tolerance": None, "centred_cosine": 0.99}
    if options.step:
        document["logits_after_look"] = after_each_look(feeds)
    if name == "mel-raw":
        document |= {"samples": FORMULAS["audio"], "from_samples": from_samples(network)}
    return document


def main() -> None:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    models = []
    for name, (shape, options) in FILES.items():
        network = shapes.shape(shape, small=True)
        network.details |= {"license": LICENSE, "source": "export/published_fixtures.py, random weights"}
        path = out / f"published-{name}.onnx"
        report = export(network, path, options)
        print(f"{path.name}: {path.stat().st_size / 1e3:.0f} KB, centred difference {report['centred_difference']:.1e}")
        models.append(entry(name, network, options))
    golden = {
        "about": "PyTorch's logits for case k = 0, 1, ... of each model, by export/published_fixtures.py. Integers "
        "divide exactly, so inputs are the same in any language. `tolerance` is of a logit. A missing modality's input "
        "is zeros. Layout byte_array takes the rows that the pipeline makes of the same inputs.",
        "models": models,
    }
    (out / "published-golden.json").write_text(
        json.dumps(golden, separators=(",", ":")).replace('{"file"', '\n{"file"') + "\n"
    )


if __name__ == "__main__":
    main()

"""Golden mel spectrograms: torchaudio's, of a chord that Rust makes again by the same formula.

    python golden_mel.py > ../tests/golden/mel.json

Needs torch and torchaudio. The samples are formed in float64 and rounded to float32 on both sides.
"""

import json

import numpy as np
import torch

torch.version.cuda = None  # only the CPU is used: torchaudio's check of the CUDA builds does not matter

import torchaudio  # noqa: E402

CASES = {
    "htk-log": (
        {"sample_rate": 16000, "samples": 4000, "mel": {"n_fft": 400, "window": 400, "hop": 160, "bands": 40,
         "f_min": 0.0, "f_max": 8000.0, "power": 2.0, "log": {"floor": 1e-5}}},
        {},
    ),
    "slaney-norm": (
        {"sample_rate": 48000, "samples": 9600, "mel": {"n_fft": 1024, "window": 800, "hop": 480, "bands": 64,
         "f_min": 20.0, "f_max": 20000.0, "power": 1.0, "scale": "slaney", "norm": "slaney"}},
        {"mel_scale": "slaney", "norm": "slaney"},
    ),
    "odd": (
        {"sample_rate": 16000, "samples": 4000, "mel": {"n_fft": 401, "window": 401, "hop": 100, "bands": 40,
         "f_min": 0.0, "f_max": 8000.0, "power": 2.0, "log": {"floor": 1e-5}}},
        {},
    ),
    "not-centred": (
        {"sample_rate": 22050, "samples": 6000, "mel": {"n_fft": 512, "window": 512, "hop": 300, "bands": 32,
         "f_min": 50.0, "f_max": 11025.0, "power": 2.0, "centre": False, "log": {"floor": 1e-6}, "mean": -4.0, "std": 3.0}},
        {},
    ),
}  # fmt: skip


def chord(samples: int, rate: int) -> np.ndarray:
    t = np.arange(samples) / rate
    return (0.4 * np.sin(2 * np.pi * 440.0 * t) + 0.2 * np.sin(2 * np.pi * 3000.0 * t * (1 + t))).astype(np.float32)


def main() -> None:
    out = {}
    for name, (sound, extra) in CASES.items():
        mel = sound["mel"]
        transform = torchaudio.transforms.MelSpectrogram(
            sound["sample_rate"], n_fft=mel["n_fft"], win_length=mel["window"], hop_length=mel["hop"], n_mels=mel["bands"],
            f_min=mel["f_min"], f_max=mel["f_max"], power=mel["power"], center=mel.get("centre", True), **extra,
        )  # fmt: skip
        wave = torch.from_numpy(chord(sound["samples"], sound["sample_rate"]))
        values = transform(wave).T.double()
        if "log" in mel:
            values = values.clamp_min(mel["log"]["floor"]).log()
        values = (values - mel.get("mean", 0.0)) / mel.get("std", 1.0)
        out[name] = {"sound": sound, "frames": len(values), "values": [[float(f"{v:.7g}") for v in row] for row in values[:: max(1, len(values) // 4)]], "every": max(1, len(values) // 4)}  # fmt: skip
    versions = {"torch": torch.__version__, "torchaudio": torchaudio.__version__}
    print(json.dumps({"made_by": "export/golden_mel.py", "versions": versions, "cases": out}))


if __name__ == "__main__":
    main()

"""The committed model file, and whether weights that were trained further still say the same of one modality."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch

from . import clip, sound
from .network import RawPerceiver

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models/stream-health.onnx"
RESULTS = ROOT / "export/results/stream-health/results.json"
TOLERANCE = 2e-3  # of a logit


def manifest() -> dict:
    """The manifest inside it."""
    file = onnx.load(MODEL)
    return json.loads(next(p.value for p in file.metadata_props if p.key == "percept.manifest"))


def clips(rng: np.random.Generator) -> list[dict[str, np.ndarray]]:
    """Pictures of coarse patterns with noise, at several paces, with noise beside them that touches no extreme: what is
    counted there turns on the last bit."""
    found = []
    for times in ((-6.0, -4.0, -2.0, 0.0), (-9.5, -5.75, -1.25, 0.0), (-1.5, -1.0, -0.5, 0.0)):
        base = rng.integers(0, 200, (1, clip.HEIGHT // 8, clip.WIDTH // 8, 3)).repeat(8, 1).repeat(8, 2)
        video = (base + rng.integers(0, 50, (clip.FRAMES, clip.HEIGHT, clip.WIDTH, 3))).astype(np.uint8)
        wave = (0.1 * rng.standard_normal(sound.SAMPLES)).astype(np.float32)
        found.append({"video": clip.byte_array(video, times)[None], "audio": sound.byte_array(wave)[None]})
    return found


@torch.no_grad()
def same(model: RawPerceiver, modality: str) -> None:
    """Exits unless the file says the same as these weights of `video` or `audio` alone."""
    present = np.float32([[modality == "video", modality == "audio"]])
    its = slice(len(clip.LABELS)) if modality == "video" else slice(len(clip.LABELS), None)
    session = ort.InferenceSession(MODEL, providers=["CPUExecutionProvider"])
    for both in clips(np.random.default_rng(0)):
        feeds = both | {"present": present}
        was = session.run(None, feeds)[0][:, its]
        now = model.model(*map(torch.from_numpy, feeds.values())).numpy()[:, its]
        if not (apart := float(np.abs(was - now).max())) < TOLERANCE:
            raise SystemExit(f"{MODEL}: these weights say something else of {modality} alone; a logit differs by {apart:.1e}")

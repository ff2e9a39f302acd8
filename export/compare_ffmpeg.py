"""FFmpeg's own detectors against `stream-health`, on full-rate video of the same scenes.

    python compare_ffmpeg.py --data DATA --weights RUN/last.pt --card RUN/card.json --out RUN/ffmpeg

`blackdetect` stands against `dark`, `freezedetect` against `frozen`, `blurdetect` against `defocused`.
The detectors see every frame at 25 frames a second; their thresholds are the best of a list on
training sources. Percept sees one frame in two seconds of the same files. Both are scored on the same
windows, `heldout` sources only. The result goes to OUT/ffmpeg.json.
"""

import argparse
import json
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from health import calibrate, loader, report, score
from health.corpus import Corpus, save, truth, window
from health.events import looks
from health.full_rate import record
from health.network import trained
from health.scene import LABEL
from health.sources import Sources

KINDS = ("dark", "frozen", "defocused", None)
BLACK = [(pixel, share) for pixel in (0.05, 0.1, 0.15, 0.2) for share in (0.8, 0.9, 0.98)]
FREEZE = (-80, -70, -60, -55, -50, -45, -40, -35)  # dB
BLUR = np.arange(3.0, 25.0, 0.25)
BLUR_EVERY = 5  # frames: the values of neighbours hardly differ


def detect(path: Path) -> dict:
    """All detectors at all thresholds in one pass: spans [(start, end)] a detector, and a list of blur values.

    Each detector is followed by a printer of its findings, which are then deleted for the next one."""
    black = [(f"blackdetect=d=0.5:pix_th={p}:pic_th={s}", "lavfi.black") for p, s in BLACK]
    freeze = [(f"freezedetect=n={n}dB:d=1", "lavfi.freezedetect.freeze") for n in FREEZE]
    with tempfile.TemporaryDirectory() as folder:
        graph = []
        for i, (detector, key) in enumerate(black + freeze):
            graph.append(detector)
            for word in ("start", "end"):
                graph.append(f"metadata=print:key={key}_{word}:file={folder}/{i}{word}")
            graph += [f"metadata=delete:key={key}_{word}" for word in ("start", "end")]
        graph += [f"framestep={BLUR_EVERY}", "blurdetect", f"metadata=print:key=lavfi.blur:file={folder}/blur"]
        command = ["ffmpeg", "-v", "error", "-threads", "1", "-f", "h264", "-i", str(path), "-vf", ",".join(graph), "-f", "null", "-"]
        subprocess.run(command, check=True)

        def values(name: str) -> list[float]:
            return [float(v) for v in re.findall(r"lavfi\.[\w.]+=(-?[\d.]+)", (Path(folder) / name).read_text())]

        spans = []
        for i in range(len(black + freeze)):
            starts, ends = values(f"{i}start"), values(f"{i}end")
            spans.append([[a, ends[k] if k < len(ends) else 1e9] for k, a in enumerate(starts)])
        return {"spans": spans, "blur": values("blur")}


def answers(found: dict, when: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What each threshold of each detector says at `when` (s): black [12], freeze [8], blur [88]."""
    inside = np.array([any(a <= when - 0.1 and when - 0.1 <= b for a, b in spans) for spans in found["spans"]])
    rate = 25 / BLUR_EVERY
    recent = np.array(found["blur"][max(int((when - 1) * rate), 0) : int(when * rate) + 1])
    blur = float(np.median(recent)) if len(recent) else 0.0
    return inside[: len(BLACK)], inside[len(BLACK) :], blur > BLUR


def f1(said: np.ndarray, y: np.ndarray) -> dict:
    said, y = said[y >= 0], y[y >= 0] == 1
    tp, fp, fn = int((said & y).sum()), int((said & ~y).sum()), int((~said & y).sum())
    return {"f1": round(2 * tp / max(2 * tp + fp + fn, 1), 3), "tp": tp, "fp": fp, "fn": fn}


def prepare(o, split: str, count: int) -> tuple[Corpus, list[dict]]:
    """Records and detects what is missing; gives the looks and the detectors' findings, scene by scene."""
    folder = o.out / split
    folder.mkdir(parents=True, exist_ok=True)
    sources = Sources(o.data, split)
    for k in tqdm(range(count * len(KINDS)), desc=split):
        if (folder / f"{k:04}.json").exists():
            continue
        video = folder / "now.h264"
        scene = record(sources, (7 if split == "train" else 11) * 100_000 + k, KINDS[k % len(KINDS)], video)
        scene.about["found"] = detect(video)
        save(scene, folder, f"{k:04}")
    corpus = Corpus(folder)
    return corpus, [s.about["found"] for s in corpus.scenes]


def table(corpus: Corpus, found: list[dict]):
    """Truth [n, 8], clips and times of all looks, and the detectors' answers at each."""
    truths, clips, times, said = [], [], [], ([], [], [])
    for scene, f in zip(corpus.scenes, found):
        for at in looks(scene):
            truths.append(truth(scene, at))
            video, when = window(scene, at)
            clips.append(video)
            times.append(when)
            for store, one in zip(said, answers(f, float(scene.times[at[-1]]))):
                store.append(one)
    return np.stack(truths), loader.Batch(np.stack(clips), np.float32(times), np.stack(truths)), [np.stack(s) for s in said]


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--data", type=Path, required=True)
    a.add_argument("--weights", type=Path)
    a.add_argument("--card", type=Path)
    a.add_argument("--out", type=Path, required=True)
    a.add_argument("--scenes", type=int, default=40, help="held-out scenes of each kind; half as many for tuning")
    o = a.parse_args()
    tune, tune_found = prepare(o, "train", o.scenes // 2)
    test, test_found = prepare(o, "heldout", o.scenes)
    if not o.weights:
        return
    torch.set_num_threads(1)
    model, _ = trained(o.weights)
    card = json.loads(o.card.read_text())
    truth_a, _, said_a = table(tune, tune_found)
    truth_b, batch, said_b = table(test, test_found)
    scores = calibrate.scores(score.logits(model, batch), card["calibration"])
    result = {"scenes": len(test.scenes), "windows": len(truth_b)}
    for name, label, settings, which in (("blackdetect", "dark", BLACK, 0), ("freezedetect", "frozen", FREEZE, 1), ("blurdetect", "defocused", BLUR.tolist(), 2)):
        y = truth_a[:, LABEL[label]]
        best = max(range(len(settings)), key=lambda i: f1(said_a[which][:, i], y)["f1"])
        mine = scores[:, LABEL[label]] >= card["thresholds"][label]["enter"]
        y = truth_b[:, LABEL[label]]
        result[label] = {"detector": name, "setting": settings[best], "ffmpeg": f1(said_b[which][:, best], y), "percept": f1(mine, y)}
        print(label, json.dumps(result[label]))
    (o.out / "ffmpeg.json").write_text(json.dumps(result, indent=1))
    report.log_look(Path(__file__).name, weights=o.weights.name)


if __name__ == "__main__":
    main()

"""FFmpeg's own detectors against `stream-health`, on the same windows of sound.

    python compare_ffmpeg_sound.py --sounds RUN/sounds --weights RUN/last.pt --card RUN/card.json --out RUN/ffmpeg/sound.json

`silencedetect` stands against `silent` and, counting short silences, against `dropouts`; `astats` against `clipping`
(flat factor, peak count) and `noise` (noise floor). Their thresholds are the best of a list on training scenes; both
are scored on held-out scenes damaged by means that were trained. FFmpeg has nothing against `hum`, speech and music.
"""

import argparse
import json
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import torch

from health import hearing_scores, report, sound
from health.hearing.corpus import Corpus, fixed
from health.network import trained

SECONDS = sound.SAMPLES / sound.RATE
SILENT = [(n, d) for n in (-70, -65, -60, -55, -50, -45) for d in (0.5, 1.0, 1.5, 1.9)]  # dB, seconds
SHORT = [(n, least) for n in (-75, -70, -65, -60, -55, -50, -45) for least in (1, 2, 3)]  # dB, silences in a window
SHORTEST, LONGEST = 0.008, 0.35  # seconds of a silence that counts as a gap
TUNED_ON = 600  # training scenes


def ffmpeg(path: Path, chain: str) -> str:
    command = ["ffmpeg", "-hide_banner", "-nostats", "-i", str(path), "-af", chain, "-f", "null", "-"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stderr


def silences(path: Path, decibels: float, least: float, end: float) -> np.ndarray:
    """Spans of silence [n, 2], seconds."""
    said = ffmpeg(path, f"silencedetect=n={decibels}dB:d={least}")
    starts = [float(v) for v in re.findall(r"silence_start: (-?[\d.]+)", said)]
    ends = [float(v) for v in re.findall(r"silence_end: (-?[\d.]+)", said)]
    return np.array([[a, ends[k] if k < len(ends) else end] for k, a in enumerate(starts)]).reshape(-1, 2)


def statistics(path: Path, count: int) -> dict[str, np.ndarray]:
    """Of `astats`, one value a window [count]."""
    with tempfile.NamedTemporaryFile("r") as file:
        ffmpeg(path, f"asetnsamples=n={sound.SAMPLES}:p=0,astats=metadata=1:reset=1,ametadata=print:file={file.name}")
        text = Path(file.name).read_text()
    found = {}
    for name in ("Flat_factor", "Peak_count", "Noise_floor"):
        values = [float(v) for v in re.findall(rf"astats\.Overall\.{name}=(\S+)", text)]
        assert len(values) == count, (name, len(values), count)
        found[name] = np.nan_to_num(np.array(values), neginf=-200.0)
    return found


def answers(waves: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """For each label: settings and what each says of every window, bool [count]."""
    count = len(waves)
    begin = np.arange(count) * SECONDS
    said: dict[str, dict[str, np.ndarray]] = {"silent": {}, "dropouts": {}, "clipping": {}, "noise": {}}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "windows.wav"
        soundfile.write(path, waves.reshape(-1), sound.RATE, subtype="PCM_16")
        for n, d in SILENT:
            spans = silences(path, n, d, count * SECONDS)
            hit = np.zeros(count, bool)
            for a, b in spans:
                for w in range(int(a / SECONDS), min(int(b / SECONDS) + 1, count)):
                    lasts, stop = min(b, begin[w] + SECONDS) - max(a, begin[w]), begin[w] + SECONDS
                    hit[w] |= lasts >= d - 0.01 and b >= stop - 0.05
            said["silent"][f"silencedetect n={n}dB d={d}"] = hit
        for n in sorted({n for n, _ in SHORT}):
            gaps = np.zeros(count, int)
            for a, b in silences(path, n, SHORTEST, count * SECONDS):
                inside = int(a / SECONDS) == int(b / SECONDS)
                if inside and b - a <= LONGEST:
                    gaps[min(int(a / SECONDS), count - 1)] += 1
            for least in (least for m, least in SHORT if m == n):
                said["dropouts"][f"silencedetect n={n}dB, {least} or more short ones"] = gaps >= least
        found = statistics(path, count)
    for name, label in (("Flat_factor", "clipping"), ("Peak_count", "clipping"), ("Noise_floor", "noise")):
        for at in np.unique(np.quantile(found[name], np.linspace(0.02, 0.98, 49))):
            said[label][f"astats {name} over {at:.3g}"] = found[name] > at
    return said


def f1(said: np.ndarray, y: np.ndarray) -> dict:
    said, y = said[y >= 0], y[y >= 0] == 1
    tp, fp, fn = int((said & y).sum()), int((said & ~y).sum()), int((~said & y).sum())
    return {"f1": round(2 * tp / max(2 * tp + fp + fn, 1), 3), "tp": tp, "fp": fp, "fn": fn}


def at_threshold(setting: str) -> tuple[str, float] | None:
    """Name and value of an `astats` setting, whose value depends on the windows at hand."""
    match = re.fullmatch(r"astats (\w+) over (\S+)", setting)
    return (match[1], float(match[2])) if match else None


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--sounds", type=Path, required=True, help="folder of render_sounds.py")
    a.add_argument("--weights", type=Path, required=True)
    a.add_argument("--card", type=Path, required=True)
    a.add_argument("--out", type=Path, required=True)
    o = a.parse_args()
    torch.set_num_threads(1)
    tune, test = Corpus(o.sounds / "train"), Corpus(o.sounds / "heldout")
    tune.scenes = tune.scenes[:TUNED_ON]
    waves, truth_a, _ = fixed(tune, 1)
    said_a = answers(waves)
    waves, truth_b, owners = fixed(test, hearing_scores.A_SCENE)
    own = np.array([not test.scenes[k].about["shared"] for k in owners])
    waves, truth_b = waves[own], truth_b[own]
    card = json.loads(o.card.read_text())
    part = {name: values[-len(sound.LABELS) :] for name, values in card["calibration"].items()}
    model, _ = trained(o.weights)
    mine = hearing_scores.Hearing(part, card["thresholds"], {}, {}).said(model, waves)
    said_b = answers(waves)
    result: dict = {"windows": len(waves)}
    for label, settings in said_a.items():
        k = sound.LABELS.index(label)
        best = max(settings, key=lambda s: f1(settings[s], truth_a[:, k])["f1"])
        name_value = at_threshold(best)
        its = said_b[label].get(best)
        if name_value:
            near = min((s for s in said_b[label] if at_threshold(s)[0] == name_value[0]), key=lambda s: abs(at_threshold(s)[1] - name_value[1]))
            its = said_b[label][near]
        result[label] = {"detector": best, "ffmpeg": f1(its, truth_b[:, k]), "percept": f1(mine[:, k], truth_b[:, k])}
        print(label, json.dumps(result[label]))
    o.out.parent.mkdir(parents=True, exist_ok=True)
    o.out.write_text(json.dumps(result, indent=1))
    report.log_look(Path(__file__).name, weights=o.weights.name)


if __name__ == "__main__":
    main()

"""False alarms a camera-day: hours of undamaged fixed cameras, one look at each key frame, events as Percept makes them.

    python false_alarms.py --data DATA --model ../models/stream-health.onnx --out RUN/quiet

Each camera looks at a held-out photograph with things passing by, at its own exposure (falling to dusk on
some), noise, bit rate, crop and clock, and sends a key frame every 4 s. The pictures are kept in OUT, so a
new model is scored without rendering again. The result, with the exact 95% upper bound of a Poisson rate,
goes to OUT/SPLIT.json. Where dusk makes a picture as dark as `health_grid.toml` asks of `dark` (or as bright,
of `overexposed`), saying so is no false alarm; such events are counted apart. False alarms all the same, but told, are
those of what the grid leaves unscored, and no window of damage is scored on (`truth` of `health/quiet.py`). Thresholds
may be tuned with --split val, never on heldout.
"""

import argparse
import json
import math
from itertools import product
from pathlib import Path

import numpy as np
import onnxruntime as ort
from tqdm import tqdm

from health import calibrate, clip, quiet, report, sound
from health.events import LASTING, a_day
from health.grid import NEGATIVE, POSITIVE, UNSCORED
from health.sources import Sources

HOLDS = (2.0, 8.0, 20.0, 60.0)  # seconds of `start_after` that are compared
TIMES = tuple(-quiet.STEP * back for back in (3, 2, 1, 0))


def upper_bound(count: int, confidence: float = 0.95) -> float:
    """Exact upper bound of a Poisson mean of which `count` were seen."""
    low, high = 0.0, 10.0 * (count + 3)
    for _ in range(100):
        middle = (low + high) / 2
        below = sum(math.exp(-middle + k * math.log(middle) - math.lgamma(k + 1)) for k in range(count + 1)) if middle else 1.0
        low, high = (middle, high) if below > 1 - confidence else (low, middle)
    return high


def session(path: Path) -> tuple[ort.InferenceSession, dict]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    model = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return model, json.loads(model.get_modelmeta().custom_metadata_map["percept.manifest"])


def score(model: ort.InferenceSession, pictures: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Logits [n - 3, 15] of the windows of neighbouring pictures, without sound."""
    found = []
    for end in range(clip.FRAMES, len(pictures) + 1, 8):
        ends = range(end, min(end + 8, len(pictures) + 1))
        rows = np.stack([np.concatenate([clip.patch_rows(pictures[e - clip.FRAMES : e]), places], 1) for e in ends])
        deaf = {"audio": np.zeros((len(rows), sound.ROWS, sound.CHANNELS), np.float32), "present": np.tile(np.float32([1, 0]), (len(rows), 1))}
        found.append(model.run(None, {"video": rows, **deaf})[0])
    return np.concatenate(found)


def rate(count: int, hours: float) -> dict:
    """A camera-day, with the bound."""
    return {"total": count, "a_camera_day": round(a_day(count, hours * 3600), 2), "upper_95": round(a_day(upper_bound(count), hours * 3600), 2)}


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--data", type=Path, required=True)
    a.add_argument("--model", type=Path, help="stream-health.onnx; without it pictures are rendered only")
    a.add_argument("--out", type=Path, required=True)
    a.add_argument("--split", choices=("val", "heldout"), default="heldout")
    a.add_argument("--cameras", type=int, default=48)
    a.add_argument("--hours", type=float, default=1.5, help="of each camera")
    a.add_argument("--again", action="store_true", help="keep the last run's logits: only thresholds or calibration changed")
    o = a.parse_args()
    folder = o.out / o.split
    folder.mkdir(parents=True, exist_ok=True)
    cameras = quiet.make(folder, Sources(o.data, o.split), o.split, o.cameras, o.hours)
    if not o.model:
        return
    model, manifest = session(o.model)
    output, places = manifest["output"], clip.fourier(np.array(TIMES))
    counts = {hold: {kind: dict.fromkeys(clip.LABELS, 0) for kind in (NEGATIVE, UNSCORED, POSITIVE)} for hold in (None, *HOLDS)}
    highest, alarmed, by_camera = [], set(), {label: [] for label in clip.LABELS}
    for k, path in enumerate(tqdm(cameras, desc="looks")):
        kept = path.with_suffix(".logits.npy")
        if not (o.again and kept.exists()):
            np.save(kept, score(model, np.load(path, mmap_mode="r"), places))
        scores, truth = calibrate.scores(np.load(kept), output["calibration"]), quiet.truth(path)
        highest.append(scores[:, : len(clip.LABELS)].max(0))
        for label, (hold, count) in product(clip.LABELS, counts.items()):
            limits = output["thresholds"][label] | ({} if hold is None or label not in LASTING else {"start_after": hold})
            found = quiet.raised([scores], [truth], label, **limits)
            for kind, events in found.items():
                count[kind][label] += events
            if hold is None and (alarms := found[NEGATIVE] + found[UNSCORED]):
                alarmed.add(k)
                by_camera[label].append(alarms)
    hours, shipped = o.cameras * o.hours, counts.pop(None)
    total = lambda count: sum(count[NEGATIVE].values()) + sum(count[UNSCORED].values())  # noqa: E731
    raised = {label: shipped[NEGATIVE][label] + shipped[UNSCORED][label] for label in clip.LABELS}
    some = lambda events: {label: count for label, count in events.items() if count}  # noqa: E731
    result = {
        "hours": hours, "cameras": o.cameras, "events": raised, **rate(total(shipped), hours),
        "beyond_telling": {"events": some(shipped[UNSCORED]), "without": rate(sum(shipped[NEGATIVE].values()), hours)},
        "right_by_the_grid": some(shipped[POSITIVE]),
        "by_start_after": {hold: rate(total(count), hours) for hold, count in counts.items()},
        "cameras_with_a_false_alarm": int(sum((h >= [output["thresholds"][x]["enter"] for x in clip.LABELS]).any() for h in highest)),
        "cameras_with_a_false_event": len(alarmed),
        "of_each_camera": {label: sorted(events, reverse=True) for label, events in by_camera.items() if events},
    }  # fmt: skip
    print(json.dumps(result))
    if o.split == "heldout":
        report.log_look(Path(__file__).name, model=f"{manifest['name']} {manifest['version']}", a_camera_day=result["a_camera_day"])
    (o.out / f"{o.split}.json").write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()

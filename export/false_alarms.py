"""False alarms a camera-day: hours of undamaged fixed cameras, one look at each key frame, events as Percept makes them.

    python false_alarms.py --data DATA --model ../models/stream-health.onnx --out RUN/quiet

Each camera looks at a held-out photograph with things passing by, at its own exposure (falling to dusk on
some), noise, bit rate, crop and clock, and sends a key frame every 4 s. The pictures are kept in OUT, so a
new model is scored without rendering again. The result, with the exact 95% upper bound of a Poisson rate,
goes to OUT/SPLIT.json. Where dusk makes a picture as dark as `health_grid.toml` asks of `dark` (or as bright,
of `overexposed`), saying so is no false alarm; such events are counted apart. False alarms all the same, but told, are
those of what nobody can tell, and no window of damage is scored on: a bare wall that fills the view and is called
`covered`, two pictures without a difference that are called `frozen`. Thresholds may be tuned with --split val, never
on heldout.
"""

import argparse
import json
import math
from itertools import product
from pathlib import Path

import numpy as np
import onnxruntime as ort
from tqdm import tqdm

from health import calibrate, clip, grid, report, sound
from health.camera import Camera, decode, encode
from health.corpus import STILL
from health.events import LASTING, events
from health.grid import POSITIVE
from health.scene import darkness, glare
from health.sources import Sources
from health.world import World

STEP = calibrate.QUIET_STEP  # seconds between key frames
HOLDS = (2.0, 8.0, 20.0, 60.0)  # seconds of `start_after` that are compared
CHUNK = 25  # pictures encoded at a time
TIMES = (-3 * STEP, -2 * STEP, -STEP, 0.0)


def place(sources: Sources, seed: int, hours: float) -> tuple[np.random.Generator, Camera, World]:
    """One undamaged camera, and what is before it."""
    rng = np.random.default_rng((seed, 72))
    times = np.arange(int(hours * 3600 / STEP)) * STEP
    camera = Camera.draw(rng, "libx264")
    camera.height, camera.width = ((360, 640), (360, 640), (480, 854), (720, 1280))[rng.integers(4)]
    camera.predicted, camera.long_group, camera.preset = 0, False, "ultrafast"
    return rng, camera, World(sources, (camera.height, camera.width), times, rng, clip_share=0.0)


def film(sources: Sources, seed: int, hours: float) -> np.ndarray:
    """Pictures u8 [n, 128, 224, 3] of one undamaged camera."""
    rng, camera, world = place(sources, seed, hours)
    times = world.times
    fall = rng.uniform(0.3, 0.6) if world.mood == "day" and rng.random() < 0.4 else rng.uniform(-0.1, 0.1)
    world.drift = -fall / times[-1]
    sway = np.zeros((len(times), 2))
    if rng.random() < 0.3:
        sway = rng.normal(0, rng.uniform(0.0003, 0.002), sway.shape)
    pieces = []
    for start in range(0, len(times), CHUNK):
        these = range(start, min(start + CHUNK, len(times)))
        views = [world.burn_in(world.picture(i, *sway[i]), i) for i in these]
        pieces += decode(encode(views, camera, rng, [False] * len(views)), camera)
    return np.stack(pieces)


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


def true_after_all(label: str, pictures: np.ndarray, window: int) -> bool:
    """Whether the grid itself calls the last two pictures of a window dark or overexposed."""
    measure = {"dark": darkness, "overexposed": glare}.get(label)
    ends = (window + clip.FRAMES - 2, window + clip.FRAMES - 1)
    return measure is not None and all(grid.verdict(label, measure(np.asarray(pictures[i]))) == POSITIVE for i in ends)


def beyond_telling(label: str, pictures: np.ndarray, window: int, blank: bool) -> bool:
    """Whether nobody could tell an undamaged picture from this damage (`truth` of `health/corpus.py`)."""
    a, b = (np.asarray(pictures[window + clip.FRAMES - back]).astype(np.int16) for back in (2, 1))
    return label == "covered" and blank or label == "frozen" and np.abs(a - b).mean() < STILL


def rate(count: int, hours: float) -> dict:
    """A camera-day, with the bound."""
    return {"total": count, "a_camera_day": round(count / hours * 24, 2), "upper_95": round(upper_bound(count) / hours * 24, 2)}


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
    sources = Sources(o.data, o.split)
    seeds = [k + (0 if o.split == "heldout" else 1000) for k in range(o.cameras)]
    for k in tqdm(range(o.cameras), desc="cameras"):
        if not (folder / f"{k:03}.npy").exists():
            np.save(folder / "part.npy", film(sources, seeds[k], o.hours))
            (folder / "part.npy").rename(folder / f"{k:03}.npy")
    if not o.model:
        return
    model, manifest = session(o.model)
    output, places = manifest["output"], clip.fourier(np.array(TIMES))
    counts = {hold: {"raised": dict.fromkeys(clip.LABELS, 0), "right": {}, "beyond": {}} for hold in (None, *HOLDS)}
    highest, alarmed = [], set()
    for k in tqdm(range(o.cameras), desc="looks"):
        kept, pictures = folder / f"{k:03}.logits.npy", np.load(folder / f"{k:03}.npy", mmap_mode="r")
        if not (o.again and kept.exists()):
            np.save(kept, score(model, pictures, places))
        logits, blank = np.load(kept), place(sources, seeds[k], o.hours)[2].blank
        scores = calibrate.scores(logits, output["calibration"])
        highest.append(scores[:, : len(clip.LABELS)].max(0))
        for (i, label), (hold, count) in product(enumerate(clip.LABELS), counts.items()):
            limits = output["thresholds"][label] | ({} if hold is None or label not in LASTING else {"start_after": hold})
            for start, _ in events(scores[:, i], STEP * np.arange(len(scores)), **limits):
                if true_after_all(label, pictures, start):
                    count["right"][label] = count["right"].get(label, 0) + 1
                    continue
                count["raised"][label] += 1
                if beyond_telling(label, pictures, start, blank):
                    count["beyond"][label] = count["beyond"].get(label, 0) + 1
                if hold is None:
                    alarmed.add(k)
    hours, shipped = o.cameras * o.hours, counts.pop(None)
    total, beyond = sum(shipped["raised"].values()), sum(shipped["beyond"].values())
    result = {
        "hours": hours, "cameras": o.cameras, "events": shipped["raised"], **rate(total, hours),
        "beyond_telling": {"events": shipped["beyond"], "without": rate(total - beyond, hours)},
        "right_by_the_grid": shipped["right"],
        "by_start_after": {hold: rate(sum(count["raised"].values()), hours) for hold, count in counts.items()},
        "cameras_with_a_false_alarm": int(sum((h >= [output["thresholds"][x]["enter"] for x in clip.LABELS]).any() for h in highest)),
        "cameras_with_a_false_event": len(alarmed),
    }  # fmt: skip
    print(json.dumps(result))
    if o.split == "heldout":
        report.log_look(Path(__file__).name, model=f"{manifest['name']} {manifest['version']}", a_camera_day=result["a_camera_day"])
    (o.out / f"{o.split}.json").write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()

"""Undamaged cameras, a key frame every STEP seconds, on disk; what the grid says of their pictures; the false events on them."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from . import clip, grid
from .camera import Camera, decode, encode
from .corpus import STILL
from .events import END_AFTER, SOON, events
from .grid import NEGATIVE, POSITIVE, UNSCORED
from .scene import LABEL, Plan, Scene, darkness, glare, judge
from .sources import Sources
from .world import World

STEP = 4.0  # seconds between key frames
CHUNK = 25  # pictures encoded at a time
MOST_STAY = 3 * END_AFTER  # seconds that an event may outlast what started it
FIRST_SEED = {"heldout": 0, "val": 1000, "train": 100_000}
WATCHED, RUNS, RUN = 1.5, 3, 8  # of a camera for training: hours, how often it is looked at, and the pictures each time


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
    sway = evening(world, rng)
    return shown(world, camera, sway, range(len(world.times)), rng)


def evening(world: World, rng: np.random.Generator) -> np.ndarray:
    """Lets the light of a view change over its hours, to dusk before some cameras; how far the camera's mast is bent by the wind at each
    time [n, 2], in shares of the height."""
    times = world.times
    fall = rng.uniform(0.3, 0.6) if world.mood == "day" and rng.random() < 0.4 else rng.uniform(-0.1, 0.1)
    world.drift = -fall / times[-1]
    sway = np.zeros((len(times), 2))
    if rng.random() < 0.3:
        sway = rng.normal(0, rng.uniform(0.0003, 0.002), sway.shape)
    return sway


def shown(world: World, camera: Camera, sway: np.ndarray, which: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """The pictures u8 [len(which), 128, 224, 3] of some of the times, encoded one by one."""
    pieces = []
    for start in range(0, len(which), CHUNK):
        these = which[start : start + CHUNK]
        views = [world.burn_in(world.picture(i, *sway[i]), i) for i in these]
        pieces += decode(encode(views, camera, rng, [False] * len(views)), camera)
    return np.stack(pieces)


def scene(sources: Sources, k: int) -> Scene:
    """The k-th of such cameras for training: some minutes of its WATCHED hours, RUN neighbouring pictures each."""
    rng, camera, world = place(sources, FIRST_SEED["train"] + k, WATCHED)
    sway = evening(world, rng)
    starts = np.sort(rng.choice(len(world.times) // RUN, RUNS, replace=False)) * RUN
    which = [int(start) + i for start in starts for i in range(RUN)]
    pictures = shown(world, camera, sway, which, rng)
    flags = judge(Plan(rng, None, "seen"), pictures, list(range(len(which))), None, np.zeros(len(which)), None)
    about = {"seed": k, "label": None, "means": None, "use": "quiet", "source": world.source, "mood": world.mood, "size": [camera.height, camera.width], "blank": world.blank}
    return Scene(pictures, world.times[which], flags, sway[which].astype(np.float32), False, np.zeros(len(which), np.float32), about)


def make(folder: Path, sources: Sources, split: str, cameras: int, hours: float) -> list[Path]:
    """Renders what is not there yet: `NNN.npy`, and `NNN.json` of what else is to be known of a camera."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{k:03}.npy" for k in range(cameras)]
    for k, path in enumerate(tqdm(paths, desc="cameras")):
        seed = FIRST_SEED[split] + k
        if not path.exists():
            np.save(folder / "part.npy", film(sources, seed, hours))
            (folder / "part.npy").rename(path)
        if not path.with_suffix(".json").exists():
            (folder / "part.json").write_text(json.dumps({"blank": bool(place(sources, seed, hours)[2].blank)}))
            (folder / "part.json").rename(path.with_suffix(".json"))
    return paths


def truth(path: Path) -> np.ndarray:
    """Truth i8 [n - 3, 8] of the windows of a camera's neighbouring pictures. UNSCORED is what nobody can tell, and what no
    window of damage is scored on: a bare wall that fills the view and is called `covered`, two pictures without a
    difference that are called `frozen`, dusk on the way to `dark`. POSITIVE is dusk that is as dark as the grid asks (or
    a view as bright, of `overexposed`). All else is NEGATIVE."""
    if not path.with_suffix(".json").exists():
        raise SystemExit(f"{path}: what else is to be known of this camera is missing; run false_alarms.py on its folder once more")
    pictures = np.load(path, mmap_mode="r")
    count = len(pictures) - clip.FRAMES + 1
    answers = np.full((count, len(clip.LABELS)), NEGATIVE, np.int8)
    for label, measure in (("dark", darkness), ("overexposed", glare)):
        each = np.array([grid.verdict(label, measure(np.asarray(picture))) for picture in pictures[clip.FRAMES - 2 :]])
        pair = np.stack([each[:-1], each[1:]])
        answers[:, LABEL[label]] = np.where((pair == POSITIVE).all(0), POSITIVE, np.where((pair == NEGATIVE).all(0), NEGATIVE, UNSCORED))
    for window in range(count):
        a, b = (np.asarray(pictures[window + clip.FRAMES - back]).astype(np.int16) for back in (2, 1))
        if np.abs(a - b).mean() < STILL:
            answers[window, LABEL["frozen"]] = UNSCORED
    if json.loads(path.with_suffix(".json").read_text())["blank"]:
        answers[:, LABEL["covered"]] = UNSCORED
    return answers


def raised(scores: Sequence[np.ndarray], truths: Sequence[np.ndarray], label: str, enter: float, leave: float, start_after: float = SOON) -> dict[int, int]:
    """Events of a label on cameras' scores [looks, 8], counted by what the grid says of the window that started them, and as
    NEGATIVE where they stay long where there is nothing."""
    k, counts = LABEL[label], {NEGATIVE: 0, UNSCORED: 0, POSITIVE: 0}
    for camera, answers in zip(scores, truths):
        for start, end in events(camera[:, k], STEP * np.arange(len(camera)), enter, leave, start_after):
            stays = STEP * (answers[start:end, k] == NEGATIVE).sum() > MOST_STAY
            counts[NEGATIVE if stays else int(answers[start, k])] += 1
    return counts

"""The corpus on disk, and the windows cut from it.

A scene is two files: `NAME.npy` (frames, u8 [n, 128, 224, 3], read when they are used) and `NAME.json`
(all the rest), written last, so that a reader never sees half a scene.
"""

import json
from pathlib import Path

import numpy as np

from . import clip, grid
from .grid import NEGATIVE, POSITIVE, UNSCORED
from .scene import LABEL, Scene

STILL = 0.04  # grey levels: below this mean difference of two pictures no eye can tell live from frozen


def save(scene: Scene, folder: Path, name: str) -> None:
    np.save(folder / f"{name}.npy", scene.frames)
    save_record(scene, folder, name)


def save_record(scene: Scene, folder: Path, name: str) -> None:
    """Writes the JSON alone, of a scene whose pictures are on disk (and perhaps mapped by a training)."""
    record = {
        "times": scene.times.round(4).tolist(), "flags": scene.flags.tolist(), "path": scene.path.round(5).tolist(),
        "moving": scene.moving, "strength": scene.strength.round(5).tolist(), "about": scene.about,
    }  # fmt: skip
    part = folder / f"{name}.json.part"
    part.write_text(json.dumps(record))
    part.rename(folder / f"{name}.json")


class OnDisk:
    """The frames u8 [n, 128, 224, 3] in a file, which is open only while some are read: a corpus may have more scenes than a
    process may have files."""

    def __init__(self, path: Path):
        self.path = path

    def __getitem__(self, at) -> np.ndarray:
        return np.array(np.load(self.path, mmap_mode="r")[at])

    def __len__(self) -> int:
        return len(np.load(self.path, mmap_mode="r"))

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.load(self.path).astype(dtype or np.uint8, copy=False)


def load(path: Path) -> Scene:
    """A scene whose frames stay on disk until they are used."""
    record = json.loads(path.read_text())
    return Scene(
        OnDisk(path.with_suffix(".npy")), np.array(record["times"]), np.array(record["flags"], np.int8),
        np.array(record["path"], np.float32), record["moving"], np.array(record["strength"], np.float32), record["about"],
    )  # fmt: skip


class Corpus:
    """All scenes of some folders; `refresh` takes in what was rendered since."""

    def __init__(self, *folders: Path):
        self.folders, self.scenes, self.names = folders, [], set()
        self.refresh()

    def refresh(self) -> int:
        for folder in self.folders:
            for path in sorted(folder.glob("*.json")):
                if path not in self.names:
                    self.names.add(path)
                    self.scenes.append(load(path))
        return len(self.scenes)


def to_train_on(root: Path) -> list[Path]:
    """Folders of scenes, of pictures or of sound, for training: all that are there now, for only their scenes are looked for again later."""
    found = sorted(folder for folder in root.glob("train*") if folder.is_dir())
    if not found:
        raise SystemExit(f"no scenes to train on in {root}: render some with render_corpus.py or render_sounds.py, --split train")
    return found


def choose(times: np.ndarray, rng: np.random.Generator, last: int | None = None) -> list[int] | None:
    """Indices of four pictures with every gap in the model's interval, ending at `last` or anywhere."""
    even = rng.random() < 0.5
    for _ in range(20):
        at = [int(rng.integers(clip.FRAMES - 1, len(times))) if last is None else last]
        wanted = rng.uniform(*clip.INTERVAL)
        while len(at) < clip.FRAMES:
            gaps = times[at[0]] - times[: at[0]]
            able = np.flatnonzero((gaps >= clip.INTERVAL[0] - 1e-6) & (gaps <= clip.INTERVAL[1] + 1e-6))
            if not len(able):
                break
            at.insert(0, int(able[np.abs(gaps[able] - wanted).argmin()] if even else rng.choice(able)))
        if len(at) == clip.FRAMES:
            return at
    return None


def truth(scene: Scene, at: list[int]) -> np.ndarray:
    """Truth i8 [8] of a window: POSITIVE, NEGATIVE or UNSCORED, by its last two pictures."""
    a, b = at[-2:]
    pair = scene.flags[[a, b]]
    answer = np.where((pair == POSITIVE).all(0), POSITIVE, np.where((pair == NEGATIVE).all(0), NEGATIVE, UNSCORED)).astype(np.int8)
    if scene.about.get("blank") and scene.about["label"] != "covered":
        answer[LABEL["covered"]] = UNSCORED  # a bare wall that fills the view: nobody can tell it from a cover
    shaking, frozen = LABEL["shaking"], LABEL["frozen"]
    motion = float(np.hypot(*(scene.path[b] - scene.path[a])))
    if answer[shaking] == POSITIVE:
        answer[shaking] = POSITIVE if grid.verdict("shaking", motion) == POSITIVE else UNSCORED
    elif answer[shaking] == NEGATIVE and not (pair[:, frozen] == POSITIVE).any():
        before = np.hypot(*np.diff(scene.path[at], axis=0).T).max()
        if scene.moving or grid.verdict("shaking", float(before)) != NEGATIVE:
            answer[shaking] = UNSCORED
    if answer[frozen] == NEGATIVE:
        difference = np.abs(scene.frames[b].astype(np.int16) - scene.frames[a]).mean()
        if difference < STILL:
            answer[frozen] = UNSCORED
    return answer


def window(scene: Scene, at: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Clip u8 [4, 128, 224, 3] and its times f64 [4], seconds before the window's end (at most 0)."""
    return np.ascontiguousarray(scene.frames[at]), scene.times[at] - scene.times[at[-1]]

"""Scenes of sound on disk, in shards of SHARD, and windows drawn from them.

A shard is `NNN.npy` (sound, i16 [SHARD, samples], mapped when read) and `NNN.npz` (all the rest), written last.
"""

import json
from pathlib import Path

import numpy as np

from .. import sound
from .scene import BLOCKS, WINDOW, Scene, truth, window

SHARD = 125


def save(scenes: list[Scene], folder: Path, number: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{number:03}.npy", np.stack([s.wave for s in scenes]))
    rest = {name: np.stack([getattr(s, name) for s in scenes]) for name in ("levels", "total", "cut", "holes")}
    about = json.dumps([{"about": s.about, "may_be": s.may_be} for s in scenes])
    part = folder / f"{number:03}.part"
    with open(part, "wb") as file:
        np.savez_compressed(file, **rest, about=np.array(about))
    part.rename(folder / f"{number:03}.npz")


class Corpus:
    """All scenes of some folders; `refresh` takes in what was rendered since."""

    def __init__(self, *folders: Path):
        self.folders, self.scenes, self.read = folders, [], set()
        self.by_label: list[list[tuple[int, int]]] = [[] for _ in sound.LABELS]  # (scene, last block) where it is true
        self.refresh()

    def refresh(self) -> int:
        for path in (p for folder in self.folders for p in sorted(folder.glob("*.npz"))):
            if path in self.read:
                continue
            self.read.add(path)
            waves, rest = np.load(path.with_suffix(".npy"), mmap_mode="r"), np.load(path, allow_pickle=False)
            arrays = [rest[name] for name in ("levels", "total", "cut", "holes")]
            for k, entry in enumerate(json.loads(str(rest["about"]))):
                scene = Scene(waves[k], *(a[k] for a in arrays), entry["may_be"], entry["about"])
                number = len(self.scenes)
                self.scenes.append(scene)
                for last in range(WINDOW, BLOCKS + 1, 10):
                    for label in np.flatnonzero(truth(scene, last) == 1):
                        self.by_label[label].append((number, last))
        return len(self.scenes)


ON_LABEL = 0.7  # of the windows of a training batch are drawn for a label


def vary(wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """f32 of i16, its sign turned half of the time."""
    return wave.astype(np.float32) * ((-1 if rng.random() < 0.5 else 1) / 32768)


def batch(corpus: Corpus, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Sound f32 [size, SAMPLES, 1] and its truth i8 [size, 7]."""
    waves, truths = [], []
    for _ in range(size):
        label = int(rng.integers(len(sound.LABELS)))
        if rng.random() < ON_LABEL and corpus.by_label[label]:
            number, last = corpus.by_label[label][int(rng.integers(len(corpus.by_label[label])))]
        else:
            number, last = int(rng.integers(len(corpus.scenes))), int(rng.integers(WINDOW, BLOCKS + 1))
        scene = corpus.scenes[number]
        waves.append(vary(window(scene, last), rng))
        truths.append(truth(scene, last))
    return np.stack(waves)[..., None], np.stack(truths)


def fixed(corpus: Corpus, a_scene: int = 2, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same windows of every scene each time: i16 [n, SAMPLES], truth i8 [n, 7], the scene of each [n]."""
    rng = np.random.default_rng(seed)
    at = [(k, int(rng.integers(WINDOW, BLOCKS + 1))) for k in range(len(corpus.scenes)) for _ in range(a_scene)]
    waves = np.stack([window(corpus.scenes[k], last) for k, last in at])
    return waves, np.stack([truth(corpus.scenes[k], last) for k, last in at]), np.array([k for k, _ in at])

"""Batches of windows for training, and fixed windows for scoring."""

import queue
import threading
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from .corpus import Corpus, choose, truth, window
from .grid import POSITIVE
from .scene import Scene

ON_DAMAGE = 0.7  # of the windows cut from a damaged scene end in its damage
ON_LABEL = 0.5  # of the windows of a training batch are drawn for one label


@dataclass
class Batch:
    """`video` u8 [B, 4, 128, 224, 3]; `times` f32 [B, 4]; `truth` i8 [B, 8]."""

    video: np.ndarray
    times: np.ndarray
    truth: np.ndarray

    def tensors(self, device: str = "cpu"):
        return tuple(torch.from_numpy(x).to(device) for x in (self.video, self.times, self.truth))


def draw(scene: Scene, rng: np.random.Generator) -> list[int] | None:
    """Indices of one window of a scene."""
    active = np.flatnonzero((scene.flags == POSITIVE).any(1))
    active = active[active >= 3]
    last = int(rng.choice(active)) if len(active) and rng.random() < ON_DAMAGE else None
    return choose(scene.times, rng, last) or choose(scene.times, rng)


def positives(corpus: Corpus) -> list[np.ndarray]:
    """For each label the scenes in which it is true at some time."""
    if corpus.positives_of != len(corpus.scenes):
        scenes = list(corpus.scenes)
        able = np.array([(s.flags == POSITIVE).any(0) for s in scenes])
        corpus.positives = [np.flatnonzero(able[:, k]) for k in range(able.shape[1])]
        corpus.positives_of = len(scenes)
    return corpus.positives


def vary(video: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same window through another camera and another scaler: u8 [4, 128, 224, 3].

    Mirrored; colours, sharpness and a fixed pattern of noise changed a little, in all pictures alike,
    so that a frozen picture stays one. Without it the network takes the chroma that one scaler
    leaves for the mark of a healthy picture.
    """
    if rng.random() < 0.5:
        video = video[:, :, ::-1]
    if rng.random() < 0.5:
        return video
    varied = video.astype(np.float32)
    if rng.random() < 0.5:
        soft = np.stack([cv2.blur(picture, (3, 3)) for picture in varied])
        varied += rng.uniform(-0.4, 0.6) * (varied - soft)
    gain = rng.uniform(0.94, 1.06, 3).astype(np.float32)
    noise = rng.uniform(0, 2.5) * rng.standard_normal((1, *video.shape[1:]), np.float32)
    return np.clip(varied * gain + noise, 0, 255).round().astype(np.uint8)


def batch(corpus: Corpus, size: int, rng: np.random.Generator, augment: bool) -> Batch:
    """Random windows. ON_LABEL of them are drawn for a label, all labels alike, and where it can be
    done in a few tries the label is true in them: mild damage would else crowd out the rest."""
    clips, times, truths = [], [], []
    able = positives(corpus)
    while len(clips) < size:
        label = int(rng.integers(len(able))) if rng.random() < ON_LABEL else None
        for _ in range(4 if label is not None else 1):
            anywhere = label is None or not len(able[label])
            scene = corpus.scenes[rng.integers(len(corpus.scenes)) if anywhere else rng.choice(able[label])]
            at = draw(scene, rng)
            if at is None:
                continue
            answer = truth(scene, at)
            if label is None or answer[label] == POSITIVE:
                break
        if at is None:
            continue
        video, when = window(scene, at)
        clips.append(vary(video, rng) if augment else video)
        times.append(when)
        truths.append(answer)
    return Batch(np.stack(clips), np.float32(times), np.stack(truths))


def fixed(corpus: Corpus, a_scene: int, seed: int = 1) -> tuple[Batch, list[int], list[list[int]]]:
    """The same `a_scene` windows of every scene each time, the scene of each, and its pictures' indices."""
    rng, clips, times, truths, owners, places = np.random.default_rng(seed), [], [], [], [], []
    for owner, scene in enumerate(corpus.scenes):
        for _ in range(a_scene):
            at = draw(scene, rng)
            if at is None:
                continue
            video, when = window(scene, at)
            clips.append(video)
            times.append(when)
            truths.append(truth(scene, at))
            owners.append(owner)
            places.append(at)
    return Batch(np.stack(clips), np.float32(times), np.stack(truths)), owners, places


class Prefetch:
    """Draws batches on a thread of its own, a few ahead of the training."""

    def __init__(self, corpus: Corpus, size: int, seed: int, depth: int = 4):
        self.queue: queue.Queue[Batch] = queue.Queue(depth)
        self.corpus, self.size, self.rng = corpus, size, np.random.default_rng(seed)
        threading.Thread(target=self.work, daemon=True).start()

    def work(self) -> None:
        while True:
            self.queue.put(batch(self.corpus, self.size, self.rng, augment=True))

    def __next__(self) -> Batch:
        return self.queue.get()

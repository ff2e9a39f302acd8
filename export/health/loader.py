"""Batches of windows for training, and fixed windows for scoring."""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from . import clip
from .corpus import Corpus, choose, truth, window
from .grid import POSITIVE, UNSCORED, verdict
from .scene import LABEL, Scene, darkness, glare

ON_DAMAGE = 0.7  # of the windows cut from a damaged scene end in its damage
ON_LABEL = 0.45  # of the windows of a training batch are drawn for one label and means of damage
ON_HEALTHY = 0.3  # are of undamaged scenes, most of those that the network gets wrong
WEIGHT = {"frozen": 1.6, "covered": 1.3, "corrupted": 1.3}  # of a label among those drawn for; else 1
ON_FOCUS = 0.1  # are of one means of damage, where a training is told to look at it the most
EASY, FORGET = 0.1, 0.3  # least weight of an undamaged scene; how fast its last loss counts
GREY = 0.1  # of the windows lose their colours, as infrared does
CEILING = 0.15  # stand on their heads, as from a camera under a ceiling


@dataclass
class Batch:
    """`video` u8 [B, 4, 128, 224, 3]; `times` f32 [B, 4]; `truth` i8 [B, 8]; `owners`, the scene of each."""

    video: np.ndarray
    times: np.ndarray
    truth: np.ndarray
    owners: np.ndarray | None = None

    def tensors(self, device: str = "cpu"):
        return tuple(torch.from_numpy(x).to(device) for x in (self.video, self.times, self.truth))


def draw(scene: Scene, rng: np.random.Generator) -> list[int] | None:
    """Indices of one window of a scene."""
    active = np.flatnonzero((scene.flags == POSITIVE).any(1))
    active = active[active >= 3]
    last = int(rng.choice(active)) if len(active) and rng.random() < ON_DAMAGE else None
    return choose(scene.times, rng, last) or choose(scene.times, rng)


class Sampler:
    """Chooses scenes of a growing corpus for training."""

    def __init__(self, corpus: Corpus, focus: str | None = None):
        self.corpus, self.known, self.focus = corpus, 0, focus
        self.by_means: list[dict[str, list[int]]] = [{} for _ in clip.LABELS]
        self.healthy: list[int] = []
        self.loss = np.ones(0)  # of each scene, as it was when last seen
        weights = np.array([WEIGHT.get(label, 1.0) for label in clip.LABELS])
        self.weights = weights / weights.sum()
        self.update()

    def update(self) -> None:
        """Takes in the scenes that were added to the corpus."""
        count = len(self.corpus.scenes)
        self.loss = np.concatenate([self.loss, np.ones(count - self.known)])  # first: batches are drawn meanwhile
        for i in range(self.known, count):
            scene = self.corpus.scenes[i]
            label, means = scene.about["label"], scene.about["means"]
            if label is None:
                self.healthy.append(i)
            for k in np.flatnonzero((scene.flags == POSITIVE).any(0)):
                self.by_means[k].setdefault(means if label == clip.LABELS[k] else "other", []).append(i)
        self.known = count

    def learn(self, owners: np.ndarray, loss: np.ndarray) -> None:
        """Notes the largest loss [B] of a label in each window."""
        self.loss[owners] += FORGET * (np.minimum(loss, 1.5) - self.loss[owners])

    def scene(self, rng: np.random.Generator) -> tuple[int, int | None]:
        """A scene and, where it was drawn for one, the label that should be true."""
        for label, means in enumerate(self.by_means if self.focus and rng.random() < ON_FOCUS else ()):
            if self.focus in means:
                return int(rng.choice(means[self.focus])), label
        kind = rng.random()
        if kind < ON_LABEL:
            label = int(rng.choice(len(clip.LABELS), p=self.weights))
            if self.by_means[label]:
                scenes = self.by_means[label][str(rng.choice(sorted(self.by_means[label])))]
                return int(rng.choice(scenes)), label
        elif kind < ON_LABEL + ON_HEALTHY and self.healthy:
            weights = np.cumsum(EASY + self.loss[self.healthy])
            return self.healthy[min(int(np.searchsorted(weights, rng.random() * weights[-1])), len(self.healthy) - 1)], None
        return int(rng.integers(self.known)), None


def focused(corpus: Corpus, focus: str | None) -> Sampler:
    """A sampler of a corpus in which scenes of the means `focus` have to be."""
    sampler = Sampler(corpus, focus)
    if focus and not any(focus in means for means in sampler.by_means):
        raise SystemExit(f"--focus {focus}: no scene in {', '.join(map(str, corpus.folders))} is damaged by it; render some with render_corpus.py --label LABEL --means {focus}")
    return sampler


def vary(video: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same window through another camera and another scaler: u8 [4, 128, 224, 3].

    Mirrored, upside down, or both; colours, sharpness and a fixed pattern of noise changed a little, in all pictures alike,
    so that a frozen picture stays one. Without it the network takes the chroma that one scaler
    leaves for the mark of a healthy picture.
    """
    if rng.random() < 0.5:
        video = video[:, :, ::-1]
    if rng.random() < CEILING:
        video = video[:, ::-1]
    if rng.random() < GREY:
        video = np.repeat((video @ np.float32([0.299, 0.587, 0.114])).round().astype(np.uint8)[..., None], 3, -1)
    if rng.random() < 0.5:
        return video
    varied = video.astype(np.float32)
    if rng.random() < 0.5:
        soft = np.stack([cv2.blur(picture, (3, 3)) for picture in varied])
        varied += rng.uniform(-0.4, 0.6) * (varied - soft)
    gain = rng.uniform(0.94, 1.06, 3).astype(np.float32)
    noise = rng.uniform(0, 2.5) * rng.standard_normal((1, *video.shape[1:]), np.float32)
    return np.clip(varied * gain + noise, 0, 255).round().astype(np.uint8)


def judged_again(video: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """Truth i8 [8] of a window that was varied: what is defined by levels is unscored where they passed a bound, and so is a
    cover that has become as dark as `dark`."""
    answer = answer.copy()
    for label, strength in (("dark", darkness), ("overexposed", glare)):
        k = LABEL[label]
        if answer[k] != UNSCORED and any(verdict(label, strength(np.ascontiguousarray(p))) != answer[k] for p in video[-2:]):
            answer[k] = UNSCORED
    if answer[LABEL["covered"]] == POSITIVE and any(verdict("dark", darkness(np.ascontiguousarray(p))) == POSITIVE for p in video[-2:]):
        answer[LABEL["covered"]] = UNSCORED
    return answer


def batch(sampler: Sampler, size: int, rng: np.random.Generator, augment: bool) -> Batch:
    """Random windows. Where one is drawn for a label, it is true in it, before it is varied, if that can be done in a few
    tries: mild damage would else crowd out the rest."""
    clips, times, truths, owners = [], [], [], []
    while len(clips) < size:
        for _ in range(4):
            owner, label = sampler.scene(rng)
            scene = sampler.corpus.scenes[owner]
            at = draw(scene, rng)
            answer = None if at is None else truth(scene, at)
            if answer is not None and (label is None or answer[label] == POSITIVE):
                break
        if answer is None:
            continue
        video, when = window(scene, at)
        if augment:
            video = vary(video, rng)
            answer = judged_again(video, answer)
        clips.append(video)
        times.append(when)
        truths.append(answer)
        owners.append(owner)
    return Batch(np.stack(clips), np.float32(times), np.stack(truths), np.array(owners))


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
    """Draws batches with `make` on a thread of its own, a few ahead of the training."""

    def __init__(self, make: Callable[[np.random.Generator], tuple], seed: int, depth: int = 4):
        self.queue: queue.Queue[tuple] = queue.Queue(depth)
        self.make, self.rng = make, np.random.default_rng(seed)
        threading.Thread(target=self.work, daemon=True).start()

    def work(self) -> None:
        while True:
            self.queue.put(self.make(self.rng))

    def __next__(self) -> tuple:
        return self.queue.get()

"""Undamaged cameras that are easily taken for damaged ones: bare walls, dusk and night, fog, rain, headlights,
low contrast, hardly any noise or much. For training only (`use = "extra"`)."""

import cv2
import numpy as np

from .damage import blobs
from .sources import Sources
from .world import World

PLAIN = 0.3  # of these worlds are walls, floors, doors, skies
FAINT = 0.2  # of the others have their contrast taken away


def plain(h: int, w: int, rng: np.random.Generator) -> np.ndarray:
    """A wall, floor, door, road or sky: u8 RGB [h, w, 3], flat but for light, grain, seams and a few things."""
    tone = rng.uniform(35, 235) + rng.normal(0, 12, 3) * rng.choice([0.3, 1.0, 3.0])
    y, x = np.mgrid[0 : 1 : h * 1j, 0 : 1 : w * 1j].astype(np.float32)
    light = 1 + rng.normal(0, 0.25) * (y - 0.5) + rng.normal(0, 0.25) * (x - 0.5) + rng.uniform(0, 0.25) * (blobs(h, w, rng, rng.uniform(0.2, 0.9)) - 0.5)
    picture = (tone * light[..., None]).astype(np.float32)
    for _ in range(rng.integers(1, 9)):  # doors, frames, sockets, pipes, seams, marks on a road
        change = rng.normal(0, rng.choice([6, 15, 40])) + rng.normal(0, 4, 3)
        at = (rng.uniform(-0.1, 1.0, 2) * (w, h)).astype(int)
        far = at + (np.exp(rng.uniform(np.log(0.01), np.log(0.9), 2)) * (w, h)).astype(int)
        kind = rng.integers(4)
        layer = np.zeros((h, w), np.uint8)
        if kind == 0:
            cv2.rectangle(layer, at.tolist(), far.tolist(), 1, -1)
        elif kind == 1:
            cv2.rectangle(layer, at.tolist(), far.tolist(), 1, max(h // int(rng.integers(60, 200)), 1))
        elif kind == 2:
            end = at + (rng.normal(0, 1, 2) * (w, h)).astype(int)
            cv2.line(layer, at.tolist(), end.tolist(), 1, max(h // int(rng.integers(40, 250)), 1), cv2.LINE_AA)
        else:
            cv2.ellipse(layer, at.tolist(), np.abs((far - at) // 4 + 1).tolist(), rng.uniform(0, 180), 0, 360, 1, -1)
        picture[layer > 0] += change
    if rng.random() < 0.35:  # tiles, bricks, boards
        ph, pw = h * rng.uniform(0.04, 0.4), h * rng.uniform(0.06, 0.8)
        row = np.floor(y * h / ph)
        seam = ((y * h) % ph < max(h / 200, 1)) | ((x * w + row * pw * rng.choice([0, 0.5])) % pw < max(h / 200, 1))
        picture[seam] += rng.normal(0, 12)
    grain = rng.normal(0, 1, (h // 2, w // 2)).astype(np.float32)
    grain = cv2.resize(cv2.GaussianBlur(grain, (0, 0), rng.uniform(0.5, 2.5)), (w, h)) * rng.uniform(0.5, 12)
    return (picture + grain[..., None]).clip(0, 255).astype(np.uint8)


class HardWorld(World):
    """As `World`, harder. `picture` also draws headlights and rain."""

    def __init__(self, sources: Sources, size: tuple[int, int], times: np.ndarray, rng: np.random.Generator, clip_share: float = 0.12):
        super().__init__(sources, size, times, rng, clip_share=clip_share)
        self.rng = rng
        if self.frames is None:
            shape = self.background.shape[:2]
            if rng.random() < PLAIN:
                self.background = plain(*shape, rng)
            elif rng.random() < FAINT:
                middle = self.background.mean((0, 1)) if rng.random() < 0.5 else rng.uniform(40, 210) + rng.normal(0, 12, 3)
                self.background = (middle + (self.background - 128.0) * np.exp(rng.uniform(np.log(0.05), np.log(0.5)))).clip(0, 255).astype(np.uint8)
        self.blank = False

    def light(self, rng: np.random.Generator) -> None:
        super().light(rng)
        self.mood = str(rng.choice(["day", "dusk", "night", "fog", "bright", "gloom"], p=[0.34, 0.22, 0.17, 0.12, 0.08, 0.07]))
        self.gain, self.lift, self.drift, self.lamps = rng.uniform(0.6, 1.2), rng.uniform(-15, 15), rng.normal(0, 0.003), []
        if self.mood == "dusk":
            self.gain, self.lift, self.drift = rng.uniform(0.22, 0.6), rng.uniform(0, 14), rng.normal(0, 0.006)
        elif self.mood == "night":
            self.gain, self.lift = rng.uniform(0.15, 0.45), rng.uniform(4, 26)
            self.lamps = [(rng.uniform(0, 1, 2), rng.uniform(0.01, 0.08), rng.uniform(150, 255)) for _ in range(rng.integers(0, 7))]
        elif self.mood == "fog":
            fog = rng.uniform(0.3, 0.75)
            self.gain, self.lift = 1 - fog, fog * rng.uniform(90, 220)
        elif self.mood == "bright":
            self.gain, self.lift = rng.uniform(1.1, 1.4), rng.uniform(0, 35)
        elif self.mood == "gloom":  # an infrared lamp that reaches the middle only, or a lens hood
            self.gain, self.lift, self.infrared = rng.uniform(0.5, 1.1), rng.uniform(0, 10), rng.random() < 0.7
        self.infrared = self.infrared or rng.random() < 0.1
        self.beams = [(rng.uniform(0, 1, 2), rng.normal(0, 0.15, 2), rng.uniform(0.03, 0.3), rng.uniform(40, 260)) for _ in range(rng.integers(1, 4))]
        self.beams = self.beams if rng.random() < (0.35 if self.mood in ("dusk", "night") else 0.04) else []
        self.rain = int(rng.choice([0, 40, 150])) if rng.random() < 0.15 else 0
        self.slant, self.vignette = rng.normal(0, 0.3), None

    def develop(self, view: np.ndarray, i: int) -> np.ndarray:
        view = super().develop(view, i)
        h, w = self.height, self.width
        if self.mood == "gloom":
            if self.vignette is None:
                y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
                reach = self.rng.uniform(0.5, 2.0)
                self.vignette = np.exp(-(np.hypot(y, x) / reach) ** 2).astype(np.float32)[..., None]
            view = (view * self.vignette).astype(np.uint8)
        for place, speed, radius, glow in self.beams:
            at = np.mod(place + speed * (self.times[i] - self.times[0]) + 0.3, 1.6) - 0.3
            y, x = np.mgrid[0 : h : 8, 0 : w : 8].astype(np.float32)
            halo = np.exp(-(((y / h - at[0]) ** 2 + ((x / w - at[1]) * w / h) ** 2) / radius**2)) * glow
            view = cv2.add(view, cv2.cvtColor(cv2.resize(halo, (w, h)).clip(0, 255).astype(np.uint8), cv2.COLOR_GRAY2RGB))
        if self.rain:
            streaks = view.copy()
            for _ in range(self.rain):
                at, length = self.rng.uniform(0, 1, 2) * (w, h), h * self.rng.uniform(0.02, 0.12)
                cv2.line(streaks, at.astype(int).tolist(), (at + (self.slant * length, length)).astype(int).tolist(), (190, 195, 200), max(h // 300, 1))
            view = cv2.addWeighted(view, 0.65, streaks, 0.35, 0)
        return view

"""An undamaged camera's view: a still photograph with things passing by, or a real clip.

`World.picture(i, dx, dy, roll)` is what the lens shows at the scene's i-th time when the camera has
moved by a share of the picture's height. Nothing here is damage: night, fog, blank walls, infrared,
burnt-in clocks and large things close by are all part of a healthy camera's life.
"""

import cv2
import numpy as np

from .sources import Sources

cv2.setNumThreads(1)
MARGIN = 0.14  # of the height, kept around the view so that the camera can move
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_PLAIN, cv2.FONT_HERSHEY_DUPLEX)


def crop_to(picture: np.ndarray, height: int, width: int, rng: np.random.Generator, least: float) -> np.ndarray:
    """A random crop of the wanted shape that keeps at least `least` of the picture's largest such crop."""
    h, w = picture.shape[:2]
    scale = min(h / height, w / width) * rng.uniform(least, 1.0)
    ch, cw = int(height * scale), int(width * scale)
    y, x = rng.integers(h - ch + 1), rng.integers(w - cw + 1)
    piece = picture[y : y + ch, x : x + cw]
    if rng.random() < 0.5:
        piece = piece[:, ::-1]
    return cv2.resize(piece, (width, height), interpolation=cv2.INTER_AREA if scale > 1 else cv2.INTER_CUBIC)


class Passing:
    """A cut-out of another photograph that crosses the view at a steady pace."""

    def __init__(self, sources: Sources, height: int, width: int, rng: np.random.Generator, near: bool):
        share = rng.uniform(0.4, 0.75) if near else rng.choice([0.06, 0.12, 0.25, 0.4]) * rng.uniform(0.7, 1.4)
        h = max(int(share * height), 8)
        w = max(int(h * rng.uniform(0.35, 1.6)), 8)
        self.patch = crop_to(sources.photo(rng)[1], h, w, rng, 0.6)
        mask = np.zeros((h, w), np.float32)
        if rng.random() < 0.5:
            cv2.ellipse(mask, (w // 2, h // 2), (w // 2 - 1, h // 2 - 1), 0, 0, 360, 1, -1)
        else:
            mask[1:-1, 1:-1] = 1
        self.mask = cv2.GaussianBlur(mask, (0, 0), max(height / 500, 0.6))[..., None]
        self.start = rng.uniform([-0.1 * height, -0.2 * width], [0.9 * height, width])
        speed = height * (rng.choice([0.0, 0.01, 0.05, 0.2]) if not near else rng.choice([0.1, 0.3]))
        angle = rng.uniform(0, 2 * np.pi)
        self.velocity = speed * np.array([0.3 * np.sin(angle), np.cos(angle)])
        self.span = np.array([height * 1.2, width * 1.6])

    def paste(self, view: np.ndarray, time: float, shift: tuple[float, float]) -> None:
        """Draws the thing where it is at `time` (seconds), moved by the camera's own (y, x) shift in pixels."""
        height, width = view.shape[:2]
        h, w = self.patch.shape[:2]
        y, x = np.mod(self.start + self.velocity * time + self.span / 4, self.span) - self.span / 4 + shift
        y, x = int(y), int(x)
        y0, x0, y1, x1 = max(y, 0), max(x, 0), min(y + h, height), min(x + w, width)
        if y1 <= y0 or x1 <= x0:
            return
        cut = np.s_[y0 - y : y1 - y, x0 - x : x1 - x]
        mask = self.mask[cut]
        view[y0:y1, x0:x1] = (view[y0:y1, x0:x1] * (1 - mask) + self.patch[cut] * mask).astype(np.uint8)


class World:
    """One camera's surroundings for the length of a scene."""

    def __init__(self, sources: Sources, size: tuple[int, int], times: np.ndarray, rng: np.random.Generator,
                 still: bool = False, clip_share: float = 0.2):  # fmt: skip
        self.height, self.width = size
        self.times, self.margin = times, int(MARGIN * size[0])
        full = (self.height + 2 * self.margin, self.width + 2 * self.margin)
        self.frames, self.fixed, self.blank = None, True, False
        if sources.clips and rng.random() < clip_share:
            self.source, frames, self.times, self.fixed = sources.clip(rng, len(times))
            self.frames, self.full = [np.ascontiguousarray(f) for f in frames], full
        else:
            large = sources.large and rng.random() < 0.2
            self.source, photo = (sources.large_photo if large else sources.photo)(rng)
            self.background = crop_to(photo, *full, rng, 0.35 if large else 0.8)
            if rng.random() < 0.06:  # a blank wall
                self.blank = True
                wall = rng.uniform(40, 220, 3)
                self.background = (wall + (self.background - 128.0) * rng.uniform(0.02, 0.2)).clip(0, 255).astype(np.uint8)
        count = 0 if still else int(rng.choice([0, 1, 2, 4], p=[0.3, 0.3, 0.25, 0.15]))
        self.passing = [Passing(sources, *size, rng, near=False) for _ in range(count)]
        if not still and rng.random() < 0.06:
            self.passing.append(Passing(sources, *size, rng, near=True))
        self.light(rng)
        self.overlay(rng)

    def light(self, rng: np.random.Generator) -> None:
        """Chooses exposure, its slow change, and the weather."""
        self.gain, self.lift, self.drift = rng.uniform(0.7, 1.15), rng.uniform(-12, 12), rng.normal(0, 0.004)
        self.step, self.lamps, self.infrared = 0.0, [], rng.random() < 0.12
        self.mood = str(rng.choice(["day", "dusk", "night", "fog", "bright"], p=[0.62, 0.12, 0.1, 0.08, 0.08]))
        if self.mood == "dusk":
            self.gain, self.lift, self.drift = rng.uniform(0.35, 0.6), rng.uniform(0, 10), rng.normal(0, 0.01)
        elif self.mood == "night":
            self.gain, self.lift = rng.uniform(0.28, 0.45), rng.uniform(4, 14)
            self.lamps = [(rng.uniform(0, 1, 2), rng.uniform(0.01, 0.06), rng.uniform(150, 255)) for _ in range(rng.integers(1, 7))]
        elif self.mood == "fog":
            fog = rng.uniform(0.3, 0.65)
            self.gain, self.lift = 1 - fog, fog * rng.uniform(110, 200)
        elif self.mood == "bright":
            self.gain, self.lift = rng.uniform(1.1, 1.3), rng.uniform(0, 25)
        if rng.random() < 0.1:
            self.step = rng.uniform(-0.2, 0.2)  # a light is switched, or automatic exposure moves
        self.step_at = rng.integers(len(self.times))

    def overlay(self, rng: np.random.Generator) -> None:
        """Chooses a burnt-in clock and name."""
        self.clock = None
        if rng.random() < 0.3:
            ticks = rng.random() < 0.7
            place = (rng.choice([0.03, 0.6]), rng.choice([0.07, 0.95]))
            self.clock = (ticks, place, FONTS[rng.integers(3)], rng.uniform(0.03, 0.06), int(rng.integers(0, 86400)))

    def picture(self, i: int, dx: float = 0.0, dy: float = 0.0, roll: float = 0.0) -> np.ndarray:
        """u8 RGB [height, width, 3]; `dx`, `dy` in shares of the height, `roll` in degrees."""
        if self.frames is None:
            view = self.background
        else:
            view = cv2.resize(self.frames[i], self.full[::-1], interpolation=cv2.INTER_LINEAR)
        m, h, w = self.margin, self.height, self.width
        if dx or dy or roll:
            turn = cv2.getRotationMatrix2D((m + w / 2, m + h / 2), roll, 1.0)
            turn[:, 2] += (dx * h - m, dy * h - m)
            view = cv2.warpAffine(view, turn, (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        else:
            view = view[m : m + h, m : m + w].copy()
        for thing in self.passing:
            thing.paste(view, self.times[i] - self.times[0], (dy * h, dx * h))
        return self.develop(view, i)

    def develop(self, view: np.ndarray, i: int) -> np.ndarray:
        """Applies light, lamps, infrared and the burnt-in clock."""
        gain = self.gain * (1 + self.drift * (self.times[i] - self.times[0])) + (self.step if i >= self.step_at else 0)
        table = (np.arange(256) * gain + self.lift).clip(0, 255).astype(np.uint8)
        view = cv2.LUT(view, table)
        for place, radius, glow in self.lamps:
            centre = (int(place[1] * self.width), int(place[0] * self.height))
            cv2.circle(view, centre, max(int(radius * self.height), 2), (glow, glow, glow * 0.85), -1, cv2.LINE_AA)
        if self.infrared:
            view = cv2.cvtColor(cv2.cvtColor(view, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        return view

    def burn_in(self, view: np.ndarray, i: int) -> np.ndarray:
        """Writes the clock, which the camera adds after the lens and the sensor."""
        if self.clock:
            ticks, place, font, size, start = self.clock
            second = int(start + (self.times[i] - self.times[0] if ticks else 0))
            text = f"2026-11-24 {second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}" if ticks else "CAM 04"
            at = (int(place[0] * self.width), int(place[1] * self.height))
            scale = size * self.height / 22
            cv2.putText(view, text, at, font, scale, (0, 0, 0), max(int(3 * scale), 2), cv2.LINE_AA)
            cv2.putText(view, text, at, font, scale, (255, 255, 255), max(int(scale * 1.3), 1), cv2.LINE_AA)
        return view

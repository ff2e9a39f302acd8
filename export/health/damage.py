"""Damage to a picture at the camera's size, before its encoder: the means named in `health_grid.toml`.

Every function takes and gives u8 RGB [height, width, 3]. What stays the same for a whole scene (the
shape of a hand, say) is drawn once, by the class or closure that the function comes from.
"""

import cv2
import numpy as np

from .sources import Sources

CAPTIONS = ("NO SIGNAL", "VIDEO LOSS", "NO VIDEO", "OFFLINE", "Kein Signal", "no video input", "CAMERA 3", "LOST CONNECTION",
            "Sin senal", "Signal lost", "CH 02", "Waiting for video")  # fmt: skip
BARS = np.array([(192, 192, 192), (192, 192, 0), (0, 192, 192), (0, 192, 0), (192, 0, 192), (192, 0, 0), (0, 0, 192)], np.uint8)


def blobs(height: int, width: int, rng: np.random.Generator, size: float) -> np.ndarray:
    """Smooth random field f32 [height, width] in 0..1, with features of `size` (a share of the height)."""
    cells = max(int(1 / size), 2)
    field = rng.random((cells + 2, int(cells * width / height) + 2)).astype(np.float32)
    return cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 1)


class Cover:
    """Something on or before the lens: an opaque picture and where it hides the view."""

    def __init__(self, means: str, strength: float, size: tuple[int, int], sources: Sources, rng: np.random.Generator):
        h, w = size
        self.share = strength
        self.tone = rng.uniform(28, 220) + rng.normal(0, 10, 3)
        if means != "hand" and rng.random() < 0.3:
            self.tone = np.sort(rng.uniform(25, 230, 3))[rng.permutation([2, 1, 0])]
            self.tone[2] = min(self.tone[2], self.tone[:2].max() + 30)  # flat blue would be no signal
        picture = np.ones((h, w, 3), np.float32) * self.tone.astype(np.float32)
        mask = getattr(self, means)(h, w, strength, picture, rng)
        soft = rng.uniform(0.004, 0.05) * h
        small = cv2.resize(mask.astype(np.float32), (w // 4, h // 4))
        small = cv2.GaussianBlur(small, (0, 0), max(soft / 4, 0.5))
        self.mask = cv2.resize(small, (w, h))[..., None]
        self.share = float((self.mask > 0.5).mean())
        shade = 1 + rng.uniform(0, 0.35) * (blobs(h, w, rng, 0.6) - 0.5)
        self.picture = (picture * shade[..., None]).clip(0, 255)
        self.drift = rng.uniform(0, 0.02) if rng.random() < 0.5 else 0.0

    def flat(self, h, w, share, picture, rng):
        return np.ones((h, w))

    def cloth(self, h, w, share, picture, rng):
        """Woven or printed stuff, close and out of focus."""
        y, x = np.mgrid[:h, :w].astype(np.float32)
        pitch, angle = rng.uniform(0.006, 0.06) * h, rng.uniform(0, np.pi)
        weave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 6.28 / pitch) + np.sin((y * np.cos(angle) - x * np.sin(angle)) * 6.28 / pitch)
        picture += (weave * rng.uniform(1, 14))[..., None]
        picture *= (0.7 + 0.6 * blobs(h, w, rng, rng.uniform(0.15, 0.5)))[..., None]
        return blobs(h, w, rng, 0.5) < share * 1.2

    def hand(self, h, w, share, picture, rng):
        """A palm and fingers: overlapping skin-toned ellipses, blurred by nearness."""
        skin = np.array([[225, 175, 145], [190, 130, 100], [120, 80, 60], [70, 45, 35]])[rng.integers(4)] * rng.uniform(0.25, 1.0)
        if rng.random() < 0.25:
            skin = np.full(3, rng.uniform(25, 60))  # a glove, or no light between hand and lens
        picture[:] = skin
        mask, shading = np.zeros((h, w), np.uint8), np.zeros((h, w), np.float32)
        corner = np.array([rng.uniform(0.2, 0.8) * w, rng.uniform(0.3, 1.0) * h])
        angle = rng.uniform(0, 360)
        for finger in range(40):
            at = corner + rng.normal(0, 0.28, 2) * (w, h)
            axes = (int(h * rng.uniform(0.25, 0.8)), int(h * rng.uniform(0.08, 0.22)))
            turn = angle + rng.normal(0, 14)
            cv2.ellipse(mask, at.astype(int).tolist(), axes, turn, 0, 360, 1, -1)
            cv2.ellipse(shading, at.astype(int).tolist(), axes, turn, 0, 360, float(rng.uniform(-1, 1)), -1)
            if mask.mean() >= share:
                break
        small = cv2.GaussianBlur(cv2.resize(shading, (w // 4, h // 4)), (0, 0), rng.uniform(0.005, 0.04) * h / 4 + 0.5)
        picture *= 1 + 0.25 * cv2.resize(small, (w, h))[..., None]
        return mask

    def board(self, h, w, share, picture, rng):
        """A straight-edged thing pushed in from one side."""
        y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
        angle = rng.uniform(0, 2 * np.pi)
        field = np.cos(angle) * x + np.sin(angle) * y
        picture += (rng.normal(0, 10) * field)[..., None]
        if rng.random() < 0.4:
            picture += (rng.uniform(2, 20) * (blobs(h, w, rng, rng.uniform(0.05, 0.3)) - 0.5))[..., None]
        return field < np.quantile(field, share)

    def spray(self, h, w, share, picture, rng):
        """Paint: a ragged blot with droplets round it."""
        y, x = np.mgrid[-1 : 1 : h * 1j, -1.5 : 1.5 : w * 1j]
        field = np.hypot(y - rng.normal(0, 0.2), x - rng.normal(0, 0.3)) * 0.6 + blobs(h, w, rng, 0.12) * 0.6 + blobs(h, w, rng, 0.03) * 0.3
        return field < np.quantile(field, share)

    def __call__(self, view: np.ndarray, i: int) -> np.ndarray:
        gain = 1 + self.drift * np.sin(i * 1.7)
        return (view * (1 - self.mask) + self.picture * (self.mask * gain)).clip(0, 255).astype(np.uint8)


def blur(means: str, strength: float, height: int, rng: np.random.Generator):
    """A function that takes the lens out of focus; `strength` is the kernel's deviation over the height."""
    sigma = strength * height
    shrink = max(int(sigma / 2.5), 1)  # a wide blur is done on a smaller picture, which is the same picture
    s = sigma / shrink
    radius = max(int(round(2 * s)), 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)).astype(np.float32)
    veil, tone = rng.uniform(0.1, 0.45), rng.uniform(120, 210)
    if means == "box":
        disc = np.ones((2 * radius + 1, 2 * radius + 1), np.float32)
    elif means == "ring":
        disc = cv2.subtract(disc, np.pad(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * (radius // 2) + 1,) * 2).astype(np.float32), radius - radius // 2) * 0.9)
    angle, stretch = rng.uniform(0, 180), rng.uniform(2.2, 3.5)

    def apply(view: np.ndarray, i: int) -> np.ndarray:
        h, w = view.shape[:2]
        small = cv2.resize(view, (w // shrink, h // shrink), interpolation=cv2.INTER_AREA) if shrink > 1 else view
        if means in ("disc", "box", "ring"):
            small = cv2.filter2D(small, -1, disc / disc.sum())
        elif means == "astigmatic":
            size = int(6 * s * stretch) | 1
            line = cv2.getGaussianKernel(size, s * 0.5) @ cv2.getGaussianKernel(size, s * stretch / 1.6).T
            turn = cv2.getRotationMatrix2D((size // 2, size // 2), angle, 1)
            kernel = cv2.warpAffine(line.astype(np.float32), turn, (size, size))
            small = cv2.filter2D(small, -1, kernel / kernel.sum())
        else:
            small = cv2.GaussianBlur(small, (0, 0), max(s, 0.3))
        if means == "greasy":  # highlights bleed far beyond the blur
            wide = cv2.blur(cv2.blur(small, (12 * int(s + 1) + 1,) * 2), (12 * int(s + 1) + 1,) * 2)
            small = (small * (1 - veil) + wide * veil).astype(np.uint8)
        if means == "condensation":
            small = (small * (1 - veil) + tone * veil).astype(np.uint8)
        return cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR) if shrink > 1 else small

    return apply


def darken(means: str, strength: float, size: tuple[int, int], rng: np.random.Generator):
    """A function that takes the light away; its effect is measured afterwards."""
    h, w = size
    levels = np.arange(256)
    lift = rng.uniform(0, 5)
    if means == "crush":  # a tone curve that swallows the shadows
        table = levels * strength * 2.5 * np.clip((levels - rng.uniform(20, 90)) / 200, 0, 1) + lift
    elif means == "gamma":
        table = 255 * (levels / 255) ** strength * rng.uniform(0.15, 0.6) + lift
    else:
        table = levels * strength + lift
    table = table.clip(0, 255).astype(np.uint8)
    shade = None
    if means == "iris":
        y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
        shade = np.exp(-(np.hypot(y - rng.normal(0, 0.3), x - rng.normal(0, 0.3)) ** 2) / rng.uniform(0.15, 0.8)).astype(np.float32)
        table = (levels * min(strength * 3, 0.4) + lift).clip(0, 255).astype(np.uint8)
    tint = rng.uniform(0.4, 1.0, 3) if means == "tinted" else None

    def apply(view: np.ndarray, i: int) -> np.ndarray:
        view = cv2.LUT(view, table)
        if tint is not None:
            view = (view * tint).astype(np.uint8)
        return view if shade is None else (view * shade[..., None]).astype(np.uint8)

    return apply


def brighten(means: str, strength: float, size: tuple[int, int], rng: np.random.Generator):
    """A function that floods the sensor with light; its effect is measured afterwards."""
    h, w = size
    levels = np.arange(256)
    if means == "wash":  # a tone curve that swallows the lights
        table = 255 * (levels / 255) ** (1 / strength) * rng.uniform(1.05, 1.5)
    elif means == "gain":
        table = levels * strength + rng.uniform(0, 60)
    else:
        table = levels * rng.uniform(0.6, 1.4) + strength
    table = table.clip(0, 255).astype(np.uint8)
    y, x = np.mgrid[-1 : 1 : h * 1j, -1.7 : 1.7 : w * 1j]
    at, spread = rng.uniform(-0.8, 0.8, 2), 0.3 + 1.4 * min(strength, 1.0)
    distance = np.hypot(y - at[0], x - at[1] * 1.7) / spread
    if means == "flood":  # light from one side, through a dirty pane: streaks
        angle = rng.uniform(0, 2 * np.pi)
        side = np.cos(angle) * x / 1.7 + np.sin(angle) * y
        distance = (side + 1.2) / (2.6 * strength) + 0.35 * (blobs(h, w, rng, 0.2) - 0.5)
    if means == "lamps":  # several, each with its own halo
        distance = np.full((h, w), 9.0)
        for _ in range(rng.integers(2, 6)):
            at = rng.uniform(-1, 1, 2)
            distance = np.minimum(distance, np.hypot(y - at[0], x - at[1] * 1.7) / (0.2 + rng.uniform(0.3, 0.9) * strength))
    glow = (np.exp(-(distance.clip(0) ** 2)) * rng.uniform(350, 700)).astype(np.float32)

    def apply(view: np.ndarray, i: int) -> np.ndarray:
        if means in ("gain", "lift", "wash"):
            return cv2.LUT(view, table)
        return (view + glow[..., None]).clip(0, 255).astype(np.uint8)

    return apply


def no_signal(means: str, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """The picture that a recorder or a capture card shows when nothing comes in."""
    h, w = size
    card = np.zeros((h, w, 3), np.uint8)
    captions = int(rng.integers(1, 3))
    if means == "blue":
        card[:] = (rng.uniform(0, 40), rng.uniform(0, 70), rng.uniform(130, 255))
        captions = int(rng.integers(0, 3))
    elif means == "bars":
        bars = BARS if rng.random() < 0.5 else np.vstack([np.full((1, 3), 235, np.uint8), np.minimum(BARS.astype(int) * 4 // 3, 255)[1:], np.zeros((1, 3), int)])
        for i, colour in enumerate(bars):
            card[:, i * w // len(bars) : (i + 1) * w // len(bars)] = colour
        captions = int(rng.integers(0, 2))
    elif means == "grey_caption":
        card[:] = rng.uniform(40, 190)
    elif means == "black_caption":
        card[:] = rng.uniform(0, 24)
    elif means == "test_card":
        for i, colour in enumerate(BARS):
            card[: h * 2 // 3, i * w // 7 : (i + 1) * w // 7] = colour
        for i, colour in enumerate(BARS[::-1]):
            card[h * 2 // 3 : h * 3 // 4, i * w // 7 : (i + 1) * w // 7] = colour if i % 2 == 0 else (16, 16, 16)
        for i, tone in enumerate(np.linspace(0, 255, 10)):
            card[h * 3 // 4 :, i * w // 10 : (i + 1) * w // 10] = tone
    for _ in range(captions):
        scale = h / 480 * rng.uniform(0.8, 2.6)
        tone = rng.uniform(170, 255) if card.mean() < 120 else rng.choice([0.0, 255.0])
        at = (int(rng.uniform(0.02, 0.5) * w), int(rng.uniform(0.15, 0.95) * h))
        text = CAPTIONS[rng.integers(len(CAPTIONS))]
        cv2.putText(card, text, at, int(rng.integers(0, 5)), scale, (tone, tone, tone), max(int(scale * 2), 1), cv2.LINE_AA)
    return card


def displace_blocks(view: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Macroblocks gone wrong: runs of 16 x 16 blocks moved, flat, grey or tinted, as a bad decoder shows them."""
    h, w = view.shape[:2]
    view = view.copy()
    for _ in range(int(strength)):
        run = 16 * int(rng.integers(1, max(w // 32, 2)))
        high = 16 * int(rng.integers(1, max(h // 160, 2)))
        y, x = 16 * int(rng.integers((h - high) // 16 + 1)), 16 * int(rng.integers((w - run) // 16 + 1))
        target = view[y : y + high, x : x + run]
        kind = rng.integers(4)
        if kind == 0:
            sy, sx = int(rng.integers(h - target.shape[0] + 1)), int(rng.integers(w - target.shape[1] + 1))
            target[:] = view[sy : sy + target.shape[0], sx : sx + target.shape[1]].copy()
        elif kind == 1:
            target[:] = cv2.resize(cv2.resize(target, (max(run // 16, 1), max(high // 16, 1)), interpolation=cv2.INTER_AREA), target.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        elif kind == 2:
            target[:] = (target.astype(int) + rng.integers(-90, 90, 3)).clip(0, 255)
        else:
            target[:] = target[:1] if rng.random() < 0.5 else int(rng.choice([0, 128]))
    return view


def shake_path(means: str, strength: float, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The camera's own motion [n, 3]: dx, dy in shares of the height, roll in degrees; zero-mean."""
    n = len(times)
    if means == "sway":  # a spring pulled at random: neighbours are alike, and it swings back
        path, velocity = np.zeros((n, 2)), rng.normal(0, 1, 2)
        for i in range(1, n):
            velocity = -0.7 * path[i - 1] + 0.3 * velocity + rng.normal(0, 1, 2)
            path[i] = path[i - 1] + velocity
        path *= strength / (np.hypot(*np.diff(path, axis=0).T).mean() + 1e-9)
    elif means == "vibration":  # a motor or a mast: one frequency, one direction
        phase = times * rng.uniform(3, 30) + rng.uniform(0, 6.28)
        angle = rng.uniform(0, np.pi)
        path = strength * np.stack([np.cos(angle) * np.sin(phase), np.sin(angle) * np.sin(phase)], 1)
    elif means == "swing":  # a pole: two directions, each with a beat of its own
        beat = times[:, None] * rng.uniform(0.5, 9, (1, 2)) + rng.uniform(0, 6.28, 2)
        path = 1.3 * strength * np.sin(beat) * rng.uniform(0.3, 1, 2) + rng.normal(0, strength / 4, (n, 2))
    elif means == "knocks":  # held in the hand: a pull here and there, then back
        path = rng.normal(0, strength, (n, 2)) * rng.choice([0.4, 1.0, 1.6], (n, 1))
    else:
        path = rng.normal(0, strength / 1.7, (n, 2))
    path = (path - path.mean(0)).clip(-0.13, 0.13)
    roll = rng.normal(0, 35 * strength, n) if means in ("roll", "sway") or (means == "knocks" and rng.random() < 0.5) else np.zeros(n)
    return np.column_stack([path, roll.clip(-5, 5)])


def smear(view: np.ndarray, length: float, angle: float) -> np.ndarray:
    """Motion blur of `length` pixels."""
    size = int(length) | 1
    if size < 3:
        return view
    kernel = np.zeros((size, size), np.float32)
    kernel[size // 2] = 1
    kernel = cv2.warpAffine(kernel, cv2.getRotationMatrix2D((size // 2, size // 2), angle, 1), (size, size))
    return cv2.filter2D(view, -1, kernel / kernel.sum())



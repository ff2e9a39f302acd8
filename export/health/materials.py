"""Further means of damage, trained on but in no scored scene (`use = "extra"` in `health_grid.toml`).

As in `damage.py`: u8 RGB [height, width, 3] at the camera's size, before its encoder.
"""

import cv2
import numpy as np

from .damage import CAPTIONS, Cover, blobs
from .sources import Sources
from .world import crop_to

WORDS = CAPTIONS + ("CONNECTING...", "Loading", "NVR-8", "Please wait", "No Link", "DISCONNECTED", "IP CAMERA", "CH 11", "Error 0x21",
                    "Camera offline", "HDMI 1", "STREAM ENDED", "Reconnecting", "Kein Bild", "Sem sinal", "VIDEO INPUT LOST")  # fmt: skip


def strokes(h: int, w: int, share: float, rng: np.random.Generator, wide: tuple[float, float]) -> np.ndarray:
    """Mask u8 [h, w] of thick bent strokes, laid until they hide `share` of the picture."""
    mask, angle = np.zeros((h, w), np.uint8), rng.uniform(0, np.pi)
    for _ in range(150):
        at = rng.uniform(-0.1, 1.1, 2) * (w, h)
        turn = angle + rng.normal(0, 0.5)
        reach = rng.uniform(0.3, 1.2) * w * np.array([np.cos(turn), np.sin(turn)])
        bend = rng.normal(0, 0.12, 2) * h
        line = np.array([at - reach / 2, at + bend, at + reach / 2]).astype(np.int32)
        cv2.polylines(mask, [line], False, 1, max(int(h * rng.uniform(*wide)), 2))
        if mask.mean() >= share:
            break
    return mask


def folds(high: int, wide: int, rng: np.random.Generator) -> np.ndarray:
    """Soft light and shade f32 [high, wide], 0 to 1: knuckles, folds or a slope, each of its own kind of field."""
    kind, size = rng.integers(3), rng.uniform(0.2, 0.9)
    if kind == 0:
        return blobs(high, wide, rng, size)
    if kind == 1:
        return (0.5 + 0.5 * sum(w(high, wide, 0) for w in (Wave(rng) for _ in range(rng.integers(1, 4)))) / 2).clip(0, 1)
    field = cv2.GaussianBlur(rng.standard_normal((high, wide)).astype(np.float32), (0, 0), 0.25 * size * high, borderType=cv2.BORDER_REFLECT)
    return (0.5 + field / (4 * field.std())).clip(0, 1)


class Wave:
    """A plane wave over a picture, of 0.4 to 4 heights, that goes on a little from picture to picture."""

    def __init__(self, rng: np.random.Generator):
        angle, length = rng.uniform(0, 2 * np.pi), np.exp(rng.uniform(np.log(0.4), np.log(4)))
        self.across, self.down = 2 * np.pi * np.cos(angle) / length, 2 * np.pi * np.sin(angle) / length
        self.phase, self.pace = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.15)  # radians; a picture

    def __call__(self, high: int, wide: int, i: int) -> np.ndarray:
        """-1 to 1, f32 [high, wide], at picture i."""
        y, x = np.mgrid[:high, :wide].astype(np.float32) / high
        return np.sin(self.across * x + self.down * y + np.float32(self.phase + self.pace * i))


class Held:
    """Something soft that is held before the lens and does not keep quite still: it drifts, trembles and turns, parts of it more than
    others, and what light falls on it changes. `light`: f32 [high, wide], and of the same form what is seen of it at picture i,
    0 to MOST - 1."""

    MOST = 50

    def __init__(self, light: np.ndarray, rng: np.random.Generator):
        self.light, (high, wide) = light, light.shape
        far = np.exp(rng.uniform(np.log(0.003), np.log(0.05)))  # from picture to picture, in shares of the height
        self.walk = np.cumsum(far * np.array([1, 1, 0.35]) * (rng.normal(0, 0.7, 3) + rng.normal(0, 0.5, (self.MOST, 3))), 0)
        size = rng.uniform(0.25, 1.0)
        self.bend = [[blobs(high, wide, rng, size) - 0.5 for _ in range(2)] for _ in range(2)] if rng.random() < 0.7 else None
        self.much, self.pace = rng.uniform(1, 8) * far, rng.uniform(0.2, 1.5)  # of the height; radians a picture
        self.waves = [Wave(rng) for _ in range(rng.integers(0, 3))]
        self.shine = np.float32(rng.uniform(0.02, 0.2))  # of each wave

    def __call__(self, i: int) -> np.ndarray:
        high, wide = self.light.shape
        right, down, turn = self.walk[i]
        y, x = np.mgrid[:high, :wide].astype(np.float32)
        if self.bend:
            swing = np.sin(i * self.pace), np.cos(i * self.pace)
            across, along = (sum(part * field for part, field in zip(swing, pair)) for pair in self.bend)
            x, y = x + self.much * high * across, y + self.much * high * along
        x, y = x - wide / 2, y - high / 2
        x, y = np.cos(turn) * x - np.sin(turn) * y + wide / 2 + right * high, np.sin(turn) * x + np.cos(turn) * y + high / 2 + down * high
        moved = cv2.remap(self.light, x.astype(np.float32), y.astype(np.float32), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        return moved * (1 + self.shine * sum(wave(high, wide, i) for wave in self.waves))


class FurtherCover(Cover):
    """More things on or before the lens."""

    def __init__(self, means: str, strength: float, size: tuple[int, int], sources: Sources, rng: np.random.Generator):
        self.sources, self.veil, self.held = sources, None, None
        super().__init__(means, strength, size, sources, rng)
        if self.veil is not None:
            self.mask = self.mask * self.veil

    def __call__(self, view: np.ndarray, i: int) -> np.ndarray:
        if self.held is None:
            return super().__call__(view, i)
        h, w = view.shape[:2]
        light = cv2.resize(self.held(i), (w, h), interpolation=cv2.INTER_CUBIC)
        return (light[..., None] * self.skin).clip(0, 255).astype(np.uint8)

    def brush(self, h, w, share, picture, rng):
        """Paint, grease or mud put on with strokes."""
        picture *= (1 + rng.uniform(0, 0.4) * (blobs(h, w, rng, rng.uniform(0.02, 0.2)) - 0.5))[..., None]
        return strokes(h, w, share, rng, (0.04, 0.3))

    def palm(self, h, w, share, picture, rng):
        """A hand or a cloth laid on the lens: nothing but light and shade, more or less out of focus, and three times in four it
        does not keep quite still."""
        tone = np.array([[225, 175, 145], [190, 130, 100], [120, 80, 60], [70, 45, 35], [130, 130, 130]])[rng.integers(5)] * rng.uniform(0.25, 1.1)
        high, wide = 72, 72 * w // h
        y, x = np.mgrid[0 : 1 : high * 1j, 0 : w / h : wide * 1j]
        shade = 1 + rng.uniform(0.05, 0.5) * (folds(high, wide, rng) - 0.5)
        angle, pitch = rng.uniform(0, np.pi), rng.uniform(0.2, 0.9)
        across = np.cos(angle) * x + np.sin(angle) * y + rng.uniform(0, 0.15) * np.sin(rng.uniform(2, 8) * (np.sin(angle) * x - np.cos(angle) * y))
        gaps = np.abs(np.sin(np.pi * (across / pitch + rng.uniform()))) ** rng.uniform(0.3, 3)
        if rng.random() < 0.4:  # some of it without gaps: fingers, and a palm
            gaps[blobs(high, wide, rng, rng.uniform(0.4, 1.0)) > rng.uniform(0.3, 0.7)] = 1
        shade *= 1 - rng.uniform(0, 0.7) * (1 - gaps)
        soft = cv2.GaussianBlur(shade.astype(np.float32), (0, 0), np.exp(rng.uniform(np.log(0.6), np.log(8))))
        picture[:] = cv2.resize(soft, (w, h), interpolation=cv2.INTER_CUBIC)[..., None] * tone
        if rng.random() < 0.75:
            self.held, self.skin = Held(soft, rng), tone
        return np.ones((h, w))

    def tape(self, h, w, share, picture, rng):
        """Strips of tape or paper side by side, with seams."""
        angle, pitch = rng.uniform(0, np.pi), rng.uniform(0.12, 0.6) * h
        y, x = np.mgrid[:h, :w].astype(np.float32)
        across = (x - w / 2) * np.cos(angle) + (y - h / 2) * np.sin(angle)
        strip = np.floor(across / pitch + rng.uniform()).astype(int)
        tones = rng.normal(1, rng.uniform(0.01, 0.12), strip.max() - strip.min() + 1)
        picture *= tones[strip - strip.min()][..., None]
        picture += (rng.normal(0, 6) * np.sin(across * 6.28 / pitch))[..., None]
        return np.abs(across) <= np.quantile(np.abs(across), share)

    def leaves(self, h, w, share, picture, rng):
        """Foliage or a web close to the lens: many small things, overlapping."""
        mask = np.zeros((h, w), np.uint8)
        base = np.array([[70, 110, 45], [120, 110, 60], [35, 45, 30], [110, 80, 50], [190, 190, 190]])[rng.integers(5)] * rng.uniform(0.4, 1.3)
        picture[:] = base
        size = rng.uniform(0.05, 0.25)
        for _ in range(400):
            at = (rng.uniform(-0.05, 1.05, 2) * (w, h)).astype(int).tolist()
            axes = (max(int(h * size * rng.uniform(0.6, 1.6)), 2), max(int(h * size * rng.uniform(0.15, 0.5)), 1))
            turn, tone = rng.uniform(0, 360), (base * rng.uniform(0.4, 1.5)).tolist()
            cv2.ellipse(mask, at, axes, turn, 0, 360, 1, -1)
            cv2.ellipse(picture, at, axes, turn, 0, 360, tone, -1)
            if mask.mean() >= share:
                break
        shrink = max(h // 180, 1)
        small = cv2.GaussianBlur(cv2.resize(picture, (w // shrink, h // shrink), interpolation=cv2.INTER_AREA), (0, 0), rng.uniform(0.012, 0.04) * h / shrink)
        picture[:] = cv2.resize(small, (w, h))
        return mask

    def bag(self, h, w, share, picture, rng):
        """A plastic bag, frosted glass or a dirty dome: light comes through, the view hardly."""
        self.veil = rng.uniform(0.92, 0.99)
        crease = np.abs(blobs(h, w, rng, rng.uniform(0.05, 0.3)) - 0.5)
        picture += (np.exp(-((crease / 0.04) ** 2)) * rng.uniform(-30, 60))[..., None]
        return np.ones((h, w))

    def thing(self, h, w, share, picture, rng):
        """Something printed or textured held close: another photograph, out of focus, with a straight or round edge."""
        other = crop_to(self.sources.photo(rng)[1], max(h // 4, 90), max(w // 4, 160), rng, 0.25).astype(np.float32)
        other = cv2.GaussianBlur(other, (0, 0), rng.uniform(0.02, 0.12) * other.shape[0])
        other = other.mean((0, 1)) + (other - other.mean((0, 1))) * rng.uniform(0.15, 0.9)
        picture[:] = cv2.resize(other * rng.uniform(0.35, 1.1), (w, h))
        y, x = np.mgrid[-1 : 1 : h * 1j, -1.7 : 1.7 : w * 1j]
        if rng.random() < 0.5:
            angle = rng.uniform(0, 2 * np.pi)
            field = np.cos(angle) * x + np.sin(angle) * y + rng.uniform(0, 0.3) * (blobs(h, w, rng, 0.3) - 0.5)
        else:
            at = rng.uniform(-1, 1, 2)
            field = np.hypot(y - at[0], (x - at[1]) * rng.uniform(0.5, 1.2))
        return field <= np.quantile(field, share)


def write(card: np.ndarray, count: int, rng: np.random.Generator) -> None:
    """Captions of any size, colour and place."""
    h, w = card.shape[:2]
    for _ in range(count):
        scale = h / 480 * rng.uniform(0.6, 3.0)
        tone = rng.uniform(170, 255, 3) if card.mean() < 120 else rng.uniform(0, 60, 3)
        if rng.random() < 0.6:
            tone = np.full(3, tone[0])
        text = WORDS[rng.integers(len(WORDS))]
        at = (int(rng.uniform(0.02, 0.6) * w), int(rng.uniform(0.1, 0.97) * h))
        cv2.putText(card, text, at, int(rng.integers(0, 8)), scale, tone.tolist(), max(int(scale * rng.uniform(1, 3)), 1), cv2.LINE_AA)


def bars(card: np.ndarray, rng: np.random.Generator) -> None:
    """Rows of bars, ramps and steps, of random colours, number, height and direction."""
    h, w = card.shape[:2]
    rows = int(rng.choice([1, 1, 2, 3, 4]))
    cuts = np.sort(rng.uniform(0.15, 0.9, rows - 1))
    edges = (np.concatenate([[0], cuts, [1]]) * h).astype(int)
    palette = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, 8).T * rng.choice([160, 192, 235, 255])
    for top, bottom in zip(edges[:-1], edges[1:]):
        n, kind = int(rng.integers(3, 13)), rng.choice(["palette", "random", "steps", "ramp", "grey"], p=[0.45, 0.15, 0.15, 0.1, 0.15])
        if kind == "palette":
            colours = palette[rng.permutation(8)[: min(n, 8)]]
        elif kind == "random":
            colours = rng.uniform(0, 255, (n, 3))
        elif kind == "grey":
            colours = np.repeat(rng.uniform(0, 255, (n, 1)), 3, 1)
        else:
            colours = np.linspace(0, 255, 64 if kind == "ramp" else n)[:: rng.choice([-1, 1]), None] * np.where(rng.random(3) < 0.8, 1.0, 0.0 if rng.random() < 0.3 else 1.0)
        at = (np.arange(w) * len(colours) // w).clip(0, len(colours) - 1)
        card[top:bottom] = colours[at].astype(np.uint8)
    if rng.random() < 0.15:
        card[:] = cv2.resize(np.ascontiguousarray(card.transpose(1, 0, 2)), (w, h))


class Card:
    """What a recorder, capture card or server shows when nothing comes in; some of it moves."""

    def __init__(self, means: str, size: tuple[int, int], rng: np.random.Generator):
        h, w = size
        self.means, self.rng = means, rng
        card = np.zeros((h, w, 3), np.uint8)
        captions = int(rng.integers(1, 4))
        if means == "plain":
            card[:] = rng.uniform(0, 255, 3)
        elif means == "grey":
            card[:] = rng.uniform(0, 255)
        elif means == "gradient":
            y, x = np.mgrid[0 : 1 : h * 1j, 0 : 1 : w * 1j]
            angle = rng.uniform(0, 2 * np.pi)
            ramp = (np.cos(angle) * x + np.sin(angle) * y + 1) / 2 if rng.random() < 0.7 else np.hypot(x - 0.5, y - 0.5)
            a, b = rng.uniform(0, 255, (2, 3))
            card[:] = (a + (b - a) * ramp[..., None]).astype(np.uint8)
        elif means == "grid":
            cell = max(int(h * rng.uniform(0.03, 0.25)), 4)
            y, x = np.mgrid[:h, :w]
            a, b = (rng.uniform(0, 255, (2, 3)) if rng.random() < 0.5 else np.repeat(rng.uniform(0, 255, (2, 1)), 3, 1)).astype(np.uint8)
            lines = (y % cell < max(cell // 12, 1)) | (x % cell < max(cell // 12, 1))
            card[:] = np.where((lines if rng.random() < 0.5 else (y // cell + x // cell) % 2 == 0)[..., None], a, b)
            if rng.random() < 0.5:
                cv2.circle(card, (w // 2, h // 2), int(h * rng.uniform(0.2, 0.48)), rng.uniform(0, 255, 3).tolist(), max(h // 150, 1), cv2.LINE_AA)
            captions = int(rng.integers(0, 2))
        elif means == "layout":
            bars(card, rng)
            captions = int(rng.integers(0, 3))
        elif means == "splash":
            card[:] = rng.uniform(0, 60, 3) if rng.random() < 0.7 else rng.uniform(120, 250)
            for _ in range(rng.integers(1, 6)):
                at, far = rng.uniform(0.1, 0.7, 2) * (w, h), rng.uniform(0.05, 0.5, 2) * (w, h)
                tone, box = rng.uniform(0, 255, 3).tolist(), rng.random() < 0.5
                thick = -1 if rng.random() < 0.5 else max(h // 120, 1)
                if box:
                    cv2.rectangle(card, at.astype(int).tolist(), (at + far).astype(int).tolist(), tone, thick)
                else:
                    cv2.ellipse(card, at.astype(int).tolist(), (far / 2).astype(int).tolist(), 0, 0, float(rng.uniform(90, 361)), tone, thick, cv2.LINE_AA)
        write(card, captions, rng)
        self.card, self.spin = card, rng.random() < 0.25 and means != "snow"
        self.place, self.tone = rng.uniform(0.3, 0.7, 2) * (w, h), rng.uniform(120, 255)
        self.grain, self.level = int(rng.integers(1, 4)), rng.uniform(60, 160)

    def __call__(self, view: np.ndarray, i: int) -> np.ndarray:
        card = self.card.copy()
        h, w = card.shape[:2]
        if self.means == "snow":  # an analogue receiver without a station
            noise = self.rng.normal(self.level, 55, (h // self.grain, w // (2 * self.grain))).clip(0, 255).astype(np.uint8)
            return cv2.cvtColor(cv2.resize(noise, (w, h), interpolation=cv2.INTER_LINEAR), cv2.COLOR_GRAY2RGB)
        if self.spin:
            cv2.ellipse(card, self.place.astype(int).tolist(), (h // 14, h // 14), i * 77 % 360, 0, 270, [self.tone] * 3, max(h // 60, 2), cv2.LINE_AA)
        return card


def texture(high: int, wide: int, rng: np.random.Generator) -> np.ndarray:
    """A block of coefficients that were not meant for this place: a few strong cosine waves, in colour or not."""
    y, x = np.mgrid[:high, :wide].astype(np.float32)
    wave = np.zeros((high, wide), np.float32)
    for _ in range(rng.integers(1, 4)):
        wave += rng.normal(0, 60) * np.cos(np.pi * (y + 0.5) * rng.integers(0, 8) / 8) * np.cos(np.pi * (x + 0.5) * rng.integers(0, 8) / 8)
    tint = np.ones(3) if rng.random() < 0.6 else rng.uniform(-1, 1, 3)
    return wave[..., None] * tint


def spoil(view: np.ndarray, means: str, share: float, rng: np.random.Generator) -> np.ndarray:
    """A decoder gone wrong from some block on: `share` of the picture's blocks, in the order of coding."""
    h, w = view.shape[:2]
    out, block = view.copy(), int(rng.choice([8, 16, 16, 32, 64]))
    across, down = max(w // block, 1), max(h // block, 1)
    if means == "stuck_lines":  # one line drawn out downwards, or one column sideways
        for _ in range(rng.integers(1, 4)):
            y0, high = block * int(rng.integers(down)), max(int(h * share * rng.uniform(0.4, 1.2)), block)
            x0 = 0 if rng.random() < 0.6 else block * int(rng.integers(across))
            part = out[y0 : y0 + high, x0:]
            fade = np.linspace(1, rng.choice([1.0, 0.3]), len(part))[:, None, None]
            part[:] = (part[:1] * fade + 128 * (1 - fade)).astype(np.uint8)
            if rng.random() < 0.5:
                part[:] = cv2.resize(cv2.resize(part, (max(part.shape[1] // block, 1), len(part)), interpolation=cv2.INTER_AREA), part.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        return out
    if means == "fill":  # green, pink or grey where nothing was decoded
        tone = np.array([(0, 135, 0), (128, 128, 128), (255, 0, 255), (0, 77, 0), (200, 100, 200), (0, 0, 0), (154, 255, 120)])[rng.integers(7)]
        first = int(rng.integers(0, max(int(across * down * (1 - share)), 1)))
        for at in range(first, min(first + int(across * down * share) + 1, across * down)):
            y, x = at // across * block, at % across * block
            out[y : y + block, x : x + block] = tone
        if rng.random() < 0.4:
            out = np.where(rng.random() < 0.5, out, cv2.add(out, view // 3)).astype(np.uint8)
        return out
    drift = rng.normal(0, 14, 3)  # "garbage": the coder's state is lost, each block builds on its neighbours
    at, left = int(rng.integers(across * down)), int(across * down * share) + 1
    tone = np.zeros(3)
    source = view.astype(np.int16)
    while left > 0:
        run = int(rng.integers(across // 3 + 1, across * 3 + 2))
        for place in range(at, min(at + min(run, left), across * down)):
            y, x = place // across * block, place % across * block
            target = out[y : y + block, x : x + block]
            if not target.size:
                continue
            kind = rng.random()
            tone = (tone + rng.normal(0, 12, 3) + drift * 0.3).clip(-160, 160)
            if kind < 0.3:
                y2, x2 = int(np.clip(y + rng.normal(0, 2 * block), 0, h - target.shape[0])), int(np.clip(x + rng.normal(0, 2 * block), 0, w - target.shape[1]))
                piece = source[y2 : y2 + target.shape[0], x2 : x2 + target.shape[1]] + tone
            elif kind < 0.55:
                piece = source[y : y + target.shape[0], x : x + target.shape[1]].mean((0, 1)) + tone + texture(*target.shape[:2], rng)
            elif kind < 0.75:
                piece = np.broadcast_to(out[max(y - 1, 0), x : x + target.shape[1]][None].astype(np.int16), target.shape)
            else:
                piece = target + tone
            target[:] = np.clip(piece, 0, 255)
        left -= run
        at = int(rng.integers(across * down))
        tone = rng.normal(0, 30, 3)
    return out

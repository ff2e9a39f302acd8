"""One scene: 8 s before a microphone, damaged by at most one or two means, and what was measured while it was made.

The truth of a window is found from these measures later (`truth`), so the bounds of `sound_grid.toml` can change without
rendering anew.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import sound
from . import chain, damage
from .sources import RATE, Recording, Recordings

GRID = tomllib.loads((Path(__file__).resolve().parents[2] / "sound_grid.toml").read_text())
assert tuple(GRID) == sound.LABELS, "the grid names every label, in the model's order"
DAMAGE = tuple(label for label in sound.LABELS if "means" in GRID[label])

SECONDS, BLOCK = 8, 0.05
BLOCKS = round(SECONDS / BLOCK)
STEMS = ("speech", "music", "ambient", "hum", "noise")
AUDIBLE, FAINT = -50.0, -62.0  # dBFS
UNDER = 6.0  # dB: speech and music that far below all else still count
QUIET = -120.0
BROADCAST = {"speech": 0.25, "music": 0.12}  # of what training hears
FAR = (1.5, 2.0)  # of `chain.room`, in training
SPEED, SPEED_TRAINED = (0.92, 1.08), (0.8, 1.25)  # of what is played; in training also from a man's voice to a child's


@dataclass
class Scene:
    """`wave` i16 [seconds * 16000]; `levels` f32 [5, BLOCKS] dBFS of the stems, `total` f32 [BLOCKS] of what is heard without
    its mean, `cut` f32 [BLOCKS] share of samples cut off, `holes` u8 [BLOCKS] audible gaps that begin there; `may_be`: labels unscored."""

    wave: np.ndarray
    levels: np.ndarray
    total: np.ndarray
    cut: np.ndarray
    holes: np.ndarray
    may_be: list[str]
    about: dict


def blocks(wave: np.ndarray, rate: int) -> np.ndarray:
    """Level of each block, dBFS [BLOCKS]."""
    size = int(rate * BLOCK)
    pieces = wave[: len(wave) // size * size].reshape(-1, size).astype(np.float64)
    return (10 * np.log10((pieces**2).mean(1) + 1e-12)).astype(np.float32)


def pick(rng: np.random.Generator, recordings: list[Recording]) -> Recording:
    return recordings[int(rng.integers(len(recordings)))]


class Stage:
    """What is to be heard, before any damage."""

    def __init__(self, recordings: Recordings, rng: np.random.Generator, rate: int, seconds: int, use: str):
        self.recordings, self.rng, self.rate, self.count = recordings, rng, rate, seconds * rate
        self.voices = list(recordings.voices().values())
        self.may_be: set[str] = set()
        self.groups: list[str] = []
        self.shared = self.bent = False
        self.trained = use == "trained"
        self.speed = rng.uniform(*SPEED_TRAINED if self.trained else SPEED)

    def load(self, recording: Recording) -> np.ndarray:
        self.may_be |= recording.may_be
        self.groups.append(recording.group)
        self.shared |= recording.shared
        return chain.resample(recording.wave.astype(np.float32) / 32768, round(RATE * self.speed), self.rate)

    def loop(self, wave: np.ndarray) -> np.ndarray:
        """Some part of it, gone round where it is shorter than the scene; ends faded into each other."""
        if len(wave) < self.count:
            edge = min(len(wave) // 4, self.rate // 20)
            wave = wave.copy()
            wave[:edge] = wave[:edge] * np.linspace(0, 1, edge) + wave[len(wave) - edge :] * np.linspace(1, 0, edge)
            wave = wave[: len(wave) - edge]
            wave = np.tile(wave, self.count // len(wave) + 2)
        start = int(self.rng.integers(len(wave) - self.count + 1))
        return wave[start : start + self.count]

    def speech(self) -> np.ndarray:
        """One voice, with pauses of its own and ours."""
        voice = self.voices[int(self.rng.integers(len(self.voices)))]
        out = np.zeros(self.count, np.float32)
        at = int(self.rng.uniform(0, 2.5 if self.rng.random() < 0.3 else 0.4) * self.rate)
        while at < self.count:
            said = self.load(pick(self.rng, voice))
            said = said / (np.sqrt((said**2).mean()) + 1e-6)
            if len(said) > self.count:
                start = int(self.rng.integers(len(said) - self.count))
                said = said[start : start + self.count]
            piece = said[: self.count - at]
            out[at : at + len(piece)] = piece
            at += len(piece) + int(self.rng.exponential(0.5) * self.rate)
        return out

    def stems(self, least: float) -> dict[str, np.ndarray]:
        """Speech, music and ambience at their levels; the louder of them at least at `least` dBFS."""
        rng, r = self.rng, self.rng.random()
        wanted = ("speech",) if r < 0.3 else ("music",) if r < 0.55 else ("speech", "music") if r < 0.65 else ("ambient",) if r < 0.92 else ()
        loud = rng.uniform(least, -9)
        stems, lines = {}, []
        for k, name in enumerate(wanted):
            if name == "speech":
                wave = self.speech()
            else:
                wave = self.loop(self.load(pick(rng, getattr(self.recordings, name))))
            if self.trained and name != "ambient" and rng.random() < BROADCAST[name]:
                wave, self.bent = chain.broadcast(wave, self.rate, rng), True
                self.may_be |= {"noise", "clipping"}
                hiss = chain.shape(rng.standard_normal(self.count), self.rate, rng.uniform(80, 450), rng.uniform(2200, 5000))
                lines.append(damage.at_level(hiss, loud - rng.uniform(14, 40)))
            if name != "ambient" and rng.random() < 0.4:
                wave = chain.convolve(wave, chain.room(self.rate, rng, *FAR if self.trained else ()))
            stems[name] = damage.at_level(wave, loud - (rng.uniform(0, 12) if k else 0))
        if "ambient" not in stems and rng.random() < 0.6:
            wave = self.loop(self.load(pick(rng, self.recordings.ambient)))
            stems["ambient"] = damage.at_level(wave, loud - rng.uniform(3, 40))
        for hiss in lines:
            stems["ambient"] = stems.get("ambient", 0) + hiss
        return stems


def span(rng: np.random.Generator) -> tuple[float, float]:
    """When damage is there, seconds: mostly all the time, else from or to some moment."""
    if rng.random() < 0.6:
        return 0.0, float(SECONDS)
    at = rng.uniform(1.5, 6.0)
    return (at, float(SECONDS)) if rng.random() < 0.6 else (0.0, at)


def over(wave: np.ndarray, when: tuple[float, float], rate: int) -> np.ndarray:
    """The wave within a span, silence outside."""
    out = np.zeros_like(wave)
    a, b = (int(t * rate) for t in when)
    out[a:b] = wave[a:b]
    return out


def audible(holes: list[tuple[int, int]], wave: np.ndarray, rate: int) -> np.ndarray:
    """How many gaps begin in each block [BLOCKS] of those with sound right before and after them."""
    found, near = np.zeros(round(len(wave) / rate / BLOCK), np.uint8), int(0.03 * rate)
    for a, b in holes:
        around = min(damage.level(wave[max(0, a - near) : a]) if a else QUIET, damage.level(wave[b : b + near]) if b < len(wave) else QUIET)
        if around >= -45:
            found[min(int(a / rate / BLOCK), len(found) - 1)] += 1
    return found


USES = {"seen": ("seen",), "trained": ("seen", "extra"), "unseen": ("unseen",)}


def means_of(label: str, use: str) -> list[str]:
    return [m for m, entry in GRID[label]["means"].items() if entry["use"] in USES[use]]


def draw_means(label: str, use: str, rng: np.random.Generator) -> str:
    return str(rng.choice(means_of(label, use)))


def strength(label: str, means: str, rng: np.random.Generator) -> float:
    low, high = GRID[label]["means"][means]["draw"]
    return float(np.exp(rng.uniform(np.log(low), np.log(high)))) if low > 0 else float(rng.uniform(low, high))


def render(recordings: Recordings, label: str | None, use: str, rng: np.random.Generator, seconds: int = SECONDS, means: str | None = None) -> Scene:
    """A scene damaged as `label` says by `means`, else by any of a `use` (USES), or not at all; one in four of the damaged ones by a second
    label's too.

    Only an undamaged one may last other than SECONDS."""
    codec, rate, bit_rate = chain.draw(rng)
    stage, count = Stage(recordings, rng, rate, seconds, use), seconds * rate
    number = round(seconds / BLOCK)
    ills = {label: means or draw_means(label, use, rng)} if label else {}
    if label and label != "silent" and rng.random() < 0.25:
        second = str(rng.choice([d for d in DAMAGE if d not in ("silent", label)]))
        ills[second] = draw_means(second, use, rng)
    stems = stage.stems(-32 if "dropouts" in ills or "clipping" in ills else -44)
    stems = {name: chain.shape(w, rate, rng.uniform(30, 250), rng.uniform(2500, 20000), rng.uniform(-2, 2)) for name, w in stems.items()}
    floor = damage.at_level(damage.noise(str(rng.choice(["white", "pink"])), count, rate, rng), rng.uniform(-88, -58))
    rest = sum(stems.values(), floor)
    spans = {name: span(rng) for name in ills}
    for name, make in (("hum", damage.hum), ("noise", damage.noise)):
        if name in ills:
            wanted = float(np.clip(damage.level(rest) + strength(name, ills[name], rng), -58, -8))
            stems[name] = over(damage.at_level(make(ills[name], count, rate, rng), wanted), spans[name], rate)
    wave = sum(stems.values(), floor)

    cut = np.zeros(number, np.float32)
    peak = float(np.abs(wave).max()) + 1e-9
    gain = 1.0
    if "clipping" in ills:
        limited, which = damage.clip(ills["clipping"], wave, strength("clipping", ills["clipping"], rng), rng)
        a, b = (int(t * rate) for t in spans["clipping"])
        gain = float(np.abs(limited).max() / peak) if b - a < count else float(np.sqrt((limited**2).mean() / (wave**2).mean()))
        healthy = wave * min(gain, 0.98 / peak)
        healthy[a:b], inside = limited[a:b], np.zeros(count, bool)
        inside[a:b] = which[a:b]
        cut = inside[: number * int(rate * BLOCK)].reshape(number, -1).mean(1).astype(np.float32)
        wave = healthy
    elif peak > 0.97 or rng.random() < 0.15:  # as loud as it goes, and not clipped
        gain = rng.uniform(0.9, 0.985) / peak
        wave = wave * gain

    holes: list[tuple[int, int]] = []
    lost: set[int] = set()
    if "dropouts" in ills:
        a, b = (int(t * rate) for t in spans["dropouts"])
        holes = damage.gaps(count, rate, a, b, rng, round(strength("dropouts", ills["dropouts"], rng) * (b - a) / rate / 3) + 1)
        if ills["dropouts"] == "packets":
            step = {"aac": 1024, "libopus": 960, "libmp3lame": 1152 if rate > 24000 else 576}.get(codec, int(chain.PACKET * rate))
            runs = [(a // step, max(a // step + 1, round(b / step))) for a, b in holes]
            lost = {n for first, last in runs for n in range(first, last)}
            holes = [(first * step, last * step) for first, last in runs]
    before = wave
    if holes and not lost:
        wave = damage.drop(ills["dropouts"], wave, rate, holes)

    levels = np.full((len(STEMS), number), QUIET, np.float32)
    for k, name in enumerate(STEMS):
        if name in stems:
            levels[k] = blocks(stems[name] * gain, rate)
    if "silent" in ills:
        a, b = (int(t * rate) for t in spans["silent"])
        how = strength("silent", ills["silent"], rng)
        wave, bottom = wave.copy(), np.zeros(b - a, np.float32)
        if ills["silent"] == "constant":
            bottom[:] = 10 ** (how / 20) * rng.choice([-1, 1])
        elif ills["silent"] == "floor":
            bottom = damage.at_level(damage.noise(str(rng.choice(["white", "pink"])), b - a, rate, rng), how)
        wave[a:b] = bottom
        first, last = round(a / rate / BLOCK), round(b / rate / BLOCK)
        levels[:, first:last] = QUIET

    heard = chain.send(wave.astype(np.float32), codec, rate, bit_rate, lost)
    size = int(sound.RATE * BLOCK)
    pieces = heard.reshape(number, size).astype(np.float64)
    total = (10 * np.log10(pieces.var(1) + 1e-12)).astype(np.float32)
    about = {"label": label, "ills": ills, "codec": codec, "rate": rate, "bit_rate": bit_rate, "groups": stage.groups, "shared": stage.shared}
    may_be = sorted(stage.may_be - ({"clipping"} if "clipping" in ills and not stage.bent else set()))
    pcm = np.clip(np.round(heard * 32768), -32768, 32767).astype(np.int16)
    return Scene(pcm, levels, total, cut, audible(holes, before, rate), may_be, about)


def verdict(label: str, value: float) -> int:
    """1, -1 (unscored) or 0."""
    bounds = GRID[label]
    positive, negative = bounds["positive"], bounds["negative"]
    if positive < negative:
        value, positive, negative = -value, -positive, -negative
    return 1 if value >= positive else 0 if value <= negative else -1


WINDOW, LATE, LATER = round(sound.SAMPLES / sound.RATE / BLOCK), round(1.5 / BLOCK), round(2.0 / BLOCK)


APART = 12.0  # dB between what was played and what is heard of it


def power(levels: np.ndarray) -> np.ndarray:
    return 10 ** (levels.astype(np.float64) / 10)


def arrived(scene: Scene, w: slice) -> np.ndarray:
    """Levels of the stems [5, n] in those blocks where they came through: a lost packet silences its neighbours too."""
    lost = scene.total[w] < 10 * np.log10(power(scene.levels[:, w]).sum(0)) - APART
    return np.where(lost, np.float32(QUIET), scene.levels[:, w])


def floor_raised(scene: Scene, last: int) -> bool:
    """Whether what is heard in the last 1.5 s is mostly the microphone's own noise, brought up by the volume."""
    w = slice(last - LATE, last)
    heard, played = power(scene.total[w]).mean(), power(scene.levels[:, w]).sum(0).mean()
    return bool(heard > power(np.float32(AUDIBLE)) and heard > played * 4)


def measures(scene: Scene, last: int) -> dict[str, float]:
    """Strength of each label, as the grid measures it, in the window that ends before block `last`."""
    w = slice(last - WINDOW, last)
    levels = arrived(scene, w)
    stems = power(levels)
    found = {
        "silent": float(scene.total[last - LATER : last].max()),
        "clipping": float(scene.cut[w].mean()),
        "dropouts": float(scene.holes[w].sum()),
    }
    everything = np.maximum(stems.sum(0), 1e-9)
    for name in ("hum", "noise"):
        mine = stems[STEMS.index(name), -LATE:].mean()
        found[name] = 10 * np.log10((mine + 1e-12) / (everything[-LATE:].mean() - mine + 1e-9))
        found[name + " level"] = 10 * np.log10(mine + 1e-12)
    for name in ("speech", "music"):
        mine = levels[STEMS.index(name)]
        beside = 10 * np.log10(np.maximum(everything - stems[STEMS.index(name)], 1e-12))
        found[name] = float(((mine >= AUDIBLE) & (mine >= beside - UNDER)).sum())
        found[name + " faint"] = float((scene.levels[STEMS.index(name), w] >= FAINT).sum())
    return found


def truth(scene: Scene, last: int) -> np.ndarray:
    """Truth i8 [7] of the window that ends before block `last`."""
    m, answer = measures(scene, last), np.zeros(len(sound.LABELS), np.int8)
    for k, label in enumerate(sound.LABELS):
        said = verdict(label, m[label])
        if label in ("hum", "noise"):
            early = power(scene.levels[STEMS.index(label), last - WINDOW : last]).mean()
            if said == 1 and m[label + " level"] < AUDIBLE:
                said = -1
            elif m[label + " level"] < -72:
                said = 0 if early < power(np.float32(-72)) else -1
            if said == 0 and floor_raised(scene, last):
                said = -1
        if label in ("speech", "music") and said == 0 and m[label + " faint"] >= 2:
            said = -1
        if label == "silent" and said == 0 and scene.total[last - LATE : last].max() < GRID["silent"]["negative"]:
            said = -1
        answer[k] = -1 if said == 0 and label in scene.may_be else said
    if answer[0] == 1:  # nothing is heard: what there was before is not scored
        answer[1:] = np.where(answer[1:] == 1, -1, answer[1:])
    return answer


def window(scene: Scene, last: int) -> np.ndarray:
    """Sound i16 [SAMPLES] that ends before block `last`."""
    end = round(last * BLOCK * sound.RATE)
    return scene.wave[end - sound.SAMPLES : end]

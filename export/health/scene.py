"""One scene of the corpus: a camera watched for a while, damaged by at most one means, and its truth.

A scene is FRAMES_A_SCENE pictures as Percept sees them, their times, and for every picture and label
a flag: POSITIVE, NEGATIVE or UNSCORED. Windows are cut from scenes later (`corpus.py`).
"""

from dataclasses import dataclass

import cv2
import numpy as np

from . import clip, damage, grid
from .camera import QUANTISER, Camera, decode, encode, lose
from .grid import NEGATIVE, POSITIVE, UNSCORED
from .hard_world import HardWorld
from .materials import Card, FurtherCover, spoil
from .sources import Sources
from .world import World

FRAMES_A_SCENE = 14
DETAIL_HARD = 0.9  # the same in `HardWorld`, where a sharp but faint picture counts as healthy
DETAIL = 2.2  # least mean |Laplacian| of a picture on which a lack of focus can be seen at all
LABEL = {name: i for i, name in enumerate(clip.LABELS)}
UNSEEN_BY = {  # what else could be said of a picture with this damage is not scored
    "covered": ("dark", "defocused", "frozen", "overexposed", "shaking"),
    "no_signal": ("dark", "frozen", "covered", "defocused", "overexposed"),
    "dark": ("covered", "no_signal", "frozen", "defocused", "shaking"),
    "overexposed": ("defocused", "frozen", "covered", "shaking"),
    "corrupted": ("covered", "defocused", "overexposed", "frozen"),
    "shaking": ("defocused",),
    "defocused": (),
    "frozen": ("shaking",),
}


@dataclass
class Scene:
    """`frames` u8 [n, 128, 224, 3]; `times` f64 [n] s; `flags` i8 [n, 8]; `path` f32 [n, 2], the camera's own
    motion in shares of the height; `moving`: the camera may move by itself; `strength` f32 [n]; `about`: JSON."""

    frames: np.ndarray
    times: np.ndarray
    flags: np.ndarray
    path: np.ndarray
    moving: bool
    strength: np.ndarray
    about: dict


def draw_times(rng: np.random.Generator) -> np.ndarray:
    """Times of a scene's pictures, seconds: even steps, or each gap on its own."""
    step = rng.choice([0.0, 0.5, 1.0, 2.0], p=[0.5, 0.1, 0.2, 0.2])
    gaps = rng.uniform(0.5, 2.5, FRAMES_A_SCENE - 1) if step == 0 else np.full(FRAMES_A_SCENE - 1, step)
    return np.concatenate([[0.0], np.cumsum(gaps)])


def draw_times_hard(rng: np.random.Generator) -> np.ndarray:
    """As `draw_times`, with gaps up to the 4 s of a recorder's key frames."""
    kind = rng.random()
    if kind < 0.3:
        return draw_times(rng)
    gaps = np.full(FRAMES_A_SCENE - 1, rng.choice([2.0, 4.0])) if kind < 0.7 else rng.uniform(0.5, 4.0, FRAMES_A_SCENE - 1)
    return np.concatenate([[0.0], np.cumsum(gaps)])


def luma(frame: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)


def detail(frame: np.ndarray) -> float:
    """Mean |Laplacian| of a picture's luma, grey levels."""
    return float(np.abs(cv2.Laplacian(luma(frame), cv2.CV_32F)).mean())


def darkness(frame: np.ndarray) -> float:
    """Strength of `dark` as the grid defines it."""
    grey = luma(frame)
    return max(float(grey.mean()), float(np.percentile(grey, 99)) / 3)


def glare(frame: np.ndarray) -> float:
    return float((luma(frame) >= 235).mean())


class Plan:
    """Which damage a scene gets, by which means, how strong, and when."""

    def __init__(self, rng: np.random.Generator, label: str | None, use: str, means: str | None = None):
        n = FRAMES_A_SCENE
        self.label, self.hard = label, use in ("extra", "calm")
        self.means = means or (str(rng.choice(grid.means(label, use))) if label else None)
        self.strength = grid.draw(label, self.means, rng) if label else 0.0
        self.start = 0 if rng.random() < 0.3 else int(rng.integers(4, 9))
        self.end = n if rng.random() < 0.6 or self.start == 0 else int(rng.integers(self.start + 3, n + 1))
        if label == "frozen":
            self.start, self.end = max(self.start, 1), max(self.end, min(self.start + 5, n))

    def active(self, i: int) -> bool:
        return self.label is not None and self.start <= i < self.end


CODECS = {"mjpeg_flip": "mjpeg", "hevc_flip": "libx265", "mpeg4_flip": "mpeg4", "mpeg2_flip": "mpeg2video", "vp8_flip": "libvpx",
          "vp9_flip": "libvpx-vp9"} | dict.fromkeys(("blocks", "garbage", "fill", "stuck_lines"))  # fmt: skip


def make_camera(plan: Plan, rng: np.random.Generator) -> Camera:
    """A camera that the planned damage can happen to."""
    if plan.hard:
        return make_hard_camera(plan, rng)
    codec = None
    if plan.label == "corrupted":
        codec = CODECS.get(plan.means, "libx264")
    elif plan.means == "transcode":
        codec = str(rng.choice(["libx265", "mjpeg"]))
    camera = Camera.draw(rng, codec)
    if plan.label == "corrupted":
        camera.long_group = False
        if plan.means == "h264_slice_loss":
            camera.slices = int(rng.choice([4, 8]))
        if plan.means == "h264_reference_loss":
            camera.predicted = max(camera.predicted, 1)
    if plan.label == "frozen":
        if plan.means == "requantise":
            camera.variants = (0.0, float(rng.choice([-1, 1])))
        elif plan.means == "transcode":
            camera.variants = (0.0, 1.0, 0.0, -1.0) if codec == "mjpeg" else (0.0, 0.7)
        if plan.means in ("requantise", "transcode"):
            camera.long_group = False
    return camera


def make_hard_camera(plan: Plan, rng: np.random.Generator) -> Camera:
    """As `make_camera`, of the kinds that only training knows."""
    camera = Camera.draw_hard(rng, CODECS.get(plan.means, "libx264") if plan.label == "corrupted" else None)
    if plan.label == "corrupted":
        camera.rate, camera.variants = 0, (0.0,)
        if plan.means.startswith("h264"):
            camera.preset = "veryfast" if rng.random() < 0.6 else "ultrafast"  # with and without arithmetic coding
            camera.conceal = bool(rng.random() < 0.6)
            camera.slices = int(rng.choice([4, 8])) if plan.means == "h264_slice_loss" else camera.slices
        if plan.means == "h264_reference_loss":
            camera.predicted, camera.key_every, camera.phases = max(camera.predicted, 1), 1, False
        elif camera.codec not in ("mjpeg", "libx265") and rng.random() < 0.5:
            camera.predicted, camera.key_every = max(camera.predicted, 1), int(rng.choice([1, 2, 4]))
    if plan.label == "frozen":
        if plan.means in ("drift", "requantise"):
            camera.rate, camera.phases = 0, False
            camera.wander(rng)
            if plan.means == "requantise":
                camera.variants = (0.0, float(rng.choice([-1, 1])))
        elif plan.means == "bit_rate" and camera.codec == "libx264":
            camera.variants, camera.rate = (0.0,), camera.rate or int(camera.height * camera.width * rng.uniform(0.05, 0.5))
        elif plan.means == "groups" and camera.codec == "libx264":
            camera.variants, camera.predicted, camera.phases = (0.0,), int(rng.integers(1, 5)), True
            camera.key_every = int(rng.choice([1, 2, 3, 5]))
    return camera


def render(sources: Sources, seed: int, label: str | None, use: str = "seen", means: str | None = None,
           still: bool = False, clip_share: float = 0.2, decoded: np.ndarray | None = None) -> Scene:  # fmt: skip
    """Renders one scene; the same arguments give the same scene. `still`: a noise-free camera where nothing moves; `use`
    "calm": an undamaged one before which nothing passes by, with little noise, most of which H.264 takes away.

    `decoded`: the pictures of the same scene rendered before, to be judged in place of the new ones: FFmpeg's HEVC
    decoder shows a broken stream a little differently each time."""
    rng = np.random.default_rng(seed)
    n, plan = FRAMES_A_SCENE, Plan(rng, label, use, means)
    times = draw_times_hard(rng) if plan.hard else draw_times(rng)
    camera = make_camera(plan, rng)
    size = (camera.height, camera.width)
    hard = plan.hard and use != "calm" and rng.random() < (0.85 if label is None else 0.35)
    if hard:
        world = HardWorld(sources, size, times, rng)
        camera.noise *= rng.uniform(1, 2.5) if world.mood in ("dusk", "night", "gloom") and rng.random() < 0.5 else 1
    else:
        world = World(sources, size, times, rng, still=still, clip_share=0.0 if still else clip_share)
    if plan.hard and label == "corrupted" and camera.key_every > 1:
        plan.end = n  # what is spoilt stays so until the next key frame
    times = world.times - world.times[0]
    if still:
        world.clock, world.drift, world.step, camera.noise = None, 0.0, 0.0, 0.0
    elif use == "calm":
        world.passing, camera.noise = [], float(np.exp(rng.uniform(np.log(0.2), np.log(1.5))))
        camera.quality = camera.quality if camera.codec in QUANTISER else float(rng.uniform(26, 38))

    path = np.zeros((n, 3))
    if world.fixed and not still and rng.random() < 0.25:
        path[:, :2] = rng.normal(0, rng.uniform(0.0003, 0.002), (n, 2))  # a mast in the wind: not yet shaking
    moving = not world.fixed
    if label not in ("shaking", "frozen") and not still and rng.random() < 0.08:
        steps = rng.normal(0, 0.02, 2) * np.ones((n, 1)) + rng.normal(0, 0.003, (n, 2))
        path[:, :2] = np.cumsum(steps, 0).clip(-0.13, 0.13)  # a pan
        moving = True
    if label == "shaking":
        shake = damage.shake_path(plan.means, plan.strength, times, rng)
        path = np.where([[plan.active(i)] for i in range(n)], shake, path)
    cut, elsewhere = n, None
    if label is None and not still and rng.random() < 0.06:  # a jump to another preset, or a clip that starts again
        cut, elsewhere, moving = int(rng.integers(2, n - 1)), World(sources, size, times, rng, clip_share=0.0), True
    effect = picture_damage(plan, size, sources, rng)
    blur_share, blur_angle = rng.uniform(0, 0.25) * (rng.random() < 0.5), rng.uniform(0, 180)

    views, clean, held, view = [], None, np.zeros(n, bool), None
    for i in range(n):
        held[i] = label == "frozen" and plan.active(i)
        if not (held[i] and view is not None):
            view = (world if i < cut else elsewhere).picture(i, *path[i])
            clean = view if effect and i in (0, plan.start) else clean
            if label == "shaking" and plan.active(i) and blur_share:
                view = damage.smear(view, blur_share * plan.strength * camera.height, blur_angle)
            if effect and plan.active(i):
                view = effect(view, i)
            if not (label == "no_signal" and plan.active(i)):
                view = world.burn_in(view, i)
        views.append(view)

    quiet = still or rng.random() < {"no_signal": 0.7, "covered": 0.15}.get(label, 0.0)
    groups = encode(views, camera, None if quiet else rng, list(held))
    frames = decode(groups, camera)
    strength = np.full(n, plan.strength, np.float32)
    if label == "corrupted" and not isinstance(effect, Blocks):
        damaged = [lose(g, plan.means, plan.strength, rng) if plan.active(i) else g for i, g in enumerate(groups)]
        intact, frames = frames, decode(damaged, camera)
        if decoded is not None and sum(f is not None for f in frames) == len(decoded):
            before = iter(decoded)
            frames = [None if f is None else next(before) for f in frames]
        strength = differences(intact, frames)
    elif label == "corrupted":
        strength = effect.share
    if label == "frozen" and plan.means == "repeat":
        frames = [frames[plan.start - 1] if plan.active(i) else f for i, f in enumerate(frames)]
    kept = [i for i, f in enumerate(frames) if f is not None]
    if len(kept) < clip.FRAMES + 2:
        return render(sources, seed + 1_000_003, label, use, means, still, clip_share, decoded)
    stack = np.stack([frames[i] for i in kept])
    flags = judge(plan, stack, kept, effect, strength, clean, DETAIL_HARD if hard else DETAIL)
    about = {
        "seed": seed, "label": label, "means": plan.means, "use": use, "strength": round(plan.strength, 4),
        "start": plan.start, "end": plan.end, "source": world.source, "mood": world.mood, "size": list(size),
        "codec": camera.codec, "quality": round(camera.quality, 1), "predicted": camera.predicted,
        "long_group": camera.long_group, "noise": round(camera.noise, 2), "bytes": int(np.median(camera.bits)),
        "still": still, "blank": world.blank,
    }  # fmt: skip
    if plan.hard:
        about |= {"hard": hard, "key_every": camera.key_every, "rate": camera.rate, "variants": len(camera.variants)}
        if hard and label != "covered" and max(detail(f) for f in stack) < DETAIL_HARD:
            about["blank"] = True
    return Scene(stack, times[kept], flags, path[kept, :2].astype(np.float32), moving, strength[kept], about)


def picture_damage(plan: Plan, size: tuple[int, int], sources: Sources, rng: np.random.Generator):
    """The function (view, i) -> view that makes the planned damage before the encoder, or None."""
    if plan.label == "covered":
        further = grid.GRID["covered"]["means"][plan.means]["use"] == "extra"
        return (FurtherCover if further else damage.Cover)(plan.means, plan.strength, size, sources, rng)
    if plan.label == "defocused":
        return damage.blur(plan.means, plan.strength, size[0], rng)
    if plan.label == "dark":
        return damage.darken(plan.means, plan.strength, size, rng)
    if plan.label == "overexposed":
        return damage.brighten(plan.means, plan.strength, size, rng)
    if plan.label == "no_signal":
        if grid.GRID["no_signal"]["means"][plan.means]["use"] == "extra":
            return Card(plan.means, size, rng)
        card = damage.no_signal(plan.means, size, rng)
        return lambda view, i: card.copy()
    if plan.means in ("blocks", "garbage", "fill", "stuck_lines"):
        return Blocks(plan.strength, rng, plan.means)
    return None


class Blocks:
    """Blocks gone wrong before the encoder, with the share of the picture that they spoil."""

    def __init__(self, strength: float, rng: np.random.Generator, means: str):
        self.strength, self.rng, self.means = strength, rng, means
        self.share = np.zeros(FRAMES_A_SCENE, np.float32)

    def __call__(self, view: np.ndarray, i: int) -> np.ndarray:
        if self.means == "blocks":
            spoilt = damage.displace_blocks(view, self.strength, self.rng)
        else:
            spoilt = spoil(view, self.means, self.strength * self.rng.uniform(0.7, 1.3), self.rng)
        small = [cv2.resize(v, (clip.WIDTH, clip.HEIGHT), interpolation=cv2.INTER_AREA) for v in (view, spoilt)]
        self.share[i] = differences(small[:1], small[1:])[0]
        return spoilt


def differences(intact: list, frames: list) -> np.ndarray:
    """Strength of `corrupted` f32 [n]: share of pixels that differ by 16 levels or more from the undamaged
    picture and from each before it. Where a decoder shows an older picture nothing is spoilt to the eye."""
    share = np.zeros(len(frames), np.float32)
    for i, frame in enumerate(frames):
        if frame is None or intact[i] is None:
            continue
        spoilt = np.ones(frame.shape[:2], bool)
        for past in intact[: i + 1]:
            if past is not None:
                spoilt &= cv2.absdiff(frame, past).max(-1) >= 16
        share[i] = spoilt.mean()
    return share


def judge(plan: Plan, frames: np.ndarray, kept: list[int], effect, strength: np.ndarray, clean,
          least_detail: float = DETAIL) -> np.ndarray:  # fmt: skip
    """Flags i8 [n, 8] of the pictures that came through. That of `shaking` only says that it is going on:
    `corpus.truth` decides by the motion between two pictures, when a window is cut."""
    flags = np.zeros((len(kept), len(clip.LABELS)), np.int8)
    for row, (i, frame) in enumerate(zip(kept, frames)):
        flags[row, LABEL["dark"]] = grid.verdict("dark", darkness(frame))
        flags[row, LABEL["overexposed"]] = grid.verdict("overexposed", glare(frame))
        if plan.label not in ("dark",) and flags[row, LABEL["dark"]] != NEGATIVE:
            flags[row, LABEL["dark"]] = UNSCORED  # a very dark night is nobody's fault
        if plan.label != "overexposed" and flags[row, LABEL["overexposed"]] != NEGATIVE:
            flags[row, LABEL["overexposed"]] = UNSCORED
        if detail(frame) < least_detail and not (plan.label == "defocused" and plan.active(i)):
            flags[row, LABEL["defocused"]] = UNSCORED  # fog, a blank wall: focus cannot be judged
        if not plan.active(i):
            continue
        mine = LABEL[plan.label]
        if plan.label == "covered":
            flags[row, mine] = grid.verdict("covered", effect.share)
            if darkness(frame) <= grid.GRID["dark"]["positive"]:
                flags[row, mine] = UNSCORED  # a lens cap: plain black is `dark`
        elif plan.label == "defocused":
            flags[row, mine] = grid.verdict("defocused", plan.strength)
            if flags[row, mine] == POSITIVE and clean is not None:
                small = cv2.resize(clean, (clip.WIDTH, clip.HEIGHT), interpolation=cv2.INTER_AREA)
                if detail(small) < 2 * DETAIL or detail(frame) > 0.7 * detail(small):
                    flags[row, mine] = UNSCORED
        elif plan.label == "corrupted":
            flags[row, mine] = grid.verdict("corrupted", float(strength[i]))
        elif plan.label not in ("dark", "overexposed"):
            flags[row, mine] = POSITIVE
        if flags[row, mine] != NEGATIVE:
            for other in UNSEEN_BY[plan.label]:
                flags[row, LABEL[other]] = UNSCORED
    return flags

"""Full-rate video of a scene, for detectors that need every frame, with the model's windows of the same video."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from .camera import Camera, open_encoder, scale, sensor
from .scene import Plan, Scene, judge, picture_damage
from .sources import Sources
from .world import World

RATE, HOP, SECONDS = 25, 2, 20  # frames a second, seconds between looks, length
BEGIN = 8  # seconds: the damage begins here and stays
LOOKS = np.arange(0, SECONDS, HOP)


def record(sources: Sources, seed: int, label: str | None, path: Path, still: bool = False) -> Scene:
    """Writes one video and gives its looks, one every HOP seconds, as a scene."""
    rng = np.random.default_rng((seed, 25))
    plan = Plan(rng, label, "seen")
    plan.start, plan.end = BEGIN * RATE, SECONDS * RATE
    times = np.arange(SECONDS * RATE) / RATE
    camera = Camera.draw(rng, "libx264")
    camera.height, camera.width = ((360, 640), (480, 854))[rng.integers(2)]
    world = World(sources, (camera.height, camera.width), times, rng, still=still, clip_share=0.0)
    effect = picture_damage(plan, (camera.height, camera.width), sources, rng)
    coder = open_encoder(camera, camera.quality)
    coder.gop_size = int(rng.choice([25, 50, 100]))
    clean, frame = None, None
    packets = []
    for i in range(len(times)):
        if not (label == "frozen" and plan.active(i)):
            view = world.picture(i)
            clean = view if i == 0 else clean
            if effect and plan.active(i):
                view = effect(view, i)
            frame = sensor(world.burn_in(view, i), camera, rng)
        frame.pts, frame.time_base = i, Fraction(1, RATE)
        packets += [bytes(p) for p in coder.encode(frame)]
    path.write_bytes(b"".join(packets))  # a bare H.264 stream: FFmpeg reads it at 25 frames a second
    frames = []
    with av.open(str(path), format="h264") as container:
        container.streams.video[0].thread_count = 1
        for i, picture in enumerate(container.decode(video=0)):
            if i % (HOP * RATE) == 0:
                frames.append(scale(picture))
    stack = np.stack(frames)
    kept = [int(t * RATE) for t in LOOKS[: len(stack)]]
    strength = np.zeros(SECONDS * RATE, np.float32)
    flags = judge(plan, stack, kept, effect, strength, clean)
    about = {"seed": seed, "label": label, "means": plan.means, "strength": plan.strength, "source": world.source, "start": BEGIN // HOP, "still": still, "blank": world.blank}
    return Scene(stack, times[kept], flags, np.zeros((len(kept), 2), np.float32), False, strength[kept], about)

"""What is done to the demo's stream, and when; and the stream itself, made by FFmpeg.

A camera's ways of failing are imitated in the order in which a real one would
meet them: what is before the lens first, then focus, then the sensor's noise,
then a picture that no longer changes, then the encoder at a camera's settings.
"""

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Damage:
    """Times in seconds since the stream's first picture."""

    label: str
    deed: str
    begin: float
    end: float
    beside: tuple[str, ...] = ()
    """Labels that are neither right nor wrong while it lasts: the default model was
    taught none of them there (models/README.md)."""


COVERED = Damage("covered", "a hand on the lens", 10.0, 18.0, ("dark", "defocused", "frozen"))
DEFOCUSED = Damage("defocused", "the lens loses focus", 27.0, 35.0)
FROZEN = Damage("frozen", "the picture freezes", 44.0, 54.0)
DAMAGES = [COVERED, DEFOCUSED, FROZEN]
# Between them is time for what Percept asks before it says so: a look every 2 s, damage
# in the last two frames of a look, seen for 2 s; a recovery, for 4 s.
# The connection is cut: the server is killed, and starts again. Percept waits longer
# from try to try, so a longer cut may take twice as long to be over.
CUT, BACK = 63.0, 66.0

FPS = 10
WIDTH, HEIGHT = 768, 576


def during(damage: Damage) -> str:
    return f"enable='gte(t,{damage.begin})*lt(t,{damage.end})'"


def hand() -> str:
    """A palm, dark and out of focus for it is so near, darker yet between the fingers."""
    finger = "pow(abs(sin(X/15+0.25*sin(Y/11+T*0.6)+0.4*sin(T*0.5))),10)*lt(Y,60)"
    shade = "sin(X/21+Y/17+T*0.3)"
    return (
        f"nullsrc=s=96x72:r={FPS},format=gbrp,"
        f"geq=r='46+14*{shade}+70*(1-{finger})*0.25':g='24+8*{shade}+26*(1-{finger})*0.25':b='19+6*{shade}+18*(1-{finger})*0.25',"
        f"scale={WIDTH}:{HEIGHT}:flags=bicubic,gblur=sigma=6,format=yuv420p"
    )


def graph() -> str:
    begin, end, slide = COVERED.begin, COVERED.end, 0.5
    # It comes from below and leaves a quarter free: a palm laid flat over all of the lens shows
    # nothing but soft light, which the default model takes for lost focus (models/README.md).
    y = f"H*max(0.25\\,max(1-(t-{begin})/{slide}\\,1-({end}-t)/{slide}))"
    first, last = round(FROZEN.begin * FPS), round(FROZEN.end * FPS) - 1
    return (
        f"{hand()}[hand];"
        f"[0:v]fps={FPS},scale={WIDTH}:{HEIGHT},format=yuv420p[scene];"
        f"[scene][hand]overlay=x=0:y='{y}':shortest=1:{during(COVERED)},"
        f"gblur=sigma=14:{during(DEFOCUSED)},"
        "noise=alls=4:allf=t,split[live][kept];"
        f"[live][kept]freezeframes=first={first}:last={last}:replace={first}"
    )


def encoder() -> list[str]:
    """H.264 as cameras make it: variable bit rate, a key frame a second, no B-frames."""
    most = "4M"
    return [
        "-c:v", "libx264", "-preset", "veryfast", "-profile:v", "main", "-pix_fmt", "yuv420p",
        "-crf", "20", "-maxrate", most, "-bufsize", most,
        "-g", str(FPS), "-keyint_min", str(FPS), "-sc_threshold", "0", "-bf", "0",
    ]  # fmt: skip


def make(clip: Path, folder: Path) -> Path:
    """The stream as one MP4 file in `folder`, made unless it is there already."""
    arguments = ["-filter_complex", graph(), *encoder(), "-an"]
    made_of = hashlib.sha256(repr((arguments, clip.stat().st_size)).encode()).hexdigest()[:12]
    path = folder / f"street-{made_of}.mp4"
    if not path.exists():
        for older in folder.glob("street-*"):
            older.unlink()
        unfinished = path.with_suffix(".unfinished.mp4")
        command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", str(clip), *arguments, str(unfinished)]
        subprocess.run(command, check=True)
        unfinished.rename(path)
    return path

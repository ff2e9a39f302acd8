"""What is done to the demo's stream, and when; and the stream itself, made by FFmpeg.

A camera's ways of failing are imitated in the order in which a real one would
meet them: what is before the lens first, then focus, then the sensor's noise,
then a picture that no longer changes, then the encoder at a camera's settings.
So are its microphone's: what the mains lays over the sound, then a sound that is
muted, then the encoder.
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


COVERED = Damage("covered", "a hand on the lens", 8.0, 33.0, ("dark", "defocused", "frozen"))
DEFOCUSED = Damage("defocused", "the lens loses focus", 38.0, 51.0)
FROZEN = Damage("frozen", "the picture freezes", 56.0, 81.0)
MUTED = Damage("silent", "the microphone is muted", 29.0, 42.0)
HUM = Damage("hum", "mains hum in the microphone", 47.0, 60.0)
DAMAGES = [COVERED, MUTED, DEFOCUSED, HUM, FROZEN]
TRUE = ("music", "speech")
"""Labels that are no damage: they say what there is to be heard."""
# They last as long as the default model asks before it says so: a look every 2 s, damage
# in the last two frames of a look, seen for 8 s, or 20 s. A recovery takes 4 s.
# The connection is cut: the server is killed, and starts again. Percept waits longer
# from try to try, so a longer cut may take twice as long to be over.
CUT, BACK = 89.0, 92.0

LENGTH = 105.5
"""Seconds of the clip. The street is seen for 79.5 s and begins again while the picture is frozen."""
FPS = 10
RATE = 16_000
WIDTH, HEIGHT = 768, 576


def during(damage: Damage) -> str:
    return f"enable='gte(t,{damage.begin})*lt(t,{damage.end})'"


def hand() -> str:
    """A palm held nearly still, out of focus for it is so near, darker between the fingers."""
    finger = "pow(abs(sin(X/15+0.25*sin(Y/11+T*0.09)+0.4*sin(T*0.075))),10)*lt(Y,60)"
    light = f"sin(X/21+Y/17+T*0.045)+0.7*(1-{finger})"
    return (
        f"nullsrc=s=96x72:r={FPS},format=gbrp,"
        f"geq=r='120+25*({light})':g='80+15*({light})':b='64+11*({light})',"
        f"scale={WIDTH}:{HEIGHT}:flags=bicubic,gblur=sigma=6,format=yuv420p"
    )


def graph() -> str:
    begin, end, slide = COVERED.begin, COVERED.end, 0.5
    # It comes from below, lies flat over all of the lens, and goes as it came.
    y = f"H*max(0\\,max(1-(t-{begin})/{slide}\\,1-({end}-t)/{slide}))"
    first, last = round(FROZEN.begin * FPS), round(FROZEN.end * FPS) - 1
    return (
        f"{hand()}[hand];"
        f"[0:v]fps={FPS},scale={WIDTH}:{HEIGHT},format=yuv420p[scene];"
        f"[scene][hand]overlay=x=0:y='{y}':shortest=1:{during(COVERED)},"
        f"gblur=sigma=14:{during(DEFOCUSED)},"
        "noise=alls=4:allf=t,split[live][kept];"
        f"[live][kept]freezeframes=first={first}:last={last}:replace={first}"
    )


def sound_graph() -> str:
    """What is played in the street, from where it has begun; hum is the mains' 50 Hz and its harmonics,
    as a bad earth gives it."""
    strengths = {1: 0.1, 2: 0.06, 3: 0.05, 5: 0.03, 7: 0.02}
    hum = "+".join(f"{strength}*sin({50 * harmonic}*2*PI*t)" for harmonic, strength in strengths.items())
    between = f"gte(t,{HUM.begin})*lt(t,{HUM.end})"
    return (
        f"aevalsrc='({hum})*{between}':s={RATE}[hum];"
        f"[1:a]atrim=start=2:duration={LENGTH},asetpts=PTS-STARTPTS,aresample={RATE}[street];"
        f"[street][hum]amix=inputs=2:normalize=0:duration=first,volume=0:{during(MUTED)}[sound]"
    )


def encoder() -> list[str]:
    """H.264 and AAC as cameras make them: variable bit rate, a key frame a second, no B-frames; one
    channel of sound."""
    most = "4M"
    return [
        "-c:v", "libx264", "-preset", "veryfast", "-profile:v", "main", "-pix_fmt", "yuv420p",
        "-crf", "20", "-maxrate", most, "-bufsize", most,
        "-g", str(FPS), "-keyint_min", str(FPS), "-sc_threshold", "0", "-bf", "0",
        "-c:a", "aac", "-b:a", "48k", "-ac", "1",
    ]  # fmt: skip


def make(clip: Path, sound: Path, folder: Path) -> Path:
    """The stream as one MP4 file in `folder`, made unless it is there already."""
    graphs = f"{graph()}[pictures];{sound_graph()}"
    inputs = ["-stream_loop", "1", "-i", str(clip), "-i", str(sound)]
    arguments = ["-filter_complex", graphs, "-map", "[pictures]", "-map", "[sound]", *encoder(), "-t", str(LENGTH)]
    sizes = clip.stat().st_size, sound.stat().st_size
    made_of = hashlib.sha256(repr((inputs, arguments, sizes)).encode()).hexdigest()[:12]
    path = folder / f"street-{made_of}.mp4"
    if not path.exists():
        for older in folder.glob("street-*"):
            older.unlink()
        unfinished = path.with_suffix(".unfinished.mp4")
        command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *inputs, *arguments, str(unfinished)]
        subprocess.run(command, check=True)
        unfinished.rename(path)
    return path

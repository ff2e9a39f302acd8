"""Further music and speech for training, from Debian packages unpacked into one folder (`dpkg -x`).

Only training hears them. The languages of the scored splits are left out.
"""

from pathlib import Path

import numpy as np
import soundfile

from .chain import resample
from .sources import RATE, Recording

MUSIC = ("wesnoth-1.16-music", "warzone2100-music", "asc-music", "colobot-common-sounds", "planetblupi-music-ogg")
SPEECH = ("klettres-data", "ktuberling-data")
NOT = ("fr", "ru")  # languages of `val` and of the held-out split
CUTS, SECONDS = 4, 12  # of each piece of music
WORDS = 30  # of each language


def cut(path: Path, rng: np.random.Generator) -> np.ndarray | None:
    """Some seconds of a file as i16 at RATE; `None` where nothing is to be heard."""
    with soundfile.SoundFile(path) as file:
        wanted = min(file.frames, SECONDS * file.samplerate)
        file.seek(int(rng.integers(file.frames - wanted + 1)))
        wave = file.read(wanted, dtype="float32", always_2d=True).mean(1)
        wave = resample(wave, file.samplerate, RATE)
    if len(wave) < RATE // 4 or np.sqrt((wave**2).mean()) < 1e-3:
        return None
    return np.clip(wave * 32767, -32768, 32767).astype(np.int16)


def recordings(folder: Path, seed: int = 0) -> tuple[list[Recording], list[Recording]]:
    """Music and speech."""
    rng, music, speech = np.random.default_rng(seed), [], []
    for package in MUSIC:
        for path in sorted((folder / package).rglob("*.ogg")):
            if "music" in str(path.parent):
                waves = [cut(path, rng) for _ in range(CUTS)]
                music += [Recording(w, f"{package}/{path.stem}", "music", "", frozenset(), False) for w in waves if w is not None]
    for package in SPEECH:
        languages: dict[str, list[Path]] = {}
        for path in sorted((folder / package).rglob("*.ogg")):
            parts = path.parts
            at = parts.index("klettres" if package == "klettres-data" else "sounds") + 1
            languages.setdefault(parts[at], []).append(path)
        for language, paths in languages.items():
            if language.startswith(NOT):
                continue
            for path in (paths[i] for i in rng.permutation(len(paths))[:WORDS]):
                wave = cut(path, rng)
                if wave is not None:
                    speech.append(Recording(wave, f"{package}/{language}", "word", language, frozenset(), False))
    return music, speech

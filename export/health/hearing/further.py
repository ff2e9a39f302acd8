"""Further music, speech and other sounds for training, from Debian packages unpacked into one folder
(`dpkg -x PACKAGE.deb FOLDER/PACKAGE`).

Only training hears them. The languages of the scored splits are left out.
"""

import re
from pathlib import Path

import numpy as np
import soundfile

from .chain import resample
from .sources import FLAT, RATE, Recording, flat_share

# Of each package, the folders of music and of other sounds, in which nobody speaks, as expressions.
MUSIC = {
    "asc-music": "music",
    "btanks-data": "tunes",
    "colobot-common-sounds": "music",
    "extremetuxracer-data": "music",
    "flare-game": "music",
    "freedroidrpg-data": "music",
    "fretsonfire-songs-muldjord": "songs",
    "fretsonfire-songs-sectoid": "songs",
    "hedgewars-data": "Music",
    "lincity-ng-data": "music",
    "openclonk-data": "Music",
    "planetblupi-music-ogg": "music",
    "supertux-data": "music",
    "trackballs-data": "music",
    "warmux-data": "music",
    "warzone2100-music": "music",
    "wesnoth-1.16-music": "music",
    "widelands-data": "music",
    "xmoto-data": "Musics",
}
OTHER = {
    "btanks-data": "sounds",
    "endless-sky-data": "sounds",
    "flare-game": "soundfx/(steps|environment|inventory|powers)",
    "hedgewars-data": "Sounds$",
    "lincity-ng-data": "sounds",
    "trackballs-data": "sfx",
    "warmux-data": "sound/default/(weapons|misc)",
    "widelands-data": "sound/(animals|farm|woodcutting|smiths)",
}
# The language of a spoken word stands in its path.
SPEECH = {
    "hedgewars-data": r"voices/(\w+)/",
    "klettres-data": r"klettres/(\w+)/",
    "ktuberling-data": r"sounds/(\w+)/",
    "tuxpaint-stamps-default": r"_desc_(\w+)\.ogg",
}
NOT = ("fr", "ru", "Russian", "Default_ru")  # languages of `val` and of the held-out split
CUTS, SECONDS = 4, 12  # of each piece of music
WORDS = 60  # of each language
# Effects repeat themselves, and many are a noise or a motor.
UNSURE = frozenset({"noise", "hum", "dropouts"})


def cut(path: Path, rng: np.random.Generator) -> np.ndarray | None:
    """Some seconds of a file as i16 at RATE; `None` where nothing is to be heard."""
    with soundfile.SoundFile(path) as file:
        wanted = min(file.frames, SECONDS * file.samplerate)
        file.seek(int(rng.integers(file.frames - wanted + 1)))
        wave = file.read(wanted, dtype="float32", always_2d=True).mean(1)
    if wanted < file.samplerate // 4 or np.sqrt((wave**2).mean()) < 1e-3:
        return None
    wave = resample(wave, file.samplerate, RATE)
    return np.clip(wave * 32767, -32768, 32767).astype(np.int16)


def record(path: Path, rng: np.random.Generator, group: str, label: str, lang: str, unsure: frozenset[str] = frozenset()) -> list[Recording]:
    """One cut of a file, or none."""
    wave = cut(path, rng)
    if wave is None:
        return []
    if flat_share(wave) > FLAT:
        unsure |= {"clipping"}
    return [Recording(wave, group, label, lang, unsure, False)]


def sounds(folder: Path, package: str) -> list[Path]:
    return sorted(p for p in (folder / package).rglob("*") if p.suffix in (".ogg", ".opus", ".mp3", ".wav", ".flac"))


def recordings(folder: Path, seed: int = 0) -> tuple[list[Recording], list[Recording], list[Recording]]:
    """Music, speech and other sounds."""
    rng = np.random.default_rng(seed)
    music, speech, other = [], [], []
    for package, where in MUSIC.items():
        for path in sounds(folder, package):
            if re.search(where, str(path.parent)):
                for _ in range(CUTS):
                    music += record(path, rng, f"{package}/{path.stem}", "music", "")
    for package, where in OTHER.items():
        for path in sounds(folder, package):
            if re.search(where, str(path.parent)):
                other += record(path, rng, f"{package}/{path.stem}", "effect", "", UNSURE)
    for package, where in SPEECH.items():
        languages: dict[str, list[Path]] = {}
        for path in sounds(folder, package):
            if found := re.search(where, str(path)):
                languages.setdefault(found[1], []).append(path)
        for language, paths in languages.items():
            if not language.startswith(NOT):
                for path in (paths[i] for i in rng.permutation(len(paths))[:WORDS]):
                    speech += record(path, rng, f"{package}/{language}", "word", language)
    return music, speech, other

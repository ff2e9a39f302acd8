"""Further music, speech and other sounds, from Debian packages unpacked into one folder
(`dpkg -x PACKAGE.deb FOLDER/PACKAGE`; `public.zip` of 0ad-data and the `.pk3` of ufoai-music and nexuiz-music unzipped beside
themselves; of asterisk-prompt-es-co each NAME.gsm made NAME.wav beside it by `ffmpeg -i NAME.gsm NAME.wav`), from PyPI's source
archive of pyannote.audio 4.0.7 (some minutes of the AMI meetings, CC BY 4.0), unpacked as FOLDER/pyannote_audio, and what `speak.py`
wrote to FOLDER/spoken.

Training hears most of them; some voices and music are kept for `val`, which has one voice and nine cuts of music else. Of
speech, French (the voice of `val`) and Russian (held out) are left out. Another voice may speak a language of `val` or of the
held-out split in training.
"""

import re
import unicodedata
from pathlib import Path

import numpy as np
import soundfile

from .chain import resample
from .sources import FLAT, RATE, Recording, flat_share

# Of each package, the folders of music and of other sounds, in which nobody speaks, as expressions.
MUSIC = {
    "0ad-data": "audio/music",
    "asc-music": "music",
    "asterisk-moh-opsound-wav": "moh",
    "btanks-data": "tunes",
    "colobot-common-sounds": "music",
    "drascula-music": "audio",
    "extremetuxracer-data": "music",
    "fillets-ng-data": "music",
    "flare-game": "music",
    "freedroidrpg-data": "music",
    "fretsonfire-songs-muldjord": "songs",
    "fretsonfire-songs-sectoid": "songs",
    "hedgewars-data": "Music",
    "lincity-ng-data": "music",
    "lomiri-sounds": "ringtones",
    "naev-data": "music",
    "nexuiz-music": "cdtracks",
    "openclonk-data": "Music",
    "planetblupi-music-ogg": "music",
    "redeclipse-data": "sounds/music",
    "supertux-data": "music",
    "trackballs-data": "music",
    "ufoai-music": "music",
    "unknown-horizons": "music",
    "warmux-data": "music",
    "warzone2100-music": "music",
    "wesnoth-1.16-music": "music",
    "widelands-data": "music",
    "xmoto-data": "Musics",
}
OTHER = {
    "0ad-data": "audio/(ambient|resource|attack|actor/(gate|mounted|ship|fauna|singlesteps))",
    "btanks-data": "sounds",
    "endless-sky-data": "sounds",
    "flare-game": "soundfx/(steps|environment|inventory|powers)",
    "freeorion-data": "combat",
    "hedgewars-data": "Sounds$",
    "lincity-ng-data": "sounds",
    "naev-data": "sounds",
    "pingus-data": "sounds",
    "redeclipse-data": "sounds/(ambience|sfx|weapons)",
    "torcs-data": "sound",
    "trackballs-data": "sfx",
    "unknown-horizons": "audio/sounds",
    "warmux-data": "sound/default/(weapons|misc)",
    "widelands-data": "sound/(animals|farm|woodcutting|smiths)",
}
# The language of a spoken word, or whose it is, stands in its path.
SPEECH = {
    "0ad-data": r"voice/(\w+)/",
    "gcin-voice": r"/(\d)\.ogg",
    "hedgewars-data": r"voices/(\w+)/",
    "klettres-data": r"klettres/(\w+)/",
    "ktuberling-data": r"sounds/(\w+)/",
    "tuxpaint-stamps-default": r"_desc_(\w+)\.ogg",
}
# Voices that speak in sentences.
SENTENCES = {
    "asterisk-core-sounds-en-wav": r"sounds/(\w+)/",
    "asterisk-core-sounds-es-wav": r"sounds/(\w+)/",
    "asterisk-core-sounds-it-wav": r"sounds/(\w+)/",
    "fillets-ng-data-cs": r"/\w+-(m|v)-[^/]*$",
    "fillets-ng-data-nl": r"sound/.*/(nl)/",
    "pocketsphinx-testdata": r"data/(librivox|cards)/",
    "unknown-horizons": r"voice/(\w+)/",
    "asterisk-prompt-es-co": r"sounds/(\w+)/",  # new ones last: what `val` hears is drawn before
}
MEETINGS = "pyannote_audio/tests/data"  # of which `debug.SPLIT.rttm` say who speaks when
TURN = 1.0  # seconds that a turn in a meeting lasts at least
SPOKEN = r"^/([^/]+)/"  # of `speak.py`, a folder beside the packages
NOT = ("fr", "ru", "Russian", "Default_ru", "Singer")  # French, Russian, and one that sings
VAL = re.compile(
    "asterisk-moh|fretsonfire-songs-sectoid|lincity|warzone2100|fillets-ng-data-nl"
    "|klettres-data/(ar|da|hu|pt_BR)|ktuberling-data/(gl|sl)|tuxpaint-stamps-default/(el|lt|ro)|hedgewars-data/(Pirate|Surfer|Default_pl)"
)  # groups that `val` alone hears; another package may have the same language, and so the same voice, in training
CUTS, SECONDS = 4, 12  # of each piece of music
WORDS = 60  # of each language
SAID = 600  # sentences of each voice
AS_OFTEN = 4  # a voice that speaks in sentences is heard as often as so many that say words
# Effects repeat themselves, and many are a noise or a motor.
UNSURE = frozenset({"noise", "hum", "dropouts"})


def cut(path: Path, rng: np.random.Generator, turn: tuple[float, float] | None = None) -> np.ndarray | None:
    """Some seconds of a file as i16 at RATE, or those from one second to another; `None` where nothing is to be heard, or nothing
    that libsndfile reads."""
    try:
        file = soundfile.SoundFile(path)
    except soundfile.LibsndfileError:
        return None
    with file:
        first, last = (min(round(t * file.samplerate), file.frames) for t in turn or (0, SECONDS))
        wanted = last - first
        file.seek(first if turn else int(rng.integers(file.frames - wanted + 1)))
        wave = file.read(wanted, dtype="float32", always_2d=True).mean(1)
    if wanted < file.samplerate // 4 or np.sqrt((wave**2).mean()) < 1e-3:
        return None
    wave = resample(wave, file.samplerate, RATE)
    return np.clip(wave * 32767, -32768, 32767).astype(np.int16)


def record(path: Path, rng: np.random.Generator, group: str, label: str, lang: str, unsure: frozenset[str] = frozenset(), turn: tuple[float, float] | None = None) -> list[Recording]:
    """One cut of a file, or none."""
    wave = cut(path, rng, turn)
    if wave is None:
        return []
    if flat_share(wave) > FLAT:
        unsure |= {"clipping"}
    return [Recording(wave, group, label, lang, unsure, False)]


def sounds(folder: Path, package: str) -> list[Path]:
    return sorted(p for p in (folder / package).rglob("*") if p.suffix in (".ogg", ".opus", ".mp3", ".wav", ".flac"))


def inside(path: Path, folder: Path, package: str) -> str:
    """Where a file or folder lies in its package, whatever lies above it."""
    return "/" + str(path.relative_to(folder / package))


def voices(folder: Path, package: str, where: str) -> dict[str, list[Path]]:
    """Files of a package by language or voice, without those that are NOT heard."""
    found: dict[str, list[Path]] = {}
    for path in sounds(folder, package):
        if at := re.search(where, inside(path, folder, package)):
            found.setdefault(at[1], []).append(path)
    return {voice: paths for voice, paths in found.items() if not voice.startswith(NOT)}


def turns(folder: Path) -> list[tuple[Path, str, tuple[float, float]]]:
    """File, speaker and seconds (from, to; at most SECONDS apart) of the turns in the meetings, as NIST's RTTM writes them."""
    found = []
    # One of the files has an accent in its name, but not in the table.
    plain = lambda name: unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()  # noqa: E731
    files = {plain(p.stem): p for p in (folder / MEETINGS).glob("*.wav")}
    for table in sorted((folder / MEETINGS).glob("debug.*.rttm")):
        for line in table.read_text().splitlines():
            if not line.startswith("SPEAKER "):
                continue
            _, name, _, start, lasts, _, _, speaker, *_ = line.split()
            if float(lasts) < TURN:
                continue
            path = files.get(plain(name))
            if path is None:
                raise SystemExit(f"{table}: speaks of {name}.wav, which is not beside it: unpack the whole source archive of pyannote.audio there")
            found.append((path, speaker, (float(start), float(start) + min(float(lasts), SECONDS))))
    return found


def recordings(folder: Path, split: str, seed: int = 0) -> tuple[list[Recording], list[Recording], list[Recording]]:
    """Music, speech and other sounds of `train` or `val`."""
    return tuple([r for r in kind if bool(VAL.match(r.group)) == (split == "val")] for kind in everything(folder, seed))


def everything(folder: Path, seed: int) -> tuple[list[Recording], list[Recording], list[Recording]]:
    rng = np.random.default_rng(seed)
    music, speech, other = [], [], []
    for package, where in MUSIC.items():
        for path in sounds(folder, package):
            if re.search(where, inside(path.parent, folder, package)):
                for _ in range(CUTS):
                    music += record(path, rng, f"{package}/{path.stem}", "music", "")
    for package, where in OTHER.items():
        for path in sounds(folder, package):
            if re.search(where, inside(path.parent, folder, package)):
                other += record(path, rng, f"{package}/{path.stem}", "effect", "", UNSURE)
    for package, where in SPEECH.items():
        for voice, paths in voices(folder, package, where).items():
            for path in (paths[i] for i in rng.permutation(len(paths))[:WORDS]):
                speech += record(path, rng, f"{package}/{voice}", "word", voice)
    for voice, paths in voices(folder, "spoken", SPOKEN).items():
        for path in paths:
            speech += record(path, rng, f"spoken/{voice}", "sentence", voice)
    for package, where in SENTENCES.items():
        for voice, paths in voices(folder, package, where).items():
            for k, path in enumerate(paths[i] for i in rng.permutation(len(paths))[:SAID]):
                speech += record(path, rng, f"{package}/{voice}/{k % AS_OFTEN}", "sentence", voice)
    for path, speaker, turn in turns(folder):
        speech += record(path, rng, f"pyannote_audio/{speaker}", "sentence", "en", UNSURE, turn)
    return music, speech, other

"""Pictures and clips of one split: the training data pack, and full-size wallpapers where unpacked.

The splits are the data pack's own. Full-size pictures are taken only where the pack lists the same
picture, and keep its split, so no wallpaper is on both sides.
"""

import csv
import tarfile
from pathlib import Path

import av
import cv2
import numpy as np

# Clips whose camera stands still. In all others the camera may move by itself: `shaking` is unscored.
FIXED_CAMERAS = (
    "train_car_road", "train_bottles", "train_asl", "train_highway_cam", "train_office_call", "val_highway_cam",
    "val_office_call", "heldout_person_door", "heldout_pedestrians", "heldout_street_traffic",
    "heldout_pedestrian_crossing",
)  # fmt: skip
# Shares a table with training clips, so it is no held-out source.
SHARED_WITH_TRAINING = ("heldout_toy_rabbit",)


def read_csv(path: Path) -> list[dict]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def in_training(data: Path) -> set[str]:
    """Groups of photographs of which training has some: the grocery photographs keep their authors' split, by picture."""
    return {r["group"] for r in read_csv(data / "photos.csv") if r["split"] == "train"}


class Sources:
    """Everything of one split that a camera can be pointed at."""

    def __init__(self, data: Path, split: str, full_size: Path | None = None):
        rows = [r for r in read_csv(data / "photos.csv") if r["split"] == split]
        with tarfile.open(data / f"photos_{split}.tar") as tar:
            self.photos = [(r["group"], tar.extractfile(r["file"]).read()) for r in rows]
        self.large = [(group, path) for group, path in self.find_large(full_size, rows)]
        clips = [r for r in read_csv(data / "video.csv") if r["split"] == split]
        clips = [r for r in clips if not r["file"].startswith(SHARED_WITH_TRAINING)]
        self.clips = [(r["file"][:-4], data / "video" / r["file"]) for r in clips if float(r["seconds"]) >= 1.9]
        self.cache: dict[Path, np.ndarray] = {}

    @staticmethod
    def find_large(folder: Path | None, rows: list[dict]):
        """(group, path) of the full-size originals of this split's wallpapers."""
        if folder is None:
            return
        groups = {r["group"] for r in rows if r["source"] == "wallpaper"}
        for path in sorted(p for p in folder.rglob("*") if p.suffix in (".jpg", ".png") and p.is_file()):
            parts = path.parts
            for group in groups:
                package, name = group.split(":", 1)
                plasma = package.startswith("plasma") and name in parts and "images" in parts
                mate = package.startswith("mate") and name.endswith(f"nature_{path.name}")
                if plasma or mate:
                    yield group, path

    def photo(self, rng: np.random.Generator) -> tuple[str, np.ndarray]:
        """A random photograph: its group and u8 RGB [h, w, 3]."""
        group, data = self.photos[rng.integers(len(self.photos))]
        return group, cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), 1), cv2.COLOR_BGR2RGB)

    def large_photo(self, rng: np.random.Generator) -> tuple[str, np.ndarray]:
        """A random full-size picture, at most 2560 columns kept."""
        group, path = self.large[rng.integers(len(self.large))]
        if path not in self.cache:
            picture = cv2.cvtColor(cv2.imread(str(path), 1), cv2.COLOR_BGR2RGB)
            scale = min(1.0, 2560 / picture.shape[1])
            self.cache[path] = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return group, self.cache[path]

    def clip(self, rng: np.random.Generator, count: int) -> tuple[str, list[np.ndarray], np.ndarray, bool]:
        """`count` frames of a random clip: name, u8 RGB frames, times in seconds, whether its camera is fixed."""
        name, path = self.clips[rng.integers(len(self.clips))]
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_count = 1
            length = float(stream.duration * stream.time_base)
            step = min(rng.uniform(0.5, 1.0), length / (count + 1))
            times = rng.uniform(0, max(length - step * (count + 0.5), 0)) + step * np.arange(count)
            frames: list[np.ndarray] = []
            for frame in container.decode(stream):
                while len(frames) < count and frame.time is not None and frame.time >= times[len(frames)]:
                    frames.append(frame.to_ndarray(format="rgb24"))
                if len(frames) == count:
                    break
        frames += frames[-1:] * (count - len(frames))
        return name, frames, times, name.startswith(FIXED_CAMERAS)

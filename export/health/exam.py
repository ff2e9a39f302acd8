"""Scores on `val` while a training runs."""

from pathlib import Path

from . import clip, loader, score
from .corpus import Corpus
from .network import RawPerceiver


class Exam:
    """The same windows of `val` each time."""

    def __init__(self, folder: Path):
        self.batches = {name: loader.fixed(Corpus(folder / name), 2)[0] for name in ("val", "val_extra")}

    def scores(self, raw: RawPerceiver, device: str) -> dict:
        said = {name: score.logits(raw, batch, device)[:, : len(clip.LABELS)] for name, batch in self.batches.items()}
        return {name: score.summary(said[name] > 0, batch.truth) for name, batch in self.batches.items()}

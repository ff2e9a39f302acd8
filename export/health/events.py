"""Events from scores, as Percept makes them: two windows in a row to start, two to end."""

import numpy as np

from . import clip
from .grid import POSITIVE
from .scene import LABEL, Scene

IN_A_ROW = 2


def events(scores: np.ndarray, enter: float, leave: float) -> list[tuple[int, int | None]]:
    """(window that started it, window that ended it or None) of one label's scores in time order."""
    found, on, run = [], False, 0
    for i, score in enumerate(scores):
        run = run + 1 if (score < leave if on else score >= enter) else 0
        if run == IN_A_ROW:
            if on:
                found[-1] = (found[-1][0], i)
            else:
                found.append((i, None))
            on, run = not on, 0
    return found


def looks(scene: Scene) -> list[list[int]]:
    """Windows of neighbouring pictures, one look a picture, whose gaps the model accepts."""
    able = [list(range(i - clip.FRAMES + 1, i + 1)) for i in range(clip.FRAMES - 1, len(scene.times))]
    low, high = clip.INTERVAL
    return [at for at in able if all(low - 1e-6 <= g <= high + 1e-6 for g in np.diff(scene.times[at]))]


def rising_edge(scene: Scene) -> int | None:
    """Index of the first damaged picture where the damage begins in view, is beyond doubt and lasts four pictures."""
    label = scene.about["label"]
    if label is None:
        return None
    flags = scene.flags[:, LABEL[label]] == POSITIVE
    first = int(flags.argmax())
    lasting = first >= clip.FRAMES and len(flags) >= first + 4 and flags[first : first + 4].all()
    if label == "shaking" and lasting:
        steps = np.hypot(*np.diff(scene.path[first : first + 4], axis=0).T)
        lasting = bool((steps >= 0.03).all())
    return first if lasting else None

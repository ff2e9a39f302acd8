"""Events from scores, as Percept makes them: a label starts when looks in a row show it long enough."""

import numpy as np

from . import clip
from .grid import POSITIVE
from .scene import LABEL, Scene

SOON, END_AFTER = 2.0, 4.0  # seconds; Percept's defaults
# What lasts can wait until it is beyond doubt; what comes in bursts cannot. A view before which little moves or that shows little looks
# stuck or covered for a while at a time.
LASTING = ("covered", "defocused", "frozen", "dark", "overexposed", "no_signal", "silent", "clipping", "hum", "noise")
START_AFTER = dict.fromkeys(LASTING, 8.0) | {"covered": 20.0, "frozen": 20.0}


def events(scores: np.ndarray, times: np.ndarray, enter: float, leave: float, start_after: float = SOON) -> list[tuple[int, int | None]]:
    """(window that started it, window that ended it or None) of one label's scores at `times`, seconds.

    The time is that from the end of the first look of a run to the end of the latest, and is met at the look
    nearest to it; two looks at least.
    """
    found, on, run = [], False, 0
    for i, score in enumerate(scores):
        run = run + 1 if (score < leave if on else score >= enter) else 0
        held = times[i] - times[i - run + 1] + (times[i] - times[i - 1]) / 2 if run > 1 else -1.0
        if held >= (END_AFTER if on else start_after):
            if on:
                found[-1] = (found[-1][0], i)
            else:
                found.append((i, None))
            on, run = not on, 0
    return found


def a_day(count: float, seconds: float) -> float:
    """Of a count in `seconds`."""
    return count * 86400 / seconds


def looks(scene: Scene) -> list[list[int]]:
    """Windows of neighbouring pictures, one look a picture, whose gaps the model accepts."""
    able = [list(range(i - clip.FRAMES + 1, i + 1)) for i in range(clip.FRAMES - 1, len(scene.times))]
    low, high = clip.INTERVAL
    return [at for at in able if all(low - 1e-6 <= g <= high + 1e-6 for g in np.diff(scene.times[at]))]


def rising_edge(scene: Scene) -> tuple[int, float] | None:
    """Index of the first damaged picture, and for how many seconds the damage stays, where it begins in view, is
    beyond doubt and lasts four pictures."""
    label = scene.about["label"]
    if label is None:
        return None
    flags = scene.flags[:, LABEL[label]] == POSITIVE
    first = int(flags.argmax())
    lasting = first >= clip.FRAMES and len(flags) >= first + 4 and flags[first : first + 4].all()
    if label == "shaking" and lasting:
        steps = np.hypot(*np.diff(scene.path[first : first + 4], axis=0).T)
        lasting = bool((steps >= 0.03).all())
    over = np.append(np.flatnonzero(~flags[first:]), len(flags) - first)[0]
    return (first, float(scene.times[first + over - 1] - scene.times[first])) if lasting else None

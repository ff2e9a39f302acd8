"""What the grid says of undamaged cameras, and how events on them are counted."""

import json
import tempfile
import unittest
from pathlib import Path

import numpy as np

from health import clip, corpus, quiet
from health.grid import NEGATIVE, POSITIVE, UNSCORED
from health.scene import LABEL


def camera(folder: Path, grey: list[int], blank: bool = False) -> Path:
    """Noisy pictures of these mean levels; one like the one before it is that very picture."""
    rng, pictures = np.random.default_rng(0), []
    for level in grey:
        noise = rng.integers(-4, 5, (clip.HEIGHT, clip.WIDTH, 3))
        again = pictures and level < 0
        pictures.append(pictures[-1] if again else np.clip(level + noise, 0, 255).astype(np.uint8))
    path = folder / "000.npy"
    np.save(path, np.stack(pictures))
    path.with_suffix(".json").write_text(json.dumps({"blank": blank}))
    return path


class Photographs:
    """One photograph, which every camera looks at."""

    clips, large = (), ()
    picture = np.random.default_rng(0).integers(0, 256, (90, 160, 3)).astype(np.uint8).repeat(8, 0).repeat(8, 1)

    def photo(self, rng: np.random.Generator) -> tuple[str, np.ndarray]:
        return "a", self.picture


class Quiet(unittest.TestCase):
    def test_a_camera_for_training_is_looked_at_some_minutes_and_nothing_is_wrong_with_it(self):
        watched = quiet.scene(Photographs(), 0)
        runs = watched.times.reshape(quiet.RUNS, quiet.RUN)
        np.testing.assert_allclose(np.diff(runs), quiet.STEP)
        self.assertTrue((np.diff(runs[:, 0]) > quiet.RUN * quiet.STEP - 1e-6).all())
        self.assertFalse((watched.flags == POSITIVE).any())
        at = corpus.choose(watched.times, np.random.default_rng(0))
        self.assertEqual(np.diff(at).tolist(), [1, 1, 1])
        again, other = quiet.scene(Photographs(), 0), quiet.scene(Photographs(), 1)
        np.testing.assert_array_equal(watched.frames, again.frames)
        self.assertFalse(np.array_equal(watched.frames, other.frames))

    def test_truth_of_a_window_is_that_of_its_last_two_pictures(self):
        with tempfile.TemporaryDirectory() as folder:
            answers = quiet.truth(camera(Path(folder), [100, 100, 100, 100, -1, 28, 10, 10, 250, 250]))
        of = lambda label: answers[:, LABEL[label]].tolist()  # noqa: E731
        self.assertEqual(of("frozen"), [NEGATIVE, UNSCORED, NEGATIVE, NEGATIVE, NEGATIVE, NEGATIVE, NEGATIVE])
        self.assertEqual(of("dark"), [NEGATIVE, NEGATIVE, UNSCORED, UNSCORED, POSITIVE, UNSCORED, NEGATIVE])
        self.assertEqual(of("overexposed"), [NEGATIVE] * 5 + [UNSCORED, POSITIVE])
        self.assertEqual(of("covered"), [NEGATIVE] * 7)

    def test_a_bare_wall_may_be_a_cover(self):
        with tempfile.TemporaryDirectory() as folder:
            answers = quiet.truth(camera(Path(folder), [100] * 5, blank=True))
        self.assertEqual(answers[:, LABEL["covered"]].tolist(), [UNSCORED] * 2)

    def test_an_event_is_what_the_grid_says_of_the_window_that_starts_it(self):
        scores, answers = np.zeros((12, len(clip.LABELS))), np.zeros((12, len(clip.LABELS)), np.int8)
        dark = LABEL["dark"]
        scores[[1, 2, 6, 7, 10, 11], dark] = 0.9
        answers[[2, 7, 11], dark] = POSITIVE, NEGATIVE, UNSCORED
        found = quiet.raised([scores], [answers], "dark", enter=0.8, leave=0.5)
        self.assertEqual(found, {NEGATIVE: 1, UNSCORED: 1, POSITIVE: 1})
        # One that stays where there is nothing is false, whatever started it.
        scores[6:, dark], answers[7:, dark] = 0.9, [UNSCORED, *[NEGATIVE] * 4]
        self.assertEqual(quiet.raised([scores], [answers], "dark", enter=0.8, leave=0.5), {NEGATIVE: 1, UNSCORED: 0, POSITIVE: 1})
        self.assertEqual(sum(quiet.raised([scores], [answers], "frozen", enter=0.8, leave=0.5).values()), 0)


if __name__ == "__main__":
    unittest.main()

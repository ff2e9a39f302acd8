"""What is counted in pixels: the same as the grid's own measures, and the same whatever the last bit is."""

import unittest

import cv2
import numpy as np
import torch

from health import clip, loader, looking, network
from health.grid import GRID, NEGATIVE, POSITIVE, UNSCORED
from health.scene import LABEL, glare, luma

MEAN_LEVEL = looking.SHARES  # the first of the levels
FRAMES, PAIRS = clip.FRAMES, len(looking.PAIRS)


def noise(seed: int = 0) -> np.ndarray:
    """u8 [FRAMES, HEIGHT, WIDTH, 3], each frame brighter than the one before."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.integers(0, 180 + 25 * k, (clip.HEIGHT, clip.WIDTH, 3)) for k in range(FRAMES)]).astype(np.uint8)


class Eyes(unittest.TestCase):
    def seen(self, video: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        raw = network.RawPerceiver(network.Perceiver()).eval()
        with torch.no_grad():
            cells, in_all = raw.model.eye(raw.pixels(torch.from_numpy(video[None])))
        return cells[0], in_all[0]

    def counts(self, video: np.ndarray) -> torch.Tensor:
        return self.seen(video)[0]

    def test_levels_are_those_of_the_grid(self):
        dark = GRID["dark"]
        self.assertEqual(looking.BRIGHT[:2], (3 * dark["positive"], 3 * dark["negative"]))
        grey = lambda level: np.full((8, 8, 3), level, np.uint8)  # noqa: E731
        self.assertEqual([glare(grey(looking.BRIGHT[2] - below)) for below in (0, 1)], [1.0, 0.0])
        video, all_ = noise(), self.counts(noise()).flatten(0, 1).mean(0)
        for k, level in enumerate(looking.BRIGHT):
            for frame in range(FRAMES):
                share = float((luma(video[frame]) >= level).mean())
                self.assertAlmostEqual(float(all_[k * FRAMES + frame]), share, delta=0.01, msg=(level, frame))
        for frame in range(FRAMES):
            self.assertAlmostEqual(64 * float(all_[MEAN_LEVEL + frame] + 2), float(luma(video[frame]).mean()), delta=0.1)

    def test_a_cell_counts_its_own_pixels(self):
        video = np.zeros((FRAMES, clip.HEIGHT, clip.WIDTH, 3), np.uint8)
        video[2, 16:32, 208:224] = 255  # the cell in line 1, the last across
        counts = self.counts(video)
        bright = counts[..., 2 * FRAMES + 2]
        self.assertAlmostEqual(float(bright[1, 13]), 1.0, places=4)
        self.assertAlmostEqual(float(bright.sum()), 1.0, places=3)

    def test_each_pair_of_frames_is_compared(self):
        video = noise()
        video[3] = video[1]
        near = self.counts(video)[..., 3 * FRAMES : 3 * FRAMES + PAIRS].mean((0, 1))
        for pair, share in zip(looking.PAIRS, near.tolist()):
            self.assertEqual(share > 0.99, pair == (1, 3), pair)

    def test_windows_without_detail_have_no_motion_and_are_finite(self):
        for level in (0, 128, 255):
            cells, in_all = self.seen(np.full((FRAMES, clip.HEIGHT, clip.WIDTH, 3), level, np.uint8))
            self.assertTrue(bool(cells.isfinite().all() and in_all.isfinite().all()), level)
            self.assertLess(float(motions(in_all).abs().max()), 1e-3)

    def test_a_step_of_the_light_is_a_difference_of_each_pair_that_it_parts(self):
        video = np.full((FRAMES, clip.HEIGHT, clip.WIDTH, 3), 100, np.uint8)
        video[2:] = 120
        counts = self.counts(video).mean((0, 1))
        same, moved = counts[3 * FRAMES : 3 * FRAMES + PAIRS], counts[3 * FRAMES + PAIRS : looking.SHARES]
        mean, most, signed = counts[looking.SHARES + 4 * FRAMES :].view(3, PAIRS)
        for k, (a, b) in enumerate(looking.PAIRS):
            apart = 20.0 if a < 2 <= b else 0.0
            self.assertAlmostEqual(float(same[k]), float(not apart), places=3)
            self.assertAlmostEqual(float(moved[k]), float(apart > 0), places=3)
            for measure in (mean, most):
                self.assertAlmostEqual(float(measure[k]), np.log(apart + looking.LEAST) / 2, places=2)
            self.assertAlmostEqual(float(signed[k]), np.arcsinh(apart), places=2)

    def test_what_is_counted_does_not_turn_on_the_last_bit(self):
        eye = looking.Eye()
        rows = torch.from_numpy(np.stack([clip.patch_rows(noise(seed)) for seed in range(2)]))
        for one, other in zip(eye(rows), eye(rows + 1e-6)):
            self.assertLess(float((one - other).abs().max()), 1e-3)

    def test_what_is_said_of_the_window_is_of_its_cells(self):
        cells, in_all = self.seen(noise())
        flat = cells.flatten(0, 1)
        for k, part in enumerate((flat.mean(0), flat.amax(0), flat.amin(0))):
            self.assertTrue(torch.allclose(in_all[k * looking.FEATURES : (k + 1) * looking.FEATURES], part, atol=1e-5))
        self.assertEqual(len(in_all), looking.IN_ALL)

    def test_the_motion_of_the_whole_view_is_told_by_how_far_it_goes(self):
        rng = np.random.default_rng(1)
        wide = squares(rng, 50, 80)
        at = lambda y, x: wide[30 + y : 30 + y + clip.HEIGHT, 30 + x : 30 + x + clip.WIDTH]  # noqa: E731
        rings = list(zip(looking.RINGS, looking.RINGS[1:]))
        for y, x in ((0, 0), (0, 4), (-4, 6), (8, 0), (0, -14), (12, 16)):
            _, in_all = self.seen(np.stack([at(0, 0), at(0, 0), at(0, 0), at(y, x)]))
            whole, *parts = motions(in_all)
            for motion in (whole, *parts):
                self.assertEqual(motion.argmax(-1).tolist()[:2], [0, 0])
                low, high = rings[int(motion[2].argmax())]
                self.assertTrue(low <= np.hypot(y, x) / looking.COARSE < high, (y, x, motion[2]))
            self.assertGreater(float(whole[2].max()), 0.5)

    def test_a_view_that_rolls_moves_at_its_sides_and_not_in_its_middle(self):
        view = cv2.GaussianBlur(squares(np.random.default_rng(2), clip.HEIGHT // 4, clip.WIDTH // 4), (0, 0), 2)
        turn = cv2.getRotationMatrix2D((clip.WIDTH / 2, clip.HEIGHT / 2), 4, 1)
        rolled = cv2.warpAffine(view, turn, (clip.WIDTH, clip.HEIGHT), borderMode=cv2.BORDER_REFLECT)
        _, in_all = self.seen(np.stack([view, view, view, rolled]))
        parts = motions(in_all)[1:, 2].argmax(-1).view(3, 3)
        self.assertEqual(int(parts[1, 1]), 0)
        for y, x in ((0, 0), (0, 2), (1, 0), (1, 2), (2, 0), (2, 2)):
            self.assertGreaterEqual(int(parts[y, x]), 2, parts)


def motions(in_all: torch.Tensor) -> torch.Tensor:
    """[whole and parts, steps, rings]"""
    return in_all[-looking.MOTION * (1 + len(looking.PARTS)) :].view(-1, FRAMES - 1, len(looking.RINGS) - 1)


def squares(rng: np.random.Generator, high: int, wide: int) -> np.ndarray:
    """Squares of 4 x 4 pixels, each of its own grey: u8 [4 * high, 4 * wide, 3]."""
    return np.kron(rng.integers(0, 255, (high, wide)), np.ones((4, 4)))[..., None].repeat(3, -1).astype(np.uint8)


class Varied(unittest.TestCase):
    def test_a_frozen_picture_stays_one_however_it_is_turned(self):
        video = np.repeat(noise()[:1], FRAMES, 0)
        ways = [video[0], video[0, :, ::-1], video[0, ::-1], video[0, ::-1, ::-1]]
        found = set()
        for seed in range(40):
            varied = loader.vary(video, np.random.default_rng(seed))
            self.assertTrue(all(np.array_equal(varied[0], picture) for picture in varied), seed)
            found |= {k for k, way in enumerate(ways) if np.array_equal(varied[0], way)}
        self.assertEqual(found, {0, 1, 2, 3})  # as it was, mirrored, upside down, both

    def test_a_window_that_passed_a_bound_is_no_longer_scored_by_it(self):
        grey = lambda level: np.full((FRAMES, clip.HEIGHT, clip.WIDTH, 3), level, np.uint8)  # noqa: E731
        truth = np.zeros(len(clip.LABELS), np.int8)
        truth[LABEL["overexposed"]] = POSITIVE
        self.assertEqual(loader.judged_again(grey(240), truth)[LABEL["overexposed"]], POSITIVE)
        self.assertEqual(loader.judged_again(grey(230), truth)[LABEL["overexposed"]], UNSCORED)
        self.assertEqual(loader.judged_again(grey(240), truth)[LABEL["dark"]], NEGATIVE)
        self.assertEqual(loader.judged_again(grey(30), truth)[LABEL["dark"]], UNSCORED)
        self.assertEqual(truth[LABEL["dark"]], NEGATIVE)
        truth[:] = UNSCORED
        self.assertTrue((loader.judged_again(grey(30), truth) == UNSCORED).all())


if __name__ == "__main__":
    unittest.main()

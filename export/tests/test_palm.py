"""A palm laid on the lens, which is trained on only."""

import unittest

import numpy as np

from health.damage import blobs
from health.materials import FurtherCover, Held, Wave, folds

SIZE = (120, 208)


def palm(seed: int) -> FurtherCover:
    return FurtherCover("palm", 1.0, SIZE, None, np.random.default_rng(seed))


class Palms(unittest.TestCase):
    def test_most_do_not_keep_still_and_all_hide_the_view(self):
        views = [np.zeros((*SIZE, 3), np.uint8), np.full((*SIZE, 3), 255, np.uint8)]
        moving = 0
        for seed in range(40):
            cover = palm(seed)
            self.assertEqual(cover.share, 1.0)
            seen = [cover(views[0], i) for i in range(14)]
            for i, picture in enumerate(seen):
                np.testing.assert_allclose(picture, cover(views[1], i), atol=1)
            moving += cover.held is not None
            if cover.held is None and not cover.drift:
                self.assertTrue(all(np.array_equal(seen[0], picture) for picture in seen))
            if cover.held is not None:
                self.assertFalse(np.array_equal(seen[0], seen[-1]))
        self.assertTrue(20 < moving < 40)

    def test_a_scene_is_the_same_each_time(self):
        view = np.full((*SIZE, 3), 90, np.uint8)
        for seed in range(6):
            np.testing.assert_array_equal(palm(seed)(view, 5), palm(seed)(view, 5))

    def test_it_drifts_bends_and_the_light_on_it_changes(self):
        light = blobs(72, 128, np.random.default_rng(2), 0.2)
        held = Held(light, np.random.default_rng(1))
        held.walk, held.bend, held.waves = np.zeros((Held.MOST, 3)), None, []
        np.testing.assert_allclose(held(7), light, atol=1e-6)
        held.walk = held.walk + [[4 / 72, -2 / 72, 0]]
        np.testing.assert_allclose(held(7)[10:60, 10:110], light[8:58, 14:114], atol=1e-5)
        held.walk *= 0
        held.bend, held.much = [[np.ones_like(light)] * 2] * 2, 0.01
        self.assertGreater(float(np.abs(held(1) - held(2)).max()), 1e-3)
        held.bend, held.waves = None, [Wave(np.random.default_rng(k)) for k in range(2)]
        self.assertGreater(float(np.abs(held(3) - held(0)).max()), 1e-3)
        self.assertLessEqual(float((held(3) / (light + 1e-6)).max()), 1 + 2 * held.shine + 1e-4)

    def test_light_and_shade_of_each_kind_fill_the_range(self):
        for seed in range(30):
            field = folds(72, 128, np.random.default_rng(seed))
            self.assertEqual(field.shape, (72, 128))
            self.assertTrue(field.min() >= 0 and field.max() <= 1 and field.std() > 0.05, seed)


if __name__ == "__main__":
    unittest.main()

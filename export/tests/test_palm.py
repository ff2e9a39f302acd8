"""A palm laid on the lens, which is trained on only."""

import unittest

import numpy as np

from health.materials import FurtherCover

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
        np.testing.assert_array_equal(palm(3)(view, 5), palm(3)(view, 5))


if __name__ == "__main__":
    unittest.main()

"""Thresholds from scores on `val` and false events on its undamaged cameras."""

import unittest

import numpy as np

from health import calibrate, clip


class Thresholds(unittest.TestCase):
    def setUp(self):
        rng = np.random.default_rng(0)
        self.truth = np.repeat((rng.random((4000, 1)) < 0.2).astype(np.int8), len(clip.LABELS), 1)
        self.scores = calibrate.sigmoid(rng.normal(np.where(self.truth == 1, 1.5, -1.5), 1.0))

    def test_a_label_that_raises_nothing_is_among_the_best_f1(self):
        found = calibrate.thresholds(self.scores, self.truth, clip.LABELS)
        for k, label in enumerate(clip.LABELS):
            f1 = calibrate.f1_at(self.scores[:, k], self.truth[:, k])
            self.assertGreaterEqual(f1[round((found[label]["enter"] - 0.4) * 100)], f1.max() - calibrate.ALIKE)

    def test_a_plateau_is_cut_through_its_middle_and_another_is_not_looked_at(self):
        # alike within 0.002: from 0.50 to 0.70, and over 0.75; between them 0.005 less
        counts, shown = [60, 100, 10, 10, 1000], [0, 0, 1, 0, 1]
        scores = np.repeat([0.3, 0.495, 0.705, 0.755, 0.99], counts)[:, None]
        truth = np.repeat(shown, counts)[:, None].astype(np.int8)
        found = calibrate.thresholds(scores, truth, ("dark",))
        self.assertEqual(found["dark"]["enter"], 0.6)

    def test_a_false_event_a_day_is_worth_three_thousandths(self):
        f1 = calibrate.f1_at(self.scores[:, 0], self.truth[:, 0])
        spared = f1.max() - f1[calibrate.TRIES >= 0.7].max()  # what it costs to be rid of them
        self.assertGreater(spared, 3 * calibrate.ALIKE)
        for events, rid in ((0.7 * spared / 0.003, False), (1.4 * spared / 0.003, True)):
            often = lambda label, limits: events if label == "covered" and limits["enter"] < 0.7 else 0.0  # noqa: B023, E731
            found = calibrate.thresholds(self.scores, self.truth, clip.LABELS, often)
            self.assertEqual(found["covered"]["enter"] >= 0.7, rid)
            self.assertLess(found["dark"]["enter"], 0.7)

    def test_false_events_are_counted_as_they_would_be_raised(self):
        asked = []
        calibrate.thresholds(self.scores, self.truth, clip.LABELS, lambda label, limits: asked.append((label, limits)) or 0.0)
        self.assertEqual({limits.get("start_after") for label, limits in asked if label == "covered"}, {20.0})
        self.assertEqual({limits.get("start_after") for label, limits in asked if label == "dark"}, {8.0})
        self.assertEqual({limits.get("start_after") for label, limits in asked if label == "shaking"}, {None})


if __name__ == "__main__":
    unittest.main()

"""Events from scores, as Percept makes them, and the cycles of the training."""

import unittest

import numpy as np

from health.cycle import Cycle
from health.events import END_AFTER, SOON, a_day, events

STEP = 2.0


class Events(unittest.TestCase):
    def said(self, *scores: float, start_after: float = SOON, step: float = STEP) -> list[tuple[int, int | None]]:
        return events(np.array(scores), step * np.arange(len(scores)), 0.6, 0.4, start_after)

    def test_one_odd_look_starts_and_ends_nothing(self):
        self.assertEqual(self.said(0, 1, 0, 1, 0), [])
        self.assertEqual(self.said(1, 1, 0, 1, 0, 1), [(1, None)])

    def test_looks_in_a_row_start_and_end_an_event(self):
        self.assertEqual(END_AFTER, 4.0)
        self.assertEqual(self.said(0, 1, 1, 1, 0, 0, 0, 1, 1), [(2, 6), (8, None)])
        # At a look every 4 s two are enough for both.
        self.assertEqual(self.said(1, 1, 0, 0, step=4.0), [(1, 3)])

    def test_a_label_that_is_to_hold_is_met_at_the_nearest_look(self):
        self.assertEqual(self.said(*[1] * 4, start_after=8.0), [])
        self.assertEqual(self.said(*[1] * 5, start_after=8.0), [(4, None)])
        self.assertEqual(self.said(*[1] * 3, start_after=8.0, step=4.0), [(2, None)])
        self.assertEqual(self.said(1, 1, 0, 1, 1, 1, start_after=8.0), [])

    def test_a_rate_is_of_a_whole_day(self):
        self.assertEqual(a_day(3, 12 * 3600), 6)


class Cycles(unittest.TestCase):
    def test_a_finished_one_is_followed_by_another_only_where_more_is_asked(self):
        by_time = Cycle(0, 16_000, 1.4, spent=1.4 * 3600)
        self.assertEqual(by_time.done(7_734), 1.0)
        self.assertFalse(by_time.is_less_than(16_000, 1.4))
        self.assertTrue(by_time.is_less_than(16_000, 2.0))
        self.assertTrue(by_time.is_less_than(20_000, 1.4))


if __name__ == "__main__":
    unittest.main()

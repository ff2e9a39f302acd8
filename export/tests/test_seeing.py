"""The part of `stream-health` that sees: its stem, and the pool of measured windows that it learns from."""

import time
import unittest

import torch

from health import clip, looking, network, seeing
from health.pool import AGAIN, Pool
from train_seeing import LEARNS, STEM


class Stem(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)
        self.stem = seeing.PictureStem(network.FEATURES).eval()
        self.rows = torch.randn(1, clip.ROWS, network.FEATURES)
        self.counts, self.in_all = torch.rand(1, *looking.CELLS, looking.FEATURES), torch.rand(1, looking.IN_ALL)
        for block in self.stem.blocks:
            torch.nn.init.normal_(block.mlp[3].weight, std=0.1)

    @torch.no_grad()
    def test_one_that_has_learnt_nothing_changes_nothing(self):
        rows, logits = self.stem(self.rows, self.counts, self.in_all)
        self.assertTrue(torch.equal(rows, self.rows))
        self.assertEqual(float(logits.abs().max()), 0.0)

    @torch.no_grad()
    def test_a_cell_sees_its_rows_and_their_neighbours_in_both_pairs_of_frames(self):
        reach = seeing.BLOCKS * (seeing.KERNEL // 2)
        y, x = 15, 2  # of a row; its cell is the last one down and the second across
        other = self.rows.clone()
        other.view(1, *clip.GRID, -1)[0, 0, y, x] += 1.0
        moved = (self.stem.cells(other, self.counts) - self.stem.cells(self.rows, self.counts)).abs().amax(-1)[0] > 1e-6
        for pair in moved:
            for cell_y, cell_x in torch.cartesian_prod(*map(torch.arange, looking.CELLS)).tolist():
                near = max(abs(cell_y - y // seeing.SIDE), abs(cell_x - x // seeing.SIDE)) <= reach
                self.assertEqual(bool(pair[cell_y, cell_x]), near, (cell_y, cell_x))

    @torch.no_grad()
    def test_what_was_counted_is_seen_by_its_cell_and_by_the_head(self):
        torch.nn.init.normal_(self.stem.counted.weight)
        torch.nn.init.normal_(self.stem.total[-1].weight)
        other = self.counts.clone()
        other[0, 0, 0] += 1.0
        moved = (self.stem.cells(self.rows, other) - self.stem.cells(self.rows, self.counts)).abs().amax(-1)[0] > 1e-6
        self.assertTrue(moved[:, 0, 0].all())
        self.assertFalse(moved[:, -1, -1].any())
        cells = self.stem.cells(self.rows, self.counts)
        self.assertGreater(float((self.stem.logits(cells, self.in_all + 1) - self.stem.logits(cells, self.in_all)).abs().max()), 1e-3)

    @torch.no_grad()
    def test_what_it_finds_is_added_to_the_rows_of_the_cell(self):
        torch.nn.init.normal_(self.stem.outer.weight)
        added = (self.stem(self.rows, self.counts, self.in_all)[0] - self.rows).view(*clip.GRID, -1)
        first = added[:, :: seeing.SIDE, :: seeing.SIDE]
        self.assertGreater(float(first.std()), 0.1)
        for y, x in ((0, 1), (1, 0), (1, 1)):
            self.assertLess(float((added[:, y :: seeing.SIDE, x :: seeing.SIDE] - first).abs().max()), 1e-5)

    @torch.no_grad()
    def test_it_is_silent_where_there_are_no_pictures(self):
        raw = network.RawPerceiver(network.Perceiver()).eval()
        torch.nn.init.normal_(raw.model.picture_stem.pooled.weight)
        torch.nn.init.normal_(raw.model.picture_stem.total[-1].weight)
        video = torch.randint(0, 255, (2, clip.FRAMES, clip.HEIGHT, clip.WIDTH, 3), dtype=torch.uint8)
        times, sound = torch.tensor([[-6.0, -4.0, -2.0, 0.0]] * 2), 0.1 * torch.randn(2, 48000, 1)
        heard = raw.model.perceive(None, raw.heard(sound))
        masked = raw(video, times, sound, torch.tensor([[0.0, 1.0]] * 2))
        self.assertLess(float((heard - masked).abs().max()), 1e-4)
        seen = raw.model.perceive(raw.seen(video, times), None)
        masked = raw(video, times, sound, torch.tensor([[1.0, 0.0]] * 2))
        self.assertLess(float((seen - masked).abs().max()), 1e-4)

    def test_what_is_heard_does_not_pass_through_what_is_learnt(self):
        raw = network.RawPerceiver(network.Perceiver()).eval()
        raw.model.perceive(None, raw.heard(torch.randn(1, 48000, 1)))[:, len(clip.LABELS) :].sum().backward()
        learned = {name: p for name, p in raw.model.named_parameters() if name.startswith(STEM + LEARNS)}
        self.assertGreater(len(learned), 20)
        self.assertEqual([name for name, p in learned.items() if p.grad is not None and p.grad.any()], [])


class Pools(unittest.TestCase):
    def test_new_windows_take_the_place_of_the_oldest_as_they_are_drawn(self):
        made = []

        def make():
            made.append(len(made))
            return (torch.full((4, 2), float(made[-1])),)

        pool = Pool(make, size=16, few=8)
        self.addCleanup(pool.close)
        self.assertLessEqual(set(pool.draw(32)[0].flatten().tolist()), set(map(float, made)))
        for _ in range(20):
            pool.draw(4 * AGAIN)
        deadline = time.monotonic() + 10
        while len(made) < 20 and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertGreaterEqual(len(made), 20)
        self.assertGreater(pool.held[0].min(), 0.0)

    def test_a_failure_is_told_to_whoever_draws(self):
        calls = iter([(torch.zeros(4, 1),)])
        pool = Pool(lambda: next(calls), size=8, few=4)
        self.addCleanup(pool.close)
        deadline = time.monotonic() + 10
        while not pool.failed and time.monotonic() < deadline:
            pool.drawn += 4
            time.sleep(0.01)
        with self.assertRaisesRegex(RuntimeError, "measuring further windows failed"):
            pool.draw(1)


if __name__ == "__main__":
    unittest.main()

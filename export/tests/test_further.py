"""A model of which one part is trained further."""

import tempfile
import unittest
from pathlib import Path

import torch

from health.further import Further
from health.network import Perceiver

LEARNS = ("head.", "picture_stem.")


class Furthers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out, self.warm = Path(folder.name) / "run", Path(folder.name) / "warm.pt"
        torch.manual_seed(0)
        self.weights = Perceiver().state_dict()

    def begin(self, weights: dict, learns: tuple[str, ...] = LEARNS) -> Further:
        torch.save({"ema": weights}, self.warm)
        further = Further(self.warm, self.out, learns)
        further.begin(1e-2, "cpu", ("head.",))
        return further

    def step(self, further: Further, rates: tuple[float, float] = (1e-2, 1e-3)) -> None:
        loss = sum((weight - 1).square().sum() for weight in further.learned)
        further.learn(loss, rates, taken=further.step)

    def test_only_what_learns_moves_and_the_average_follows(self):
        further = self.begin(self.weights)
        self.step(further)
        for name, weight in further.model.state_dict().items():
            same = torch.equal(weight, self.weights[name])
            learns = name.startswith(LEARNS)
            self.assertEqual(same, not learns, name)
            average = further.shadow.model.state_dict()[name]
            self.assertEqual(torch.equal(average, self.weights[name]), not learns, name)
            self.assertEqual(torch.equal(average, weight), not learns, name)

    def test_one_that_is_gone_on_with_is_as_if_it_had_not_stopped(self):
        first = self.begin(self.weights)
        self.step(first)
        first.keep()
        again = self.begin({})  # what it began with is not looked at
        self.assertEqual((again.fresh, again.step), (False, 1))
        for further in (first, again):
            self.step(further)
        for state in ("model", "shadow"):
            mine, its = (dict(getattr(f, "model" if state == "model" else "shadow").named_parameters()) for f in (first, again))
            for name, weight in mine.items():
                self.assertTrue(torch.equal(weight, its[name]), (state, name))

    def test_what_is_to_be_exported_fits_half_precision_where_it_learnt(self):
        further = self.begin(self.weights)
        self.step(further)
        further.finish()
        for name, weight in torch.load(self.out / "final.pt", weights_only=True)["ema"].items():
            average = further.shadow.model.state_dict()[name]
            self.assertTrue(torch.equal(weight, average.half().float() if name.startswith(LEARNS) else average), name)

    def test_where_everything_learns_what_is_fixed_stays_exact(self):
        torch.save({"ema": self.weights}, self.warm)
        further = Further(self.warm, self.out, ("",))
        further.begin(1e-2, "cpu")
        self.assertEqual(len(further.learned), len(list(further.model.parameters())))
        further.learn(sum((weight - 1).square().sum() for weight in further.learned), (1e-2,), taken=0)
        further.finish()
        final = torch.load(self.out / "final.pt", weights_only=True)["ema"]
        for name, _ in further.model.named_buffers():
            if name in final:
                self.assertTrue(torch.equal(final[name], self.weights[name]), name)
        self.assertFalse(torch.equal(self.weights["basis"].half().float(), self.weights["basis"]))

    def test_weights_that_are_to_stay_must_be_there(self):
        some = {name: weight for name, weight in self.weights.items() if not name.startswith(("picture_stem.", "look.key"))}
        with self.assertRaisesRegex(SystemExit, "without look.key.weight, look.key.bias, which is to stay"):
            self.begin(some)

    def test_what_a_layer_reads_more_than_it_did_counts_nothing_at_first(self):
        name = "picture_stem.total.0.weight"
        narrower = self.weights | {name: self.weights[name][:, :-5]}
        weight = self.begin(narrower).model.state_dict()[name]
        self.assertTrue(torch.equal(weight[:, :-5], narrower[name]))
        self.assertEqual(float(weight[:, -5:].detach().abs().max()), 0.0)

    def test_a_layer_of_another_size_is_new(self):
        name = "picture_stem.total.0.weight"
        other = torch.ones_like(self.weights[name])[:-1, :-5]
        weight = self.begin(self.weights | {name: other}).model.state_dict()[name]
        self.assertEqual(weight.shape, self.weights[name].shape)
        self.assertLess(float(weight.max()), 1.0)

    def test_a_row_of_numbers_of_another_length_begins_anew_and_is_there_to_be_read(self):
        name = "picture_stem.total.0.bias"
        other = torch.ones_like(self.weights[name])[:-1]
        further = self.begin(self.weights | {name: other})
        self.assertEqual(further.anew, {name})
        self.assertTrue(torch.equal(further.narrower[name], other))

    def test_a_part_that_learns_may_be_new(self):
        some = {name: weight for name, weight in self.weights.items() if not name.startswith("picture_stem.")}
        further = self.begin(some)
        self.assertTrue(torch.equal(further.model.latents, self.weights["latents"]))
        self.assertEqual(further.anew, self.weights.keys() - some.keys())


if __name__ == "__main__":
    unittest.main()

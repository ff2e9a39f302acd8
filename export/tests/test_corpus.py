"""Scenes on disk."""

import os
import tempfile
import unittest
from pathlib import Path

import numpy as np

from health import clip, corpus
from health.scene import Scene


class OnDisk(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        rng, n = np.random.default_rng(0), 5
        self.frames = rng.integers(0, 256, (n, clip.HEIGHT, clip.WIDTH, 3), np.uint8)
        still = np.zeros((n, 2), np.float32)
        scene = Scene(self.frames, np.arange(n) * 1.0, np.zeros((n, 8), np.int8), still, False, still[:, 0], {"label": None})
        corpus.save(scene, self.folder, "000000")

    def test_a_window_is_of_the_pictures_that_were_saved(self):
        scene = corpus.load(self.folder / "000000.json")
        video, times = corpus.window(scene, [0, 2, 3, 4])
        self.assertTrue(np.array_equal(video, self.frames[[0, 2, 3, 4]]))
        self.assertEqual(times.tolist(), [-4.0, -2.0, -1.0, 0.0])
        self.assertTrue(np.array_equal(scene.frames, self.frames))
        self.assertEqual((len(scene.frames), len(list(scene.frames))), (5, 5))

    def test_no_file_stays_open(self):
        scenes = [corpus.load(self.folder / "000000.json") for _ in range(3)]
        kept = [scene.frames[1] for scene in scenes]
        opened = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")]
        self.assertEqual([name for name in opened if name.startswith(str(self.folder))], [])
        self.assertTrue(all(np.array_equal(picture, self.frames[1]) for picture in kept))


if __name__ == "__main__":
    unittest.main()

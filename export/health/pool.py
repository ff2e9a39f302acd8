"""Windows whose features were measured already, where measuring costs more than a step of the training."""

import threading
import time
from collections.abc import Callable

import torch

AGAIN = 3  # batches that a window serves at least


class Pool:
    """A thread of its own puts new windows in the place of the oldest, as fast as they are drawn AGAIN times.

    `make` gives some of them: tensors [N, ...], N always the same and a divisor of `size`. The first `few`, at most `size`, are waited for.
    """

    def __init__(self, make: Callable[[], tuple[torch.Tensor, ...]], size: int, few: int):
        self.make, self.size = make, size
        first = make()
        self.held = [torch.empty(size, *part.shape[1:], dtype=part.dtype) for part in first]
        self.filled, self.next, self.drawn, self.lock = 0, 0, 0, threading.Lock()
        self.failed: Exception | None = None
        self.closed = threading.Event()
        self.take(first)
        while self.filled < few:
            self.take(make())
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def take(self, parts: tuple[torch.Tensor, ...]) -> int:
        count = len(parts[0])
        with self.lock:
            for held, part in zip(self.held, parts):
                held[self.next : self.next + count] = part
            self.next = (self.next + count) % self.size
            self.filled = min(self.size, max(self.filled, self.next or self.size))
        return count

    def work(self) -> None:
        taken = 0
        try:
            while not self.closed.is_set():
                if taken * AGAIN > self.drawn:
                    time.sleep(0.01)
                    continue
                taken += self.take(self.make())
        except Exception as error:  # the training is told when it draws
            self.failed = error

    def draw(self, size: int) -> list[torch.Tensor]:
        if self.failed:
            raise RuntimeError("measuring further windows failed") from self.failed
        at = torch.randint(self.filled, (size,))
        self.drawn += size
        with self.lock:
            return [held[at] for held in self.held]

    def close(self) -> None:
        """Waits for the thread: one that is cut off within PyTorch ends the program with an error."""
        self.closed.set()
        self.thread.join()

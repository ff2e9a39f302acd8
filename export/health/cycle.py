"""The learning rate of a training that may be stopped and gone on with."""

import math
from dataclasses import dataclass

WARM_UP = 300  # steps


@dataclass
class Cycle:
    """One fall of the learning rate: from step `start` to step `stop`, or until `hours` have been spent on it."""

    start: int
    stop: int
    hours: float
    spent: float = 0.0  # seconds

    def done(self, step: int) -> float:
        """How much of it is over, 0 to 1."""
        return min(1.0, max((step - self.start) / max(self.stop - self.start, 1), self.spent / 3600 / self.hours))

    def is_less_than(self, steps: int, hours: float) -> bool:
        """Whether more is asked than this cycle was to last."""
        return steps > self.stop or hours > self.hours

    def rate(self, step: int) -> float:
        """The learning rate as a share of its peak."""
        return min(1.0, (step - self.start) / WARM_UP) * (0.5 + 0.5 * math.cos(math.pi * self.done(step)))

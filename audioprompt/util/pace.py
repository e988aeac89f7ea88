"""How long work will still take, by what has been done of it."""

import time
from collections.abc import Callable

MINUTE, HOUR, DAY = 60, 3_600, 86_400  # seconds
SURE_SECONDS = 3.0  # of work after which the time left is estimated


class Pace:
    """Work of a known size under way.

    Args:
        size: of all of it, in any unit, such as bytes.
        clock: tells the time in seconds.
    """

    def __init__(self, size: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._size, self._clock, self._began, self._done = size, clock, clock(), 0.0

    def reach(self, size: float) -> None:
        """Note how much of it is done by now."""
        self._done = size

    @property
    def seconds_left(self) -> float | None:
        """How long the rest will take; None as long as that cannot be told."""
        taken = self._clock() - self._began
        if not self._done or taken < SURE_SECONDS:
            return None
        return max(taken * (self._size - self._done) / self._done, 0.0)

    @property
    def words(self) -> str:
        """The time left as the end of a sentence, ", about 3 hours left"; empty as long as that cannot be told."""
        seconds = self.seconds_left
        return "" if seconds is None else f", {say_duration(seconds)} left"


def say_duration(seconds: float) -> str:
    """Say how long something takes, roughly: 5400 -> "about 2 hours"."""
    for unit, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if seconds >= 1.5 * unit:
            return f"about {round(seconds / unit)} {name}s"
    return "about a minute" if seconds > MINUTE / 2 else "less than a minute"

"""Taking turns where more microphones are on than can be heard at once."""

import time
from collections import Counter, OrderedDict
from threading import Lock

GONE_SECONDS = 5.0  # of silence until somebody's place is free


class Turns:
    """Who is heard: everybody while there are places, else each for a while, then those who wait.

    Args:
        places: how many are heard at once.
        seconds: how long each is heard at least, once others wait.
        each: how many places one person keeps while another has none.
    """

    def __init__(self, places: int, seconds: float, each: int = 2) -> None:
        self.places, self.seconds, self.each = places, seconds, each
        self._heard: OrderedDict[str, float] = OrderedDict()  # since when, the longest first
        self._line: list[str] = []
        self._owners: dict[str, str] = {}
        self._seen: dict[str, float] = {}
        self._lock = Lock()

    def place(self, name: str, owner: str) -> int:
        """Ask for a turn, repeatedly: returns 0 once it has come, else the place in the line, from 1.

        Args:
            name: of what is to be heard.
            owner: the person whose it is.
        """
        with self._lock:
            now = time.monotonic()
            self._seen[name], self._owners[name] = now, owner
            for gone in [one for one, seen in self._seen.items() if now - seen > GONE_SECONDS]:
                self._forget(gone)
            if name not in self._heard and name not in self._line:
                self._line.append(name)
            while self._line and (len(self._heard) < self.places or self._make_room(now)):
                self._hear(self._next(), now)
            return 0 if name in self._heard else self._line.index(name) + 1

    def _hear(self, name: str, now: float) -> None:
        self._line.remove(name)
        self._heard[name] = now

    def _next(self) -> str:
        """Return who is next: of those whose owners have fewest places, the one who has waited longest."""
        held = Counter(self._owners[one] for one in self._heard)
        return min(self._line, key=lambda one: held[self._owners[one]])

    def _make_room(self, now: float) -> bool:
        """Send to the end of the line someone who was heard long enough, or who has places while another has none."""
        held = Counter(self._owners[one] for one in self._heard)
        without = any(not held[self._owners[one]] for one in self._line)
        for name, since in self._heard.items():
            if now - since > self.seconds or (without and held[self._owners[name]] > self.each):
                del self._heard[name]
                self._line.append(name)
                return True
        return False

    def _forget(self, name: str) -> None:
        self._heard.pop(name, None)
        if name in self._line:
            self._line.remove(name)
        del self._seen[name], self._owners[name]

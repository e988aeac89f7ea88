"""Recordings that are to be encoded, each with what people call it, and what is wrong with those that cannot be."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from audioprompt.audio.decode import read
from audioprompt.audio.recording import AudioError, AudioSource
from audioprompt.encoding.reading import DECODERS
from audioprompt.util.text import one_line

LOOK_RATE, LOOK_SECONDS = 8_000, 0.1  # Hz, and of a recording: enough to see whether it can be read at all
LOOKS_PER_REPORT = 64
MAX_LISTED = 10  # recordings that an error names


class BadRecordings(AudioError):
    """Some of many recordings cannot be used.

    Attributes:
        reasons: what is wrong with each, by its position, as the end of a sentence that begins with its name.
    """

    def __init__(self, reasons: Mapping[int, str], names: Sequence[str]) -> None:
        self.reasons = dict(sorted(reasons.items()))
        bad = [f"{names[index]} {reason}" for index, reason in self.reasons.items()]
        more = f"; and {len(bad) - MAX_LISTED} more" if len(bad) > MAX_LISTED else ""
        super().__init__(
            f"{len(bad)} of {len(names)} recordings cannot be used: {'; '.join(bad[:MAX_LISTED])}{more}. Replace or"
            " remove them, or go on without them (--skip-bad in the shell, a switch in the page)."
        )


@dataclass(frozen=True)
class Recordings:
    """Recordings and what people call them, N of both."""

    sources: Sequence[AudioSource]
    names: Sequence[str]

    @classmethod
    def of(cls, sources: Sequence[AudioSource]) -> "Recordings":
        """Name recordings by their paths, those without one by their number."""
        names = [
            one_line(str(source)) if isinstance(source, (str, os.PathLike)) else f"recording {number}"
            for number, source in enumerate(sources, 1)
        ]
        return cls(sources, names)

    def find_unreadable(self, indices: Sequence[int], look: Callable[[], object]) -> dict[int, str]:
        """Return what is wrong with those whose beginning cannot be read; ``look`` may end it by raising."""
        again = [index for index in indices if isinstance(self.sources[index], (str, os.PathLike, bytes))]
        if len(again) < 2:  # reading it tells as soon
            return {}
        found: dict[int, str] = {}
        pool = ThreadPoolExecutor(DECODERS)
        try:
            for number, (index, reason) in enumerate(zip(again, pool.map(self._problem, again), strict=True), 1):
                if reason:
                    found[index] = reason
                if number % LOOKS_PER_REPORT == 0:
                    look()
        finally:
            pool.shutdown(cancel_futures=True)
        return found

    def reason(self, index: int, error: str) -> str:
        """Return what an error says of a recording, without its name and the advice."""
        return error.removeprefix(self.names[index]).partition(": ")[0].strip()

    def _problem(self, index: int) -> str | None:
        try:
            read(self.sources[index], LOOK_RATE, name=self.names[index], first_seconds=LOOK_SECONDS)
        except AudioError as error:
            return self.reason(index, str(error))
        return None

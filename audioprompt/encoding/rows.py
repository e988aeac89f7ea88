"""Rows of embeddings that come a few at a time."""

import numpy as np

from audioprompt.core.zero_shot import Array


class Rows:
    """Rows of numbers that come a few at a time, kept in one place.

    A long clip's, each where there was room between two passes of a net, would keep the memory of the passes in pieces.
    """

    def __init__(self) -> None:
        self._rows, self._count = np.empty((0, 0), np.float32), 0

    def add(self, rows: Array) -> None:
        """Put rows behind those that are there, ``[n, D]``."""
        if not len(rows):
            return
        count = self._count + len(rows)
        if count > len(self._rows):
            kept, self._rows = self._rows[: self._count], np.empty((2 * count, rows.shape[1]), np.float32)
            self._rows[: len(kept)] = kept.reshape(len(kept), rows.shape[1])
        self._rows[self._count : count], self._count = rows, count

    def take(self) -> Array:
        """Return all of them, ``[N, D]``, and begin anew."""
        taken, self._count = self._rows[: self._count].copy(), 0
        return taken

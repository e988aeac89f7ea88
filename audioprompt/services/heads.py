"""Fitted heads in use: kept in memory, by an id that a page can hold."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING
from uuid import uuid4

from audioprompt.util.fair import to_make_room

if TYPE_CHECKING:
    from audioprompt.few_shot.heads import SharedHead

HEADS_KEPT, HEADS_OF_ONE = 64, 8


class Heads:
    """Fitted heads by an id that a page can hold; where there are too many, whoever keeps most makes room.

    Args:
        capacity: how many are kept, besides those kept for good.
        each: how many of them for one person.
    """

    def __init__(self, capacity: int = HEADS_KEPT, each: int = HEADS_OF_ONE) -> None:
        self.capacity, self.each = capacity, each
        self._kept: OrderedDict[str, SharedHead] = OrderedDict()
        self._owners: dict[str, str] = {}
        self._for_good: dict[str, SharedHead] = {}
        self._lock = Lock()

    def keep(self, head: SharedHead, for_good: bool = False, owner: str = "") -> str:
        """Keep a head, for good or until it makes room, for a visitor or for the house; its id."""
        key = uuid4().hex
        with self._lock:
            if for_good:
                self._for_good[key] = head
                return key
            self._kept[key], self._owners[key] = head, owner
            owners = {one: self._owners[one] for one in self._kept}
            for gone in to_make_room(owners, self.capacity, self.each):
                del self._kept[gone], self._owners[gone]
        return key

    def get(self, key: str) -> SharedHead | None:
        """Return a head by its id; None where it has made room, or the program was started anew."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key) or self._for_good.get(key)


HEADS = Heads()

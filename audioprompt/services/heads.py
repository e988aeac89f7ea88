"""Fitted heads in use: kept in memory, by an id that a page can hold."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING
from uuid import uuid4

from audioprompt.core.labels import label_key
from audioprompt.few_shot.methods import title_of
from audioprompt.few_shot.settings import FewShotError
from audioprompt.util.fair import to_make_room
from audioprompt.util.text import joined

if TYPE_CHECKING:
    from audioprompt.few_shot.base import Head
    from audioprompt.few_shot.heads import SharedHead
    from audioprompt.models.base import AudioTextModel

logger = logging.getLogger(__name__)

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


def fitting_head(head_id: str, model: AudioTextModel, labels: Sequence[str]) -> Head | None:
    """Return the fitted head that answers as well; None where none is in use.

    Raises:
        FewShotError: it is gone, or does not answer for these labels or with this model.
    """
    if not head_id:
        return None
    if (kept := HEADS.get(head_id)) is None:
        raise FewShotError("The fitted head is no longer there: fit it again.")
    if unfit := kept.misfit(model, labels):
        raise FewShotError(unfit)
    return kept.head


@dataclass(frozen=True)
class HeadInUse:
    """What is to be known of the fitted head in use.

    Attributes:
        name: what it is and which sounds it tells apart, or that it is gone, a sentence.
        problem: why it does not answer, a sentence; empty where it does.
        other_labels: whether it is for other labels than those given.
    """

    name: str
    problem: str = ""
    other_labels: bool = False


def describe_head(head_id: str, labels: Sequence[str], model_name: str) -> HeadInUse | None:
    """Describe the fitted head in use; None where there is none.

    Args:
        head_id: its id, empty for none.
        labels: to choose between now.
        model_name: the model that answers.
    """
    if not head_id:
        return None
    if (kept := HEADS.get(head_id)) is None:
        return HeadInUse("The learned head is no longer there. Train it again in Learn.")
    record = kept.record
    other = set(map(label_key, labels)) != set(map(label_key, record.classes))
    problem = "It does not answer for the present labels." if other else ""
    if record.model != model_name:
        problem = f"It was made for the model {record.model} and does not answer with this one."
    return HeadInUse(f"{title_of(record.method)} head in use, for {joined(record.classes)}.", problem, other)


def load_heads(folders: Sequence[Path], model: AudioTextModel) -> list[str]:
    """Keep saved heads for good, those that a model can use, and return their ids."""
    from audioprompt.few_shot.heads import load_head  # with torch, which a page without heads need not load

    ids = []
    for folder in folders:
        try:
            ids.append(HEADS.keep(load_head(folder, model), for_good=True))
        except FewShotError as error:
            logger.warning("%s is not offered: %s", folder, error)
    return ids


def first_head_for(ids: Sequence[str], labels: Sequence[str]) -> str:
    """Return the first of some heads that tells these labels apart, the first of all without labels; else empty."""
    wanted = set(map(label_key, labels))
    known = ((head_id, HEADS.get(head_id)) for head_id in ids)
    return next((one for one, kept in known if kept and wanted in (set(), set(map(label_key, kept.head.classes)))), "")

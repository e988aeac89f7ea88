"""What to measure: a pack, on which clips, and how these are divided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audioprompt.data import DEMONSTRATION, VILLAGE, DataError, LabelledClips, demonstration, split
from audioprompt.prompts.generators import OfflineLexicon, Task, as_pack
from audioprompt.prompts.pack import PackError

if TYPE_CHECKING:
    from audioprompt.prompts.pack import PromptPack
    from audioprompt.prompts.store import PromptStore

Remembered = dict[str, dict[str, Any]]  # the clips of each pack as a browser keeps them, those used last at the end

PACKS_REMEMBERED = 50
DEMONSTRATION_PACK = "village-demonstration"


@dataclass(frozen=True)
class Split:
    """How clips are divided into those that are looked at while choosing, and those held out.

    Attributes:
        folds: those to look at; None to divide at random, by source recording.
        fraction: of the clips to look at, where there are no folds.
        seed: of the random division.
    """

    folds: tuple[int, ...] | None = None
    fraction: float = 0.5
    seed: int = 0

    @classmethod
    def suggested(cls, clips: LabelledClips) -> Split:
        """Return the first half of the folds where there are two or more, rounded up; else half of the recordings.

        Folds that part what was recorded together divide nothing fairly, so that they count as none.
        """
        folds = [] if clips.folds_part_recordings else sorted(set(clips.folds or ()))
        return cls(folds=tuple(folds[: (len(folds) + 1) // 2])) if len(folds) > 1 else cls()

    def divide(self, clips: LabelledClips) -> tuple[LabelledClips, LabelledClips]:
        """Return the clips to look at, and those held out.

        Raises:
            DataError: they cannot be divided like this.
        """
        return split(clips, self.fraction, self.folds, self.seed)

    def name(self, part: LabelledClips, held_out: bool = False) -> str:
        """Return what a part is called: ``folds 1, 2``; ``50 % (seed 0)`` and ``the other 50 % (seed 0)``."""
        if self.folds is not None:
            return name_of_folds(part)
        percent = f"the other {100 - 100 * self.fraction:.0f}" if held_out else f"{100 * self.fraction:.0f}"
        return f"{percent} % (seed {self.seed})"


def name_of_folds(clips: LabelledClips) -> str:
    """``fold 1``, ``folds 1, 2``; ``all clips`` where there are no folds."""
    folds = sorted(set(clips.folds or ()))
    return f"fold{'s' * (len(folds) > 1)} {', '.join(map(str, folds))}" if folds else "all clips"


@dataclass(frozen=True)
class Setup:
    """What to measure.

    Attributes:
        pack_id: the pack.
        data: where the clips are, as `open_clips` takes it.
        split: how to divide them; None for what suits them.
        model: name of the model.
        skip_bad: whether to leave out recordings that cannot be used.
    """

    pack_id: str
    data: str
    split: Split | None
    model: str
    skip_bad: bool = False

    def remember(self, split: Split, remembered: Remembered) -> Remembered:
        """Add these clips, divided like this, to those that a browser keeps; the oldest make room."""
        now = fields_of(self.data, split) | ({"skip_bad": True} if self.skip_bad else {})
        return remember_clips(self.pack_id, now, remembered)


def remember_clips(pack_id: str, clips: dict[str, Any], remembered: Remembered) -> Remembered:
    """Add a pack's clips to those that a browser keeps; without a division they are divided as suits them.

    Args:
        pack_id: the pack; empty for any that was not measured yet.
        clips: as `fields_of` returns them.
        remembered: what the browser keeps.
    """
    others = [(other, old) for other, old in remembered.items() if other != pack_id]
    return dict([*others[1 - PACKS_REMEMBERED :], (pack_id, clips)])


def has_new_clips(pack_id: str, remembered: Remembered) -> bool:
    """Whether clips were named for a pack that it was not measured on: these are not divided yet."""
    return pack_id in remembered and "folds" not in remembered[pack_id]


def fields_of(data: str, split: Split) -> dict[str, Any]:
    """Return clips and their division as they are typed and remembered."""
    folds = ", ".join(map(str, split.folds or ()))
    return {"data": data, "folds": folds, "share": round(100 * split.fraction), "seed": split.seed}


def parse_split(folds: str, percent: float, seed: float) -> Split:
    """Read how to divide clips; no folds for a division at random.

    Raises:
        DataError: the folds are not whole numbers.
    """
    try:
        numbers = tuple(sorted({int(part) for part in folds.replace(",", " ").split()}))
    except ValueError:
        raise DataError(f"folds are whole numbers separated by commas, like 1, 2, not {folds!r}") from None
    return Split(numbers or None, percent / 100, int(seed or 0))


def parse_changed_split(data: str, folds: str, percent: float, seed: float, remembered: Remembered) -> Split | None:
    """Read how to divide clips that were named.

    Where others were named than last time and nothing was said of how to divide them, they are divided as suits them.

    Raises:
        DataError: the folds are not whole numbers.
    """
    last: dict[str, Any] = next(reversed(remembered.values()), {})
    new = data != last.get("data") or "folds" not in last
    if new and folds.strip() == last.get("folds", ""):
        return None
    return parse_split(folds, percent, seed)


def recall_setup(pack: PromptPack, remembered: Remembered, model: str) -> Setup | None:
    """Find the clips to measure a pack on.

    These are the clips it was measured on last; for the pack to try curation with and for instruments those that come
    with audioprompt; or those of the pack measured last, unless they come with audioprompt.
    """
    own = remembered.get(pack.id)
    if own is None and pack.id == DEMONSTRATION_PACK:
        return Setup(pack.id, VILLAGE, None, model)
    if own is None and pack.category == "instruments":
        return Setup(pack.id, DEMONSTRATION, None, model)
    others = [clips for clips in remembered.values() if clips["data"] not in (VILLAGE, DEMONSTRATION)]
    if (clips := own or next(reversed(others), None)) is None:
        return None
    split = parse_split(clips["folds"], clips["share"], clips["seed"]) if "folds" in clips else None
    return Setup(pack.id, clips["data"], split, model, bool(own and own.get("skip_bad")))


def demonstration_pack(store: PromptStore) -> str:
    """Return the id of the pack to try curation with: candidates from the offline lexicon for sounds of a village.

    It is written when it is first asked for.

    Raises:
        PackError: it cannot be written.
    """
    if DEMONSTRATION_PACK not in store.ids():
        lexicon, task = OfflineLexicon(), Task(None, demonstration(VILLAGE).spoken_classes)
        candidates = lexicon.candidates(task, lexicon.ideas(task))
        pack = as_pack(task, candidates, lexicon, DEMONSTRATION_PACK, "Sounds of a village, to try curation with")
        try:
            store.create(pack)
        except PackError:
            if DEMONSTRATION_PACK not in store.ids():  # else another page was faster
                raise
    return DEMONSTRATION_PACK

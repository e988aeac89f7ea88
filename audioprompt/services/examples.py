"""With which clip, labels and prompts Classify begins, and what each example sets."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from audioprompt.core.labels import join_labels, label_key
from audioprompt.data.examples import Example, examples, fitting
from audioprompt.prompts.store import PromptStore
from audioprompt.services.packs import suitable_pack


@dataclass(frozen=True)
class Opening:
    """What is to be classified.

    Attributes:
        sound: the clip; None for none.
        labels: to choose between, as they are typed.
        pack_id: the pack of prompts.
    """

    sound: Path | None
    labels: str
    pack_id: str


def suits(example: Example, labels: Sequence[str]) -> bool:
    """Whether these labels are an example's own, or have the right one among them."""
    return bool(fitting([example], labels)) or set(map(label_key, example.labels)) == set(map(label_key, labels))


def open_example(store: PromptStore, example: Example, at_hand: Sequence[str] = ()) -> Opening:
    """Return what an example sets: its clip, the pack that suits it, and its labels or those at hand that suit it."""
    labels = at_hand if at_hand and suits(example, at_hand) else example.labels
    return Opening(example.path, join_labels(labels), suitable_pack(store, example.category))


def opening_for(store: PromptStore, labels: Sequence[str], typed: str = "", needed: bool = False) -> Opening:
    """Return what a page opens with: the first example that suits its labels, or any with the example's own.

    Labels of one's own begin without a clip where no example suits them: naming it would be nonsense.

    Args:
        store: of the packs.
        labels: of the page, none for an example's.
        typed: the same as they are typed.
        needed: whether it opens with a clip in any case.
    """
    clips = examples()
    first = next((one for one in clips if not labels or suits(one, labels)), None)
    opening = open_example(store, first or clips[0])
    sound = opening.sound if first or needed else None
    return Opening(sound, typed or opening.labels, opening.pack_id)

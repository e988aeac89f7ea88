"""Labels in the words that a model knows: what is read in English in their place, and what it cannot read at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audioprompt.core.dictionary import translate_list, translate_script
from audioprompt.core.labels import clean_label
from audioprompt.util.text import named

if TYPE_CHECKING:
    from audioprompt.models.base import AudioTextModel


@dataclass(frozen=True)
class ReadLabels:
    """Labels as a model reads them.

    Attributes:
        labels: as a person wrote them, C.
        spoken: what prompts are filled with in their place, C.
        unknown: those that the model cannot read, and that the dictionary does not have.
    """

    labels: tuple[str, ...]
    spoken: tuple[str, ...]
    unknown: tuple[str, ...] = ()

    @property
    def translated(self) -> tuple[tuple[str, str], ...]:
        """The labels that are read in English, and how."""
        pairs = zip(self.labels, self.spoken, strict=True)
        return tuple((label, spoken) for label, spoken in pairs if label != spoken)

    @property
    def translation(self) -> str | None:
        """Which labels are translated and how, in sentences; None where none is."""
        if not self.translated:
            return None
        pairs = named([f"{label} → {spoken}" for label, spoken in self.translated])
        return f"This model reads English best, so these labels are translated: {pairs}. Edit what is not meant."

    @property
    def notices(self) -> tuple[str, ...]:
        """What people should know of it, a sentence or two each."""
        notices = [self.translation] if self.translation else []
        if self.unknown:
            notices.append(
                f"The model does not know these words: {named(self.unknown)}. Its answer is arbitrary there. Describe "
                "them in English."
            )
        return tuple(notices)


def read_labels(model: "AudioTextModel", labels: Sequence[str]) -> ReadLabels:
    """Find the words in which a model reads labels: their own wherever it can.

    What is in a script that it does not know is looked up in the dictionary. So is a list in German, French or Spanish,
    for of what models read in Latin script they know English best. A model that does not tell what it knows is taken
    to know everything.
    """
    tokenizer: Any = getattr(getattr(model, "text", None), "tokenizer", None)
    if not hasattr(tokenizer, "knows"):
        return ReadLabels(tuple(labels), tuple(labels))
    english = translate_list(labels)
    strange = [label for label in labels if not tokenizer.knows(clean_label(label))]
    english |= {label: found for label in strange if (found := translate_script(label))}
    unknown = tuple(label for label in strange if label not in english)
    return ReadLabels(tuple(labels), tuple(english.get(label, label) for label in labels), unknown)


def warn_of_words(model: "AudioTextModel", classes: Sequence[str]) -> tuple[str, ...]:
    """Tell which names of classes a model does not know, in sentences; prompts are filled with them nevertheless."""
    read = read_labels(model, classes)
    strange = (*read.unknown, *(f"{label} ({spoken})" for label, spoken in read.translated))
    if not strange:
        return ()
    return (f"The model does not know these class names: {named(strange)}. Name the classes in English.",)

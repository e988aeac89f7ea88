"""One clip, one list of labels: what vanilla prompting says and what an ensemble of templates says.

The app, the command line and the service all answer through `classify`, so they answer alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from audioprompt.audio.recording import AudioSource
from audioprompt.core.labels import LabelError as LabelError
from audioprompt.core.labels import LabelList as LabelList
from audioprompt.core.labels import as_labels
from audioprompt.core.labels import parse_labels as parse_labels
from audioprompt.core.timeline import Event, Timeline
from audioprompt.core.zero_shot import Array, Prediction, cosines, ensemble_weights, predict, softmax
from audioprompt.prompts.template import Template, as_templates
from audioprompt.services.prompts import PROMPTS as PROMPTS
from audioprompt.services.prompts import PromptCache as PromptCache
from audioprompt.services.prompts import read_prompts as read_prompts
from audioprompt.services.rejection import Presence, Verdict, recognise_by_head, recognise_by_words
from audioprompt.services.timeline import follow
from audioprompt.services.words import ReadLabels, read_labels
from audioprompt.util.text import counted, named

if TYPE_CHECKING:
    from audioprompt.encoding.encoder import EmbeddedClip
    from audioprompt.few_shot.base import Head
    from audioprompt.models.base import AudioTextModel

ALIKE = 0.98  # cosine of two labels beyond which a model cannot tell them apart; synonyms stay below
FEW_SECONDS = 3.0  # a recording that is longer has a course
LONGEST_SECONDS = 600.0  # of one recording that is classified


# --- one clip ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Vote:
    """What one template says on its own.

    Attributes:
        prompt: the template, filled with the label it chose.
        label: the label it chose.
        probability: of that label, by this template alone.
    """

    prompt: str
    label: str
    probability: float


@dataclass(frozen=True)
class Classification:
    """What is heard in one clip.

    Attributes:
        seconds: length of the clip.
        vanilla: the answer of the one plain template, N = 1.
        ensemble: the answer of all templates together, N = 1.
        votes: what each template says alone, in the templates' order.
        learned: the answer of a fitted head, N = 1; None where there is no such head.
        notices: what people should know of the recording and of the labels, a sentence each.
        alike: groups of labels that the model reads as the same, which it cannot tell apart.
        read: the labels in the words that the model reads, and those that it cannot read.
        verdict: whether the clip is any of the labels; None where that cannot be judged.
        presences: which labels are heard anywhere in it, where several may be, the likeliest first.
        embedding: what the model hears in the whole clip, ``[D]``.
        timeline: what is heard when, by the head where there is one, else by the ensemble.
    """

    seconds: float
    vanilla: Prediction
    ensemble: Prediction
    votes: tuple[Vote, ...]
    learned: Prediction | None = None
    notices: tuple[str, ...] = ()
    alike: tuple[tuple[str, ...], ...] = ()
    read: ReadLabels | None = None
    verdict: Verdict | None = None
    presences: tuple[Presence, ...] = ()
    embedding: Array = field(default_factory=lambda: np.empty(0, np.float32), repr=False)
    timeline: Timeline | None = field(default=None, repr=False)

    @property
    def answer(self) -> str:
        """The label to show first: the fitted head's where there is one, else the ensemble's."""
        return winner(self.learned or self.ensemble)

    @property
    def known(self) -> bool:
        """Whether the clip is any of the labels, as far as that can be judged."""
        return self.verdict is None or self.verdict.known

    @property
    def headline(self) -> str:
        """What to show first: the label, or that it is none of them."""
        return self.verdict.words(self.answer) if self.verdict else self.answer

    def events(self, several: bool = False) -> list[Event]:
        """Return what is heard when, where more than one label may be heard at once or not."""
        return self.timeline.events(several) if self.timeline else []

    @property
    def is_long(self) -> bool:
        """Whether it is worth telling what is heard when."""
        return self.seconds > FEW_SECONDS and self.timeline is not None and len(self.timeline.winners) > 1

    @property
    def agree(self) -> bool:
        """Whether both methods choose the same label."""
        return bool(self.vanilla.winners[0] == self.ensemble.winners[0])

    @property
    def words(self) -> str:
        """What a fitted head says, if there is one, and agreement or disagreement of the two methods, in sentences."""
        return f"The fitted head says {winner(self.learned)}. {self._compared}" if self.learned else self._compared

    @property
    def _compared(self) -> str:
        first, second = (winner(prediction) for prediction in (self.vanilla, self.ensemble))
        count = sum(vote.label == second for vote in self.votes)
        prompts = f"{count} of {counted(len(self.votes), 'prompt')}"
        says = "says" if count == 1 else "say"
        unreadable = self.alike or (self.read and self.read.unknown)
        if self.agree and (self.learned or unreadable or not self.known):  # agreement means nothing then
            return f"Vanilla and {prompts} {says.removesuffix('s')} {second}."
        if self.agree:
            return f"They agree: {prompts} {says} {second}."
        return f"They disagree: vanilla says {first}, but {prompts} {says} {second}."


def winner(prediction: Prediction, clip: int = 0) -> str:
    """Return the label a prediction chooses for one clip."""
    return prediction.labels[prediction.winners[clip]]


def ranked(prediction: Prediction, clip: int = 0) -> list[tuple[str, float]]:
    """All labels with their probabilities for one clip, the most probable first."""
    order = np.argsort(-prediction.probabilities[clip], kind="stable")
    return [(prediction.labels[index], float(prediction.probabilities[clip, index])) for index in order]


def alike_labels(labels: Sequence[str], vanilla: Array, ensemble: Array) -> tuple[tuple[str, ...], ...]:
    """Find groups of labels that a model reads as the same, in either method: ``[1, C, D]``, ``[K, C, D]``.

    Models read few languages, and some make the same of every word that they do not know.
    """
    weights = (vanilla[0], ensemble_weights(ensemble))
    same = np.maximum(*(cosines(one, one) for one in weights)) > ALIKE
    np.fill_diagonal(same, True)
    groups: dict[int, list[str]] = {}
    for row, label in zip(same, labels, strict=True):
        groups.setdefault(int(row.argmax()), []).append(label)  # with the first that is the same
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def say_words(read: ReadLabels, alike: Sequence[Sequence[str]]) -> list[str]:
    """Tell which labels are translated, unknown or the same to a model, and what to do, in sentences."""
    known = [group for group in alike if not set(group) <= set(read.unknown)]
    return [*read.notices, *map(say_alike, known)]


def say_alike(group: Sequence[str]) -> str:
    """Tell that a model cannot tell some labels apart, and what to do, in sentences."""
    return f"To the model these labels mean the same: {named(group)}. Describe them in other words, best in English."


def classify(
    model: "AudioTextModel",
    source: AudioSource,
    labels: str | Sequence[str],
    templates: "str | Template | Sequence[str | Template]",
    name: str | None = None,
    head: "Head | None" = None,
    tick: Callable[[float], None] | None = None,
) -> Classification:
    """Classify one recording with the vanilla template and with an ensemble of templates.

    Args:
        model: what hears and reads.
        source: the recording, in any form that `audioprompt.audio` takes.
        labels: the C labels to choose between, or a text as `parse_labels` reads it.
        templates: the K templates of the ensemble, or texts of them.
        name: what to call the recording in an error.
        head: a head fitted for these labels on this model's embeddings, to answer as well.
        tick: told again and again how many seconds were heard.

    Raises:
        AudioError: the recording cannot be used, or is silent or too short, so that there is nothing to name.
        LabelError: there is no label, or one is missing.
        ValueError: there is no template, or a text is none.
    """
    from audioprompt.encoding.frames import embed_to_name_over_time

    labels, templates = as_labels(labels), as_templates(templates)
    if not templates:
        raise ValueError("There is no template: choose a pack that has approved templates.")
    notices: list[str] = []
    clip, frames = embed_to_name_over_time(model, source, name, notices.append, tick)
    read = read_labels(model, labels)
    vanilla, ensemble = read_prompts(model, templates, read.spoken)
    found = _label_as(read, judge(clip, vanilla, ensemble, read.spoken, templates, model, head))
    alike = alike_labels(labels, vanilla, ensemble)
    found = replace(found, alike=alike, notices=(*notices, *say_words(read, alike)))
    weights = ensemble_weights(ensemble)
    by_words = recognise_by_words(model, weights, labels)
    judging = recognise_by_head(model, head) if head else by_words
    if by_words and judging:
        presences = by_words.judge_each(clip.heard, labels)
        found = replace(found, verdict=judging.judge(clip.pooled), presences=presences)
    if head:
        said = head.prediction(frames.embeddings)
    else:  # as one prompt: of how each votes in each moment nobody asks, and a night has a hundred thousand
        said = predict(frames.embeddings, weights[np.newaxis], read.labels, model.logit_scale)
    return replace(found, timeline=follow(frames, said, judging))


def _label_as(read: ReadLabels, found: Classification) -> Classification:
    """Give a classification the labels as a person wrote them, in place of the words that the model read."""
    if not read.translated:
        return replace(found, read=read)
    choices = found.ensemble.votes[:, 0]
    return replace(
        found,
        vanilla=replace(found.vanilla, labels=read.labels),
        ensemble=replace(found.ensemble, labels=read.labels),
        votes=tuple(
            replace(vote, label=read.labels[choice]) for vote, choice in zip(found.votes, choices, strict=True)
        ),
        read=read,
    )


def judge(
    clip: "EmbeddedClip",
    vanilla: Array,
    ensemble: Array,
    labels: Sequence[str],
    templates: Sequence[Template],
    model: "AudioTextModel",
    head: "Head | None" = None,
) -> Classification:
    """Do the arithmetic of `classify`, on a clip and prompts that are embedded already.

    Args:
        clip: W windows of D dimensions.
        vanilla: the vanilla template's prompts, ``[1, C, D]``.
        ensemble: the templates' prompts, ``[K, C, D]``.
        labels: the C labels.
        templates: the K templates.
        model: for its logit scale and the length of its window; it is not run.
        head: a head fitted for these labels.
    """
    logit_scale = model.logit_scale
    pooled = clip.pooled[np.newaxis]
    alone = softmax(logit_scale * cosines(pooled, ensemble))[:, 0]  # [K, C]
    votes = tuple(
        Vote(template.fill(labels[choice]), labels[choice], float(row[choice]))
        for template, row, choice in zip(templates, alone, alone.argmax(axis=-1), strict=True)
    )
    return Classification(
        seconds=clip.seconds,
        vanilla=predict(pooled, vanilla, labels, logit_scale),
        ensemble=predict(pooled, ensemble, labels, logit_scale),
        votes=votes,
        learned=head.prediction(pooled) if head else None,
        embedding=clip.pooled,
        alike=alike_labels(labels, vanilla, ensemble),
    )

"""The live microphone: what the page shows while it listens.

It is drawn twice a second, so as markup whose changed parts glide, not as figures drawn anew.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from audioprompt.core.zero_shot import Prediction
from audioprompt.prompts.pack import PromptPack
from audioprompt.prompts.template import VANILLA
from audioprompt.services.classify import PROMPTS, alike_labels, ranked, say_words
from audioprompt.services.live import MINUTE, Band, Hearing, Moment, add, answer
from audioprompt.services.words import ReadLabels, read_labels
from audioprompt.ui import theme
from audioprompt.ui.charts import TOP
from audioprompt.ui.markup import VANILLA_NAME, empty, learned_name, method_name
from audioprompt.ui.render import render
from audioprompt.util.lru import Recent

if TYPE_CHECKING:
    from audioprompt.few_shot.base import Head
    from audioprompt.models.base import AudioTextModel

STREAM_EVERY = 0.5  # seconds between two chunks of the microphone: each costs an upload, whatever its length
REST_SECONDS = 1.0  # of sound from one answer to the next, while others wait for the model
LISTS_KEPT = 50  # of labels, as models read them
METER_DECIBELS = -60.0  # where the level meter begins

LATE_CHUNKS = "/gradio_api/stream/"  # where Gradio sends what was still under way when Stop was pressed

START = empty("Press Record: both methods then name what the microphone hears, twice a second.")


@dataclass(frozen=True)
class Asked:
    """What a microphone is heard for.

    Attributes:
        labels: to choose between, as `parse_labels` gives them.
        pack: the ensemble's templates.
        head: a head fitted for these labels.
        notice: what else is to be said, as a sentence.
    """

    labels: Sequence[str]
    pack: PromptPack
    head: "Head | None" = None
    notice: str | None = None


def listen(
    model: "AudioTextModel", hearing: Hearing, chunk: tuple[int, NDArray[Any]], asked: Asked
) -> tuple[Hearing, str | None]:
    """Add a chunk of the microphone and show what is heard now; less often while others wait for the model as well.

    Args:
        model: what hears.
        hearing: what was heard before, ``Hearing()`` at first.
        chunk: sample rate and samples, as a microphone gives them.
        asked: what it is heard for.

    Returns:
        What has been heard by now, and the live view as HTML, None where it stays as it is.

    Raises:
        AudioError: the chunk cannot be used.
    """
    from audioprompt.encoding.batching import TOGETHER

    started = time.perf_counter()
    hearing = add(hearing, *chunk)
    seconds = hearing.seconds - (hearing.bands[-1].end if hearing.bands else 0.0)  # since the last answer
    if TOGETHER.busy and hearing.bands and seconds < REST_SECONDS:
        return hearing, None
    labels, head, read = asked.labels, asked.head, _read(model, asked.labels)
    vanilla, ensemble = (PROMPTS.get(model, templates, read.spoken) for templates in ([VANILLA], asked.pack.approved))
    hearing, moment = answer(hearing, seconds, model, vanilla, ensemble, labels, head)
    said = " ".join(filter(None, (asked.notice, *say_words(read, alike_labels(labels, vanilla, ensemble)))))
    milliseconds = 1000 * (time.perf_counter() - started)
    columns = [
        (VANILLA_NAME, theme.VANILLA, moment.vanilla),
        (method_name(asked.pack), theme.TSPE, moment.ensemble),
        *([(learned_name(head), theme.PALM, moment.learned)] if head else []),
    ]
    return hearing, view(hearing, moment, columns, labels, milliseconds, said or None)


def _read(model: "AudioTextModel", labels: Sequence[str]) -> ReadLabels:
    """As `read_labels`, which a microphone would ask the same twice a second."""
    key = (model.name, model.revision, tuple(labels))
    return _READ.get(key) or _READ.put(key, read_labels(model, labels))


_READ: Recent[ReadLabels] = Recent(LISTS_KEPT)


def in_line(place: int, places: int, seconds: float) -> str:
    """Return what somebody sees who has to wait: their place in the line."""
    return empty(
        f"{places} microphones are heard at once here, and all of them are taken. You are number {place} in line: keep "
        f"recording, and your turn comes by itself. While others wait, a turn lasts {seconds:.0f} seconds."
    )


def view(
    hearing: Hearing,
    moment: Moment,
    methods: Sequence[tuple[str, str, Prediction | None]],
    labels: Sequence[str],
    milliseconds: float,
    notice: str | None = None,
) -> str:
    """Return the live view: what is heard in large, the methods' bars, the level and the last minute.

    Args:
        hearing: what has been heard by now.
        moment: what is heard right now.
        methods: name, colour and answer of each; no answer when it is quiet.
        labels: the C labels.
        milliseconds: that the answer took.
        notice: what else is to be said, as a sentence.
    """
    answered = [one for one in methods if one[2]]
    return render(
        "live/template.html",
        "view",
        heard=moment.headline,
        known=moment.known,
        methods=[{"name": name, "colour": colour, "bars": _bars(found)} for name, colour, found in answered or methods],
        level={
            "decibels": moment.decibels,
            "least": round(METER_DECIBELS),
            "fraction": min(max(1 - moment.decibels / METER_DECIBELS, 0.0), 1.0),
        },
        minute=_last_minute(hearing, labels),
        milliseconds=milliseconds,
        notice=notice,
    )


def pass_over() -> dict[str, str]:
    """Answer a chunk that comes after its recording, which would be an error in the browser's console otherwise."""
    return {"msg": "closed"}


def _bars(prediction: Prediction | None) -> Sequence[tuple[str, float | None]]:
    """Return what was found, the most probable first; places for it where there is nothing."""
    return ranked(prediction)[:TOP] if prediction else [("–", None)] * TOP  # noqa: RUF001, what stands for nothing


def _last_minute(hearing: Hearing, labels: Sequence[str]) -> dict[str, Any]:
    """Return the bands of the last minute, and which colour is which label."""
    colours = {label: theme.LABEL_COLOURS[index % len(theme.LABEL_COLOURS)] for index, label in enumerate(labels)}
    begin = hearing.seconds - MINUTE
    recent = dict.fromkeys(band.label for band in reversed(hearing.bands) if band.label)
    return {
        "bands": [_band(band, begin, colours) for band in hearing.bands],
        "key": [(label, colours.get(label, theme.QUIET)) for label in recent],
    }


def _band(band: Band, begin: float, colours: dict[str, str]) -> dict[str, Any]:
    left = max(band.start - begin, 0.0)
    return {
        "name": band.label or "quiet",
        "left": left / MINUTE,
        "width": (band.end - begin - left) / MINUTE,
        "colour": colours.get(band.label, theme.QUIET) if band.label else theme.QUIET,
    }

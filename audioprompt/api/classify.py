"""Name what is heard in a recording, by prompts or by a fitted head."""

from typing import Literal

from audioprompt.api.inputs import Answer, File, Name, Text, approved_templates
from audioprompt.audio.decode import read
from audioprompt.core.labels import parse_labels
from audioprompt.data.events import EVENT_FORMATS
from audioprompt.models import registry
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.services.classify import LONGEST_SECONDS, ranked, winner
from audioprompt.services.classify import classify as hear
from audioprompt.services.rejection import recognise_by_head
from audioprompt.services.views import as_dict, known_as_dict

EventForm = Literal[("", *EVENT_FORMATS.names)]  # type: ignore[valid-type]


def classify(
    sound: File,
    labels: Text,
    pack: Name = "",
    model: Name = "embedded",
    several: bool = False,
    form: EventForm = "",
    context: Context = IN_PROCESS,
) -> Answer:
    """Name what is heard in a recording, without training: which of your labels fits it best.

    One plain prompt ("vanilla") and an ensemble of prompts answer side by side. A recording that is silent or too short is refused.

    Args:
        sound: The recording: WAV, FLAC, Ogg, MP3, M4A or WebM, up to ten minutes.
        labels: 2 to 200 labels to choose between, separated by commas, semicolons or line breaks, like "rain, sea waves, dog bark"; put those that hold a comma in quotes, or give a JSON list.
        pack: The prompt pack whose approved templates form the ensemble, an id that `packs` lists; the general one if left out.
        model: The model that hears, a name that `models` lists.
        several: Whether more than one label may be heard at once in `events`.
        form: Write the events as text as well, as another program reads them: audacity, raven, csv, json or rttm.

    Returns:
        label, the ensemble's answer; known, whether the recording is any of the labels, with its score and the threshold; heard, for each label whether it is heard, where more than one may be; words, how far both agree; probabilities of each label by vanilla and by ensemble; votes, what each prompt says alone; events, what is heard when, each with start and end in seconds, label and probability; written, these in the form that was asked for; warnings, what is wrong with the recording or the labels.
    """  # noqa: E501, Gradio reads one line of each
    chosen, templates, encoder = (
        parse_labels(labels).labels,
        approved_templates(pack, context),
        context.model(model),
    )
    heard = hear(encoder, read(sound, encoder.sample_rate, max_seconds=LONGEST_SECONDS), chosen, templates)
    events = heard.events(several)
    return {
        "label": winner(heard.ensemble),
        "words": heard.words,
        "seconds": heard.seconds,
        **known_as_dict(heard.verdict),
        "heard": [as_dict(one) for one in heard.presences],
        "vanilla": dict(ranked(heard.vanilla)),
        "ensemble": dict(ranked(heard.ensemble)),
        "votes": [as_dict(vote) for vote in heard.votes],
        "events": [as_dict(event) for event in events],
        **({"written": EVENT_FORMATS[form].write(events, sound.name)} if form else {}),
        "warnings": heard.notices,
    }


def predict(sound: File, head: Name = "", head_file: File | None = None, context: Context = IN_PROCESS) -> Answer:
    """Name what is heard in a recording by a head that was fitted on labelled clips, as `learn` does.

    Args:
        sound: The recording: WAV, FLAC, Ogg, MP3, M4A or WebM, up to ten minutes.
        head: The id of a head, as `learn` gives it; heads are kept for a while.
        head_file: In place of an id the head's file, head.safetensors.

    Returns:
        label; known, whether the recording is any of the head's classes, with its score and the threshold; probabilities of each of the head's classes; the head's method and its model; warnings, what is wrong with the recording.
    """  # noqa: E501
    from audioprompt.encoding.encoder import embed_to_name
    from audioprompt.few_shot.heads import load_head, read_record
    from audioprompt.few_shot.settings import FewShotError
    from audioprompt.services.heads import HEADS

    if head_file is not None:
        encoder = context.model(read_record(head_file).model)
        fitted = load_head(head_file, encoder).head
    elif kept := HEADS.get(head):
        encoder, fitted = context.model(kept.record.model), kept.head
    else:
        raise FewShotError("No head with this id (it may have expired). Train one or upload a head file.")
    recording = read(sound, encoder.sample_rate, max_seconds=LONGEST_SECONDS)
    clip = embed_to_name(encoder, recording).pooled
    found, recogniser = fitted.prediction(clip[None]), recognise_by_head(encoder, fitted)
    return {
        "label": winner(found),
        "probabilities": dict(ranked(found)),
        **known_as_dict(recogniser.judge(clip) if recogniser else None),
        "method": fitted.method,
        "model": encoder.name,
        "warnings": recording.notices,
    }


def models() -> list[Answer]:
    """List the audio-language models that can hear and read.

    Returns:
        Of each its name, description, size and licence.
    """
    return [
        {"name": one.name, "description": one.description, "size": one.size, "licence": one.licence}
        for one in registry.MODELS
    ]

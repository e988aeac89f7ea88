"""What commands take, and what they make of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audioprompt.cli.commands import UsageError
from audioprompt.cli.output import Json, progress_bar, say
from audioprompt.prompts.template import Template

if TYPE_CHECKING:
    from audioprompt.core.zero_shot import Array
    from audioprompt.data import LabelledClips
    from audioprompt.models.base import AudioTextModel
    from audioprompt.prompts.pack import PromptPack

DEFAULT_PACK = "eight-templates"

ModelName = Annotated[str, typer.Option("--model", help="A name that `audioprompt models` lists.")]
Weights = Annotated[
    Path | None,
    typer.Option("--weights", help="The model's published file (or folder) on this machine."),
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1 or mps.")]
Half = Annotated[bool, typer.Option("--half", help="Half precision, on CUDA only.")]
DataPath = Annotated[
    str,
    typer.Argument(
        metavar="DATA", help="Labelled clips: a table, folder or zip, hf:owner/name[@split], or instruments to try."
    ),
]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Go on without recordings, and lines of a table, that cannot be used.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
PackIds = Annotated[
    list[str] | None, typer.Option("--pack", help=f"A pack of prompts, {DEFAULT_PACK} if none is given; repeatable.")
]
TemplateTexts = Annotated[
    list[str] | None,
    typer.Option("--template", help="A prompt with {label} or {} in it, not a pack; repeatable."),
]

# --- what the commands were given -------------------------------------------------------------------------------------


def chosen_prompts(pack_ids: Sequence[str], texts: Sequence[str] | None) -> tuple[list[PromptPack], list[Template]]:
    """The packs to use, none where templates are given, and all their approved templates, each text once."""
    if pack_ids and texts:
        raise UsageError("Give packs or templates, not both.")
    if texts:
        templates = [Template.parse(text) for text in texts]
        return [], list({template.text: template for template in templates}.values())

    from audioprompt.prompts.pack import PackError
    from audioprompt.prompts.store import PromptStore

    store = PromptStore()
    packs = [store.get(pack_id) for pack_id in dict.fromkeys(pack_ids or [DEFAULT_PACK])]
    for pack in packs:
        if not pack.approved:
            raise PackError(f"the pack {pack.id} has no approved prompt: approve some first")
    return packs, list({template.text: template for pack in packs for template in pack.approved}.values())


def chosen_labels(labels: str | None, preset: str | None, packs: Sequence[PromptPack]) -> Sequence[str]:
    """The labels that were typed, or those of a preset; a pack with a single preset needs no word about it."""
    from audioprompt.core.labels import LabelError, parse_labels

    presets = {name: found for pack in packs for name, found in pack.label_presets.items()}
    known = ", ".join(presets) or "none"
    if labels is not None and preset is not None:
        raise UsageError("Give --labels or --preset, not both.")
    if labels is not None:
        try:
            typed = parse_labels(labels)
        except LabelError as error:
            raise UsageError(str(error)) from error
        if typed.notice:
            say(typed.notice)
        return typed.labels
    if preset is None and len(presets) != 1:
        raise UsageError(f"Say what to listen for: --labels 'dog bark, rain', or a --preset of the pack ({known}).")
    if preset is not None and preset not in presets:
        raise UsageError(f"The pack has no preset {preset!r}; it has: {known}.")
    return presets[preset] if preset else next(iter(presets.values()))


def whole_numbers(text: str, option: str = "--folds") -> list[int]:
    try:
        return sorted({int(part) for part in text.split(",")})
    except ValueError:
        raise UsageError(f"{option} takes whole numbers separated by commas, like 1,2, not {text!r}.") from None


def existing(files: Sequence[Path]) -> list[Path]:
    """The distinct recordings that were named, before a model is loaded for them.

    Raises:
        AudioError: not one of them is there.
    """
    from audioprompt.audio.decode import AudioError

    distinct = list(dict.fromkeys(files))
    if not any(file.exists() for file in distinct):
        raise AudioError(" ".join(f"{file} does not exist: check the path." for file in distinct))
    return distinct


def recordings_in(files: Sequence[Path]) -> list[Path]:
    """The recordings that were named, and in place of each folder those in it and its folders, sorted.

    Raises:
        DataError: a folder holds none, or very many.
    """
    from audioprompt.data.clips import files_under
    from audioprompt.data.layouts import is_sound
    from audioprompt.data.tables import DataError, check_size

    found: list[Path] = []
    for file in files:
        inside = [file / path for path in files_under(file) if is_sound(path)] if file.is_dir() else [file]
        if not inside:
            raise DataError(f"{file} holds no recordings: give a folder with some")
        check_size(str(file), clips=len(inside))
        found += sorted(inside)
    return list(dict.fromkeys(found))


# --- running the model ------------------------------------------------------------------------------------------------


def load_model(name: str, weights: Path | None, device: str, half: bool) -> AudioTextModel:
    with progress_bar(f"loading {name}") as loading:
        from audioprompt.models import registry

        return registry.load(name, device, weights, half, loading)


def embed_prompts(model: AudioTextModel, templates: list[Template], labels: Sequence[str]) -> tuple[Array, Array]:
    """Embed the vanilla template, ``[C, D]``, and the others, ``[K, C, D]``, no text twice."""
    from audioprompt.classify import VANILLA
    from audioprompt.encoding.cache import EmbeddingCache
    from audioprompt.encoding.encoder import embed_prompts

    with progress_bar("prompts") as progress:
        embedded = embed_prompts(model, [VANILLA, *templates], labels, progress, EmbeddingCache())
    return embedded[0], embedded[1:]


def open_data(data: str, skip_bad: bool) -> LabelledClips:
    """Labelled clips of two classes or more."""
    from audioprompt.data import open_clips, refuse_one_class

    with progress_bar("files") as progress:
        clips = open_clips(data, progress=progress, skip_bad=skip_bad)
    refuse_one_class(clips)
    return clips


def embed_labelled(model: AudioTextModel, clips: LabelledClips, skip_bad: bool) -> tuple[LabelledClips, Array]:
    """The clips that can be used, and their embeddings, ``[N, D]``, no file twice."""
    from audioprompt.encoding.cache import EmbeddingCache
    from audioprompt.encoding.encoder import embed_labelled, pooled, tell_silence

    with progress_bar("clips") as progress:
        clips, embedded = embed_labelled(model, clips, progress, EmbeddingCache(), skip_bad)
    return tell_silence(clips, embedded), pooled(embedded)


def left_out_json(clips: LabelledClips) -> Json:
    """What a data set had besides these clips, and what people should know of it."""
    left_out = [{"name": one.name, "label": one.label, "reason": one.reason} for one in clips.left_out]
    return {"left_out": left_out, "notices": clips.remarks}

"""What commands take, and what they make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audioprompt.cli.group import UsageError
from audioprompt.cli.output import progress_bar, say
from audioprompt.core.labels import LabelError, parse_labels
from audioprompt.data.sources import list_examples
from audioprompt.models import registry
from audioprompt.prompts.pack import PackError
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import Template
from audioprompt.settings import DEVICE

if TYPE_CHECKING:
    from audioprompt.models.base import AudioTextModel
    from audioprompt.prompts.pack import PromptPack

DEFAULT_PACK = "eight-templates"

ModelName = Annotated[str, typer.Option("--model", help="Model to use, as listed by `audioprompt models`.")]
Weights = Annotated[
    Path | None,
    typer.Option("--weights", help="Load the model's weights from this file or folder."),
]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        envvar=DEVICE.name,
        show_envvar=False,
        help=f"Device to run on: auto, cpu, cuda, cuda:1 or mps. [{DEVICE.name}]",
    ),
]
Half = Annotated[bool, typer.Option("--half", help="Use half precision (CUDA only).")]
DataPath = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help=f"Labelled clips: {list_examples()}. Add @split to take one split of the hub.",
    ),
]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Skip recordings and table rows that cannot be used.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
PackIds = Annotated[
    list[str] | None, typer.Option("--pack", help=f"Prompt pack to use ({DEFAULT_PACK} by default). Can be repeated.")
]
TemplateTexts = Annotated[
    list[str] | None,
    typer.Option(
        "--template", help="Prompt to use in place of a pack, with {label} or {} for the label. Can be repeated."
    ),
]


@dataclass(frozen=True)
class ModelOptions:
    """Which model to use, and how."""

    model: ModelName = "embedded"
    weights: Weights = None
    device: Device = "auto"
    half: Half = False

    def load(self) -> AudioTextModel:
        """Load the model."""
        return load_model(self.model, self.weights, self.device, self.half)


def load_model(name: str, weights: Path | None, device: str, half: bool) -> AudioTextModel:
    """Load a model, with a bar on stderr while that takes time."""
    with progress_bar(f"loading {name}") as loading:
        return registry.load(name, device, weights, half, loading)


def choose_prompts(pack_ids: Sequence[str], texts: Sequence[str] | None) -> tuple[list[PromptPack], list[Template]]:
    """Return the packs to use, none where templates are given, and their approved templates, each text once."""
    if pack_ids and texts:
        raise UsageError("Give packs or templates, not both.")
    if texts:
        templates = [Template.parse(text) for text in texts]
        return [], list({template.text: template for template in templates}.values())

    store = PromptStore()
    packs = [store.get(pack_id) for pack_id in dict.fromkeys(pack_ids or [DEFAULT_PACK])]
    for pack in packs:
        if not pack.approved:
            raise PackError(f"The pack {pack.id} has no approved prompts: approve some first.")
    return packs, list({template.text: template for pack in packs for template in pack.approved}.values())


def choose_labels(labels: str | None, preset: str | None, packs: Sequence[PromptPack]) -> Sequence[str]:
    """Return the labels that were typed, or those of a preset; a pack's only preset need not be named."""
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
        raise UsageError(
            f"Give labels to choose between: --labels 'dog bark, rain', or a --preset of the pack ({known})."
        )
    if preset is not None and preset not in presets:
        raise UsageError(f"The pack has no preset {preset!r}; it has: {known}.")
    return presets[preset] if preset else next(iter(presets.values()))


def parse_numbers(text: str | None, option: str = "--folds") -> list[int] | None:
    """Read whole numbers separated by commas, sorted; None if nothing was given."""
    if text is None:
        return None
    try:
        return sorted({int(part) for part in text.split(",")})
    except ValueError:
        raise UsageError(f"{option} takes whole numbers separated by commas, like 1,2, not {text!r}.") from None

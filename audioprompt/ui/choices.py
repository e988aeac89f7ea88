"""What several tabs offer to choose from, and how they draw what a recorder hears."""

from collections.abc import Sequence

import gradio as gr

from audioprompt.prompts.pack import PromptPack
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.services.packs import ensembles, label_presets
from audioprompt.ui import theme

PRESET_PROMPT = "choose a list …"


def pack_choices(context: Context = IN_PROCESS) -> list[tuple[str, str]]:
    """Return the packs as a list to choose from: what is shown, and the id."""
    return [(f"{pack.title} ({len(pack.approved)})", pack.id) for pack in ensembles(context.store)]


def offer_packs(pack_id: str | None, context: Context = IN_PROCESS) -> gr.Dropdown:
    """Return the list of packs as it is now; the first takes the place of one that was chosen and is gone."""
    offered = pack_choices(context)
    there = [value for _, value in offered]
    if pack_id in there:
        return gr.Dropdown(choices=offered)
    return gr.Dropdown(choices=offered, value=there[0] if there else None)


def presets(context: Context = IN_PROCESS) -> dict[str, tuple[PromptPack, Sequence[str]]]:
    """Return all packs' lists of labels, by the name they are chosen by."""
    return label_presets(context.store)


def preset_choices(context: Context = IN_PROCESS) -> list[str]:
    """Return the names of the lists of labels to choose from, an invitation first."""
    return [PRESET_PROMPT, *presets(context)]


def waveform() -> gr.WaveformOptions:
    """How a recorder draws what it hears."""
    return gr.WaveformOptions(
        waveform_color="#9f9fa9", waveform_progress_color=theme.ACCENT.c600, trim_region_color=theme.ACCENT.c400
    )

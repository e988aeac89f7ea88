"""What the tests put into Spaces."""

from pathlib import Path
from typing import Any

import numpy as np

from audioprompt.data.examples import examples
from audioprompt.few_shot.build import build_head
from audioprompt.few_shot.heads import SharedHead, record_of
from audioprompt.few_shot.settings import FitSettings
from audioprompt.models import registry
from audioprompt.prompts.pack import PromptPack, pack_from_templates
from audioprompt.space import Plan

PACK = pack_from_templates(["the sound of {}", "{} noise"], "weather", "Weather")
CLASSES = ("rain", "wind")


def plan(title: str = "Rain or wind", packs: tuple[PromptPack, ...] = (PACK,), **more: Any) -> Plan:
    return Plan(title, packs, **({"examples": examples()[:1]} | more))


def save_head(folder: Path, **record: Any) -> Path:
    """Fit a head for the bundled model on random numbers, and save it, with what is to be said of it."""
    model = registry.load("embedded", "cpu")
    heard = np.random.default_rng(0).normal(size=(4, model.dim)).astype(np.float32)
    head = build_head("palm", model, CLASSES, FitSettings(epochs=1)).fit(heard, np.array([0, 1, 0, 1]))
    known = record_of(head, model, "my clips", "CC-BY-4.0").model_copy(update=record)
    SharedHead(head, known).save_pretrained(folder)
    return folder

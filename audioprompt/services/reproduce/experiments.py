"""The papers' results that can be had again: which systems on which data sets, and what was published of them."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audioprompt.core.ensembles import DEFAULT, ENSEMBLES
from audioprompt.data.papers import PAPER_SETS, PaperSet
from audioprompt.errors import AudiopromptError
from audioprompt.prompts.pack import PromptPack
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import BARE_NAME, VANILLA, Template
from audioprompt.util.registry import Registry

TABLES = Path(__file__).with_name("tables")
PALM_TEMPLATE = Template("The is a recording of {label}.")  # sic: as its code has it
SIZES = (5, 10, 15, 20, 25, 30)  # of the ensembles of TSPE's ablation
DRAWS = range(5)  # of the templates of an ensemble
SHOTS = 16
EIGHT = "eight-templates"


class ReproduceError(AudiopromptError):
    """Results cannot be had again; the message says what to do."""


@dataclass(frozen=True)
class System:
    """One column of a table.

    Attributes:
        name: of the column, as the published table has it where it is in one.
        title: what people call it.
        templates: that it classifies with; none for a method that learns.
        ensemble: how they answer together.
        method: that learns; empty for none.
        recipe: with which it does, one of `RECIPES`.
        shots: clips per class to learn from.
        ours: whether it is no system of the paper.
        draw: which of several draws of the templates this is.
    """

    name: str
    title: str
    templates: tuple[Template, ...] = ()
    ensemble: str = DEFAULT
    method: str = ""
    recipe: str = "paper"
    shots: int = SHOTS
    ours: bool = False
    draw: int = 0


@dataclass(frozen=True)
class Experiment:
    """A published result.

    Attributes:
        name: as people give it to the command.
        description: one line on what it shows.
        models: of the paper.
        baseline: the system that all others are compared with.
        sets: of the paper.
        systems: for a prompt pack, the columns; where one of them learns, a part of the clips is held back.
        published: accuracy, 0 to 1, by model, title of the data set and system.
    """

    name: str
    description: str
    models: tuple[str, ...]
    baseline: str
    sets: tuple[PaperSet, ...]
    systems: Callable[[PromptPack], tuple[System, ...]]
    published: Mapping[tuple[str, str, str], float]


def pack_for(category: str, store: PromptStore) -> PromptPack:
    """Return TSPE's pack for a category of data sets; the eight plain templates where there is none."""
    return next((pack for pack in store.packs() if pack.category == category and pack.approved), store.get(EIGHT))


# --- columns ----------------------------------------------------------------------------------------------------------


def _tspe(pack: PromptPack) -> tuple[System, ...]:
    own = [
        System(one.name, one.title, tuple(pack.approved), one.name, ours=True)
        for one in ENSEMBLES
        if one.name != DEFAULT and not one.needs_labels
    ]
    return (System("vanilla", "Vanilla", (VANILLA,)), System("tspe", "TSPE", tuple(pack.approved)), *own)


def _sizes(pack: PromptPack) -> tuple[System, ...]:
    """Ensembles of K templates, five draws of each."""
    usable = [entry.template for entry in pack.entries if entry.status != "rejected"]
    drawn = [System("vanilla", "Vanilla", (VANILLA,))]
    for size in SIZES:
        for draw in DRAWS if size < len(usable) else DRAWS[: int(size == len(usable))]:
            rows = np.random.default_rng(draw).permutation(len(usable))[:size]
            drawn.append(System(f"k{size}", f"K = {size}", tuple(usable[row] for row in sorted(rows)), draw=draw))
    return tuple(drawn)


def _templates(pack: PromptPack) -> tuple[System, ...]:
    eight = [entry.template for entry in PromptStore().get(EIGHT).entries]
    texts = dict.fromkeys([BARE_NAME, Template("The is a recording of {label}"), *eight])
    return tuple(System(one.text, one.text, (one,)) for one in texts)


def _learned(*methods: str, shots: tuple[int, ...] = (SHOTS,), ours: tuple[str, ...] = ()) -> Callable[..., tuple]:
    def systems(pack: PromptPack) -> tuple[System, ...]:
        found = [System("zeroshot", "Zero-shot", (PALM_TEMPLATE,))]
        for number in shots:
            of = f"/{number}" if len(shots) > 1 else ""
            said = f", {number} shots" if len(shots) > 1 else ""
            found += [
                System(f"{name}{of}", f"{TITLES.get(name, name)}{said}", method=name, shots=number) for name in methods
            ]
            found += [
                System(
                    f"{name}/own{of}",
                    f"{TITLES.get(name, name)}, our recipe{said}",
                    (),
                    DEFAULT,
                    name,
                    "own",
                    number,
                    True,
                )
                for name in ours
            ]
        return tuple(found)

    return systems


TITLES = {
    "coop": "CoOp",
    "cocoop": "CoCoOp",
    "apl": "Audio Prompt Learner",
    "palm": "PALM",
    "palm-dagger": "PALM†",
    "tip-adapter": "Tip-Adapter",
    "treff-adapter": "Treff-Adapter",
    "linear-probe": "Linear probe",
    "auto": "Auto",
}


# --- what was published -----------------------------------------------------------------------------------------------


def _read(name: str) -> Iterator[dict[str, str]]:
    with (TABLES / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _published_tspe() -> dict[tuple[str, str, str], float]:
    return {
        (f"msclap-{year}", row["dataset"], system): float(row[f"mc{year}_{system}"]) / 100
        for row in _read("tspe_table1.csv")
        for year in ("2023", "2022")
        for system in ("vanilla", "tspe")
    }


def _published_palm() -> dict[tuple[str, str, str], float]:
    return {("pengi", row["dataset"], row["method"]): float(row["mean"]) for row in _read("palm_accuracy.csv")}


def _published_templates() -> dict[tuple[str, str, str], float]:
    return {("pengi", row["dataset"], row["template"]): float(row["accuracy"]) / 100 for row in _read("templates.csv")}


def sources() -> dict[str, str]:
    """Return where each published table is from, by its file."""
    return json.loads((TABLES / "sources.json").read_text("utf-8"))


def _sets(paper: str, *names: str) -> tuple[PaperSet, ...]:
    return tuple(one for one in PAPER_SETS.built_in if one.paper == paper and (not names or one.name in names))


CLAPS = ("msclap-2023", "msclap-2022")
RELATED = ("wav2clip", "audioclip")  # work of TSPE, without figures in its table
PENGI = ("pengi",)
_PALM = _published_palm()
_VOCALSOUND = {key: value for key, value in _published_tspe().items() if key[1] == "VocalSound"}
_PALM_OF_16 = {(model, name, "palm/16" if one == "palm" else one): value for (model, name, one), value in _PALM.items()}

EXPERIMENTS = Registry(
    "experiment",
    "audioprompt.experiments",
    Experiment,
    (
        Experiment(
            "tspe",
            "TSPE's Table I: twelve data sets, vanilla prompting and the prompt ensemble.",
            CLAPS + RELATED,
            "vanilla",
            _sets("tspe"),
            _tspe,
            _published_tspe(),
        ),
        Experiment(
            "palm",
            "PALM's main table: eleven data sets, zero-shot, CoOp, CoCoOp and PALM, three seeds.",
            PENGI,
            "zeroshot",
            _sets("palm"),
            _learned("coop", "cocoop", "apl", "palm", ours=("palm", "auto")),
            _PALM,
        ),
        Experiment(
            "k-ablation",
            "TSPE's ablation: how many prompts an ensemble needs, on VocalSound.",
            CLAPS,
            "vanilla",
            _sets("tspe", "tspe:vocalsound"),
            _sizes,
            _VOCALSOUND,
        ),
        Experiment(
            "shots",
            "PALM's ablation: 1 to 16 clips per class to learn from.",
            PENGI,
            "zeroshot",
            _sets("palm"),
            _learned("palm", shots=(1, 2, 4, 8, 16), ours=("palm",)),
            _PALM_OF_16,
        ),
        Experiment(
            "templates",
            "How much the wording alone moves the accuracy.",
            PENGI,
            BARE_NAME.text,
            _sets("palm"),
            _templates,
            _published_templates(),
        ),
        Experiment(
            "palm-dagger",
            "PALM's ablation: without the context that it learns.",
            PENGI,
            "zeroshot",
            _sets("palm"),
            _learned("palm", "palm-dagger"),
            _PALM,
        ),
        Experiment(
            "adapters",
            "PALM beside adapters and a linear probe.",
            PENGI,
            "zeroshot",
            _sets("palm"),
            _learned("palm", "tip-adapter", "treff-adapter", "linear-probe"),
            _PALM,
        ),
    ),
    ReproduceError,
)

"""What goes into a Space, and the folder that comes out."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

from huggingface_hub import SpaceCardData, SpaceHardware

from audioprompt.core.labels import LabelError, join_labels, parse_labels
from audioprompt.data.examples import Example, examples, fitting
from audioprompt.hosting import TABS
from audioprompt.models import registry
from audioprompt.models.base import ModelError
from audioprompt.prompts.pack import PromptPack
from audioprompt.services.packs import BASELINE_PACK
from audioprompt.settings import PACKAGE, asset_folder
from audioprompt.space.requirements import PYTHON, SpaceError, requirements
from audioprompt.util.markdown import plain
from audioprompt.util.places import is_there
from audioprompt.util.text import joined, one_line

if TYPE_CHECKING:  # heads bring torch along, which takes seconds, and most Spaces have none
    from audioprompt.few_shot.heads import HeadRecord

LONGEST_LINE, LONGEST_NAME = 80, 60  # characters of a title, and of a file's name
# Of the assets, what goes into every Space: the bundled model and clips to curate and learn on.
DATA = ("embedded", "village", "instruments")
_SPDX = re.compile(r"[A-Za-z0-9.+-]{2,40}")
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Plan:
    """What goes into a Space.

    Attributes:
        title: its name for people, one line.
        packs: prompt packs with approved templates; their lists of labels come with them.
        heads: folders or files of fitted heads, as ``audioprompt palm fit --save`` writes them.
        model: the name of the model that answers at first.
        labels: the labels to choose between at first; the first head's classes if there are none.
        examples: clips to try; None for the bundled ones, beside a head only those that it knows the sound of. Those
            without labels get the classes of the head that knows their sound, or else the first labels.
        licence: of what was added to audioprompt, as its author states it; best an SPDX name.
        gpu: whether it is to run on a GPU, ZeroGPU included: torch is then not the smaller build for CPUs.
        tabs: which tabs visitors see, of ``TABS``; Classify always, Publish never. A signed-in curator sees all.

    Raises:
        SpaceError: these do not make a Space; the message says what to change.
    """

    title: str
    packs: tuple[PromptPack, ...]
    heads: tuple[Path, ...] = ()
    model: str = "embedded"
    labels: tuple[str, ...] = ()
    examples: tuple[Example, ...] | None = None
    licence: str = "apache-2.0"
    gpu: bool = False
    tabs: tuple[str, ...] = TABS

    def __post_init__(self) -> None:
        self._check_words()
        self._check_packs()
        self._check_model()
        self._check_labels()
        self._check_tabs()
        object.__setattr__(self, "tabs", tuple(tab for tab in TABS if tab in (TABS[0], *self.tabs)))
        if unnamed := next((clip for clip in self.clips if not clip.labels), None):
            raise SpaceError(f"say what {unnamed.title} might be: give labels")

    def _check_words(self) -> None:
        for name, text in (("title", self.title), ("licence", self.licence)):
            if not text or text != one_line(text) or len(text) > LONGEST_LINE:
                raise SpaceError(f"give the Space a {name} of one line, with at most {LONGEST_LINE} characters")

    def _check_packs(self) -> None:
        if all(pack.id == BASELINE_PACK for pack in self.packs):
            raise SpaceError(f"a Space needs prompts: choose at least one pack beside {BASELINE_PACK}")
        for pack in self.packs:
            if not pack.approved:
                raise SpaceError(f"the pack {pack.id} has no approved prompt: approve some first, or leave it out")

    def _check_model(self) -> None:
        if self.model not in (known := [entry.name for entry in registry.MODELS.built_in]):
            raise SpaceError(f"a Space cannot load the model {self.model!r}: choose one of {', '.join(known)}")
        for head, record in self.records.items():
            if record.model != self.model:
                raise SpaceError(
                    f"the head {head.name} was made for {record.model}, and the Space's model is {self.model}: "
                    f"choose the model {record.model}, or leave the head out"
                )

    def _check_labels(self) -> None:
        if not self.labels:
            return
        try:
            read = parse_labels(join_labels(self.labels)).labels
        except LabelError as error:
            raise SpaceError(str(error)) from error
        if read != self.labels:
            raise SpaceError("labels must differ from each other, and each must be of one line")

    def _check_tabs(self) -> None:
        if unknown := [tab for tab in self.tabs if tab not in TABS]:
            raise SpaceError(f"a Space has no tab {unknown[0]!r}: choose of {', '.join(TABS)}")
        if "generate" in self.tabs and "curate" not in self.tabs:
            raise SpaceError("Generate sends its prompts to Curate: show both tabs, or leave Generate out")

    @cached_property
    def records(self) -> "dict[Path, HeadRecord]":
        """What each head says of itself."""
        if not self.heads:
            return {}
        from audioprompt.few_shot.heads import read_record
        from audioprompt.few_shot.settings import FewShotError

        try:
            return {head: read_record(head) for head in self.heads}
        except FewShotError as error:
            raise SpaceError(str(error)) from error

    @property
    def first_labels(self) -> tuple[str, ...]:
        """The labels that the page shows at first, which may be none."""
        return self.labels or next((record.classes for record in self.records.values()), ())

    @cached_property
    def clips(self) -> tuple[Example, ...]:
        """The clips to try, each with labels if there are any; the Space opens on the first, so that it should fit."""
        chosen = self.examples
        if chosen is None:
            chosen = fitting(examples(), self.first_labels) if self.heads else examples()
        own = {clip for clip in chosen if not clip.labels}
        known = {*fitting(chosen, self.first_labels), *own}
        ordered = sorted(chosen, key=lambda clip: clip not in known) if self.first_labels else chosen
        return tuple(replace(clip, labels=clip.labels or self._labels_of(clip)) for clip in ordered)

    def _labels_of(self, clip: Example) -> tuple[str, ...]:
        classes = (record.classes for record in self.records.values())
        return next((labels for labels in classes if fitting([clip], labels)), self.first_labels)


# --- the folder -------------------------------------------------------------------------------------------------------


def files(plan: Plan) -> dict[str, Path | str]:
    """Every file of a Space by its path in it: the file to copy, or the text it holds.

    Raises:
        SpaceError: a head cannot be read, or a package that the Space needs is not installed here.
    """
    package, assets = PACKAGE, asset_folder("examples").parent
    found: dict[str, Path | str] = {
        "README.md": readme(plan),
        "LICENCES.md": licences(plan),
        "app.py": app(plan),
        "requirements.txt": requirements(plan.model, plan.gpu),
    }
    for path in _kept(package):
        found[f"audioprompt/{path.relative_to(package).as_posix()}"] = path
    for name in DATA:
        for path in _kept(assets / name):
            found[f"assets/{name}/{path.name}"] = path
    for name, path in (("LICENSE", package.parent / "LICENSE"), ("assets/LICENSES.md", assets / "LICENSES.md")):
        if path.is_file():
            found[name] = path
    index = []
    for name, clip in zip(names([clip.path.stem for clip in plan.clips]), plan.clips, strict=True):
        file = name + clip.path.suffix.lower()
        found[f"assets/examples/{file}"] = clip.path
        index.append({"file": file} | {key: value for key, value in vars(clip).items() if key != "path"})
    found["assets/examples/examples.json"] = json.dumps(index, indent=2) + "\n"
    for pack in plan.packs:
        found[f"prompt_store/{pack.id}.json"] = pack.to_json()
    found |= _files_of_heads(plan)
    return found


def sizes(plan: Plan) -> dict[str, int]:
    """Return the size in bytes of every file of a Space, by its path in it; nothing is written.

    Raises:
        SpaceError: as `files`, or one of them is not there.
    """
    return _sizes(files(plan))


def _sizes(found: Mapping[str, Path | str]) -> dict[str, int]:
    try:
        return {
            name: content.stat().st_size if isinstance(content, Path) else len(content.encode())
            for name, content in found.items()
        }
    except OSError as error:
        raise SpaceError(f"{error.filename} cannot be read, {error.strerror}: leave it out") from error


def build(plan: Plan, folder: Path) -> dict[str, int]:
    """Write a Space into a folder, which must be empty or not there yet; the heads are tried on their model first.

    Returns:
        The size in bytes of every file, by its path in the Space.

    Raises:
        SpaceError: a head is damaged or was made for another revision of the model, or the folder cannot be used.
    """
    try_heads(plan)
    found = files(plan)
    expected = _sizes(found)
    try:
        if is_there(folder) and any(folder.iterdir()):
            raise SpaceError(f"{folder} is not empty: name a folder that is not there yet")
        for name, content in found.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                shutil.copyfile(content, path)
            else:
                path.write_bytes(content.encode())
    except OSError as error:
        raise SpaceError(f"{folder} cannot be written to, {error.strerror}: name another folder") from error
    return expected


def try_heads(plan: Plan) -> None:
    """Have the Space's model load each head.

    Raises:
        SpaceError: the model cannot be had here, or a head is not for it.
    """
    if not plan.heads:
        return
    from audioprompt.few_shot.heads import load_head
    from audioprompt.few_shot.settings import FewShotError

    try:
        for head in plan.records:
            load_head(head, registry.load(plan.model))
    except (FewShotError, ModelError) as error:
        raise SpaceError(f"{head.name} cannot go into the Space: {error}") from error


def head_folders(plan: Plan) -> list[str]:
    """Where each head is in the Space."""
    own = [head.stem if head.is_file() else head.resolve().name for head in plan.records]
    return [f"heads/{name}" for name in names(own)]


def _files_of_heads(plan: Plan) -> dict[str, Path | str]:
    if not plan.heads:
        return {}
    from audioprompt.few_shot.heads import CARD_FILE, FILE, card

    found: dict[str, Path | str] = {}
    for folder, (head, record) in zip(head_folders(plan), plan.records.items(), strict=True):
        found[f"{folder}/{FILE}"] = head / FILE if head.is_dir() else head
        found[f"{folder}/{CARD_FILE}"] = card(record)
    return found


def names(texts: list[str]) -> list[str]:
    """Names for files, each made of a text, that every system takes, and no two alike.

    >>> names(["Rain!", "rain", "../"])
    ['rain', 'rain-2', 'unnamed']
    """
    found: list[str] = []
    for text in texts:
        name = _NOT_IN_NAMES.sub("-", text.lower()).strip("-")[:LONGEST_NAME] or "unnamed"
        numbered = (f"{name}-{number}" for number in count(2))
        found.append(next(one for one in chain([name], numbered) if one not in found))
    return found


def _kept(folder: Path) -> Iterator[Path]:
    """Return the files of a folder that belong into a Space: no caches, nothing hidden, no second copy of the
    assets.
    """
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(
            part.startswith((".", "__pycache__", "_assets", "_prompt_store")) for part in parts
        ):
            yield path


# --- what is written in it --------------------------------------------------------------------------------------------


def readme(plan: Plan) -> str:
    """Return the Space's card: metadata for the hub, and what a visitor reads."""
    known, model = _SPDX.fullmatch(plan.licence), registry.MODELS[plan.model]
    data = SpaceCardData(
        title=plan.title,
        emoji="🔉",
        colorFrom="gray",
        colorTo="pink",
        sdk="gradio",
        sdk_version=version("gradio"),
        python_version=PYTHON,
        app_file="app.py",
        license=plan.licence.lower() if known else "other",
        license_name=None if known else names([plan.licence])[0],
        license_link=None if known else "LICENCES.md",
        short_description="Names sounds with words, by prompts that were measured",
        models=[model.repository] if model.repository else None,
        tags=["audioprompt", "audio-classification", "zero-shot"],
        hf_oauth=True,
        suggested_hardware=(SpaceHardware.ZERO_A10G if plan.gpu else SpaceHardware.CPU_BASIC).value,
    )
    packs = "".join(f"- **{plain(pack.title)}**: {len(pack.approved)} approved prompts\n" for pack in plan.packs)
    heads = "".join(
        f"- **{plain(head)}**: {plain(record.method)}, tells apart {joined([plain(name) for name in record.classes])}\n"
        for head, record in zip(head_folders(plan), plan.records.values(), strict=True)
    )
    return (
        f"---\n{data.to_yaml()}\n---\n\n# {plain(plan.title)}\n\n"
        f"Upload or record a sound, and the audio-language model `{plan.model}` names it: by one plain prompt, and by "
        "an ensemble of prompts. Made with audioprompt.\n"
        f"\n## Prompts\n\n{packs}"
        + (f"\n## Heads, fitted on a few clips of each class\n\n{heads}" if heads else "")
        + (f"\n## Labels\n\n{joined([plain(label) for label in plan.first_labels])}\n" if plan.first_labels else "")
        + "\n## Use\n\n`python app.py` runs it on any machine with the packages of `requirements.txt`. On the hub, its "
        "owner curates the prompts, signed in; storage at `/data` keeps the decisions. Licences: see `LICENCES.md`.\n"
    )


def licences(plan: Plan) -> str:
    """Under which licences the Space's parts are, as far as they are stated."""
    weights = registry.MODELS[plan.model].licence
    packs = "".join(
        f"- Prompts, {plain(pack.title)}: {plain(pack.licence) if pack.licence else 'not stated'}\n"
        for pack in plan.packs
    )
    heads = "".join(
        f"- The clips that {plain(head)} was fitted on: {plain(record.licence) if record.licence else 'not stated'}\n"
        for head, record in zip(head_folders(plan), plan.records.values(), strict=True)
    )
    return (
        f"# Licences\n\n- audioprompt, in `audioprompt/`: Apache-2.0\n- The weights of {plan.model}: {plain(weights)}\n"
        "- The bundled model and clips, in `assets/`: as `assets/LICENSES.md` says of each\n"
        f"{packs}{heads}- What was added for this Space: {plain(plan.licence)}\n"
    )


def app(plan: Plan) -> str:
    """Return what the Space runs."""
    return f'''"""The app of this Space, as `audioprompt space build` wrote it."""

from pathlib import Path

from audioprompt import hosting

HERE = Path(__file__).parent
TITLE = {plan.title!r}
MODEL = {plan.model!r}
LABELS = {list(plan.first_labels)!r}
HEADS = {head_folders(plan)!r}
TABS = {list(plan.tabs)!r}  # what visitors see

if __name__ == "__main__":
    hosting.prepare()  # before anything asks for a folder or a GPU
    from audioprompt.ui.app import launch

    heads = [HERE / head for head in HEADS]
    launch(hosting.address(), model=MODEL, open_browser=False, labels=LABELS, heads=heads, title=TITLE, tabs=TABS)
'''

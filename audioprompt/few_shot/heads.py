"""Heads as files: ``head.safetensors`` with everything about it in its metadata, and a card for people.

    >>> shared = SharedHead(head, record_of(head, model, data="my clips", licence="CC-BY-4.0"))
    >>> shared.save_pretrained("rain-or-not")              # or shared.push_to_hub("me/rain-or-not")
    >>> SharedHead.from_pretrained("rain-or-not", model=model).head.predict(audio)

A file from a stranger runs no code, and is refused unless it is exactly what a head of its method and model is.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from huggingface_hub import ModelCard, ModelCardData, ModelHubMixin, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError, RepositoryNotFoundError
from pydantic import AfterValidator, FailFast, Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from audioprompt.core.labels import label_key
from audioprompt.core.zero_shot import Array
from audioprompt.few_shot.base import Head, SavedHead
from audioprompt.few_shot.methods import METHODS
from audioprompt.few_shot.settings import FewShotError
from audioprompt.models.base import AudioTextModel, ModelError
from audioprompt.models.downloads import check_reachable
from audioprompt.prompts.pack import MAX_COUNT, MAX_LABELS
from audioprompt.util.markdown import plain
from audioprompt.util.places import is_folder, is_there
from audioprompt.util.schema import Line, Note, StrictModel, explain
from audioprompt.util.text import counted, named, one_line

FILE, RECORD_FILE, CARD_FILE = "head.safetensors", "config.json", "README.md"
KEY = "audioprompt"  # of the metadata that holds the record
FORMAT_VERSION = 1
MAX_BYTES = 200_000_000
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")  # owner/name
MAX_NAMED = 6  # heads in an error
MAX_HEADER_BYTES = 4_000_000  # the record of 2,000 classes takes one

_CARD = Path(__file__).with_name("card.md.jinja")
_SPDX = re.compile(r"[A-Za-z0-9.+-]{2,40}")

EARLIER_NAMES = {"rate": "learning_rate", "batch": "batch_size", "seed": "random_state"}  # in heads of version 0.1
Setting = Annotated[float | int, Field(ge=-(2**63), le=2**63)]  # a fit can have no larger number


def _distinct(classes: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(classes)) < len(classes):
        raise ValueError("must not hold a class twice")
    return classes


def _renamed(settings: Mapping[str, float | int]) -> Mapping[str, float | int]:
    """Return settings by the names that they have now."""
    return {EARLIER_NAMES.get(name, name): value for name, value in settings.items()}


class HeadScore(StrictModel):
    """How well a head did on clips that it had not seen.

    Attributes:
        data: the data set and the part of it.
        n: number of clips.
        accuracy: share of them put in the right class, 0 to 1.
        zero_shot: the same of plain zero-shot classification, where that was measured.
        fitted_on: how many clips the fit that was measured had learned from, where it learns.
    """

    data: Line
    n: int = Field(ge=1, le=MAX_COUNT)
    accuracy: float = Field(ge=0, le=1)
    zero_shot: float | None = Field(default=None, ge=0, le=1)
    fitted_on: int | None = Field(default=None, ge=1, le=MAX_COUNT)


class HeadRecord(StrictModel):
    """All that there is to know of a head but its numbers.

    Attributes:
        method: the name of one of `METHODS`.
        classes: the C class names, as a prompt says them.
        model: the name of the model on whose embeddings it was fitted.
        revision: that model's revision: a head is worthless on any other embeddings.
        settings: how it was fitted, `FitSettings` or what its method has instead; earlier names are understood.
        data: what it was fitted on.
        licence: of those clips, as stated by whoever fitted it.
        shots: clips per class at most, where that was bounded.
        fitted_on: how many clips it learned from; more than a score's where it was fitted again after that.
        scores: how well it did.
        made_on: when it was fitted.
        notice: advice on how the fit went.
    """

    format_version: int = Field(default=FORMAT_VERSION, ge=FORMAT_VERSION, le=FORMAT_VERSION)
    method: Line
    classes: Annotated[
        tuple[Line, ...], FailFast(), Field(min_length=2, max_length=MAX_LABELS), AfterValidator(_distinct)
    ]
    model: Line
    revision: Line
    settings: Annotated[Mapping[str, Setting], AfterValidator(_renamed)] = Field(default_factory=dict)
    data: Line
    licence: Line | None = None
    shots: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    fitted_on: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    scores: Annotated[tuple[HeadScore, ...], FailFast()] = ()
    made_on: date | None = None
    notice: Note | None = None

    @property
    def measured(self) -> str | None:
        """Which clips gave its score, and which it learned from after that, as a sentence; None without a score."""
        if not self.scores:
            return None
        again = f", then fitted again on all {self.fitted_on}" if self.fitted_again else ""
        return f"Measured on {counted(self.scores[0].n, 'held-out clip')}{again}."

    @property
    def fitted_again(self) -> bool:
        """Whether it has learned from more clips than the fit that gave its score."""
        return bool(self.scores) and (self.fitted_on or 0) > (self.scores[0].fitted_on or MAX_COUNT)


def record_of(
    head: Head,
    model: AudioTextModel,
    data: str,
    licence: str | None = None,
    shots: int | None = None,
    scores: tuple[HeadScore, ...] = (),
    fitted_on: int | None = None,
) -> HeadRecord:
    """Return the record of a head that was fitted just now on a model's embeddings.

    Raises:
        FewShotError: a text that a record cannot hold.
    """
    try:
        return HeadRecord(
            method=head.method,
            classes=head.classes,
            model=model.name,
            revision=model.revision,
            settings=head.numbers,
            data=data,
            licence=licence,
            shots=shots,
            fitted_on=fitted_on,
            scores=scores,
            made_on=date.today(),
            notice=head.notice,
        )
    except ValidationError as error:
        raise FewShotError(f"the head cannot be described: {explain(error)}") from error


class SharedHead(ModelHubMixin):
    """A fitted head and its record, to be saved, published and had again.

    Args:
        head: a fitted head.
        record: what is known of it.
    """

    def __init__(self, head: Head, record: HeadRecord) -> None:
        self.head, self.record = head, record

    def misfit(self, model: AudioTextModel, labels: Sequence[str]) -> str | None:
        """Why it cannot answer for these labels on this model, as a sentence; None where it can."""
        classes = self.record.classes
        if (model.name, model.revision) != (self.record.model, self.record.revision):
            return f"The fitted head was made for the model {self.record.model}, so it can't be used here."
        if set(map(label_key, labels)) != set(map(label_key, classes)):
            return f"The fitted head tells apart {named(classes)}, so it can't be used with these labels."
        return None

    def save_pretrained(self, save_directory: str | Path, **options: Any) -> str | None:
        """Save the head and its card to a folder, and to the hub if ``options`` of `ModelHubMixin` say so.

        Raises:
            FewShotError: the disk refuses.
        """
        try:
            return super().save_pretrained(save_directory, **options)
        except OSError as error:
            if not error.strerror:  # of the network
                raise
            raise FewShotError(
                f"The head cannot be saved in {save_directory} ({error.strerror}): make room, or give another folder."
            ) from error

    def _save_pretrained(self, save_directory: Path) -> None:
        save_head(save_directory / FILE, self.head, self.record)
        (save_directory / RECORD_FILE).write_text(_as_json(self.record, indent=2) + "\n")

    def generate_model_card(self, *_: Any, **__: Any) -> ModelCard:
        return ModelCard(card(self.record))

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls,
        pretrained_model_name_or_path: str | Path,
        *,
        model: AudioTextModel,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        force_download: bool = False,
        local_files_only: bool = False,
        token: str | bool | None = None,
    ) -> "SharedHead":
        """Read a head for a model, from a folder or a file here or from the hub.

        Raises:
            FewShotError: it cannot be had, is broken, or was made for another model.
        """
        path = find_head(
            pretrained_model_name_or_path,
            revision=revision,
            cache_dir=cache_dir,
            force_download=force_download,
            local_files_only=local_files_only,
            token=token,
        )
        return load_head(path, model)


def find_head(name: str | Path, **download: Any) -> Path:
    """Return a head's file: where a path says, or else downloaded from the hub.

    Args:
        name: a folder or a file here, or ``owner/name`` on the hub.
        download: options of `huggingface_hub.hf_hub_download`.

    Raises:
        FewShotError: there is none, or the hub cannot be reached.
    """
    path, name = Path(name), str(name)
    if is_there(path):
        return _file_in(path)
    if not HUB_NAME.fullmatch(name) or path.suffix or is_folder(path.parent):  # a slip in a path asks nobody else
        raise FewShotError(f"There is no head at {name}: check the path.")
    try:
        cached = try_to_load_from_cache(name, FILE, download.get("cache_dir"), download.get("revision"))
        if not isinstance(cached, str) and not download.get("local_files_only"):
            check_reachable(f"A head called {name}")
        return Path(hf_hub_download(name, FILE, **download))
    except ModelError as error:
        raise FewShotError(str(error)) from error
    except (LocalEntryNotFoundError, ConnectionError) as error:
        raise FewShotError(f"{name} cannot be downloaded: check the network and try again") from error
    except (EntryNotFoundError, RepositoryNotFoundError) as error:
        raise FewShotError(
            f"there is no head called {name}: give a folder with {FILE}, or the name of a public repository"
        ) from error
    except (OSError, ValueError) as error:
        raise FewShotError(f"{name} could not be downloaded ({error}): try again") from error


def _file_in(path: Path) -> Path:
    """Return the head's file in a folder, or in the only folder within that has one; other paths are files already.

    Raises:
        FewShotError: there are several to choose from.
    """
    if not path.is_dir() or (path / FILE).exists():
        return path / FILE if path.is_dir() else path
    within = sorted(path.glob(f"*/{FILE}"))
    if len(within) > 1:
        choice = " or ".join(str(one.parent) for one in within[:MAX_NAMED])
        raise FewShotError(f"{path} holds {len(within)} heads: give one of them, {choice}.")
    return within[0] if within else path / FILE


# --- files ------------------------------------------------------------------------------------------------------------


def save_head(path: Path, head: Head, record: HeadRecord) -> None:
    """Write a fitted head and its record to one file.

    Raises:
        FewShotError: the head has learned nothing, or the disk refuses.
    """
    if not head.state:
        raise FewShotError(f"this {head.method} head has learned nothing yet: fit it first")
    arrays = {name: np.ascontiguousarray(value) for name, value in head.state.items()}
    try:
        save_file(arrays, path, {KEY: _as_json(record)})
    except (OSError, SafetensorError) as error:
        raise FewShotError(f"{path.name} cannot be saved in {path.parent}: {error}") from error


def read_record(path: Path) -> HeadRecord:
    """Return what a head's file, or the folder it is in, says of it.

    Raises:
        FewShotError: there is no such file, or it is not a head's.
    """
    return _read(path)[0]


def load_head(path: Path, model: AudioTextModel) -> SharedHead:
    """Read a head from its file, or the folder it is in, for a model.

    Raises:
        FewShotError: there is no such file, it is not a head's or broken, or it was made for another model.
    """
    record, state = _read(path)
    if record.model != model.name or record.revision != model.revision:
        raise FewShotError(
            f"this head was made for {record.model} (revision {record.revision}), and the model here is {model.name} "
            f"(revision {model.revision}): load that model, or fit the head again"
        )
    try:
        head = METHODS[record.method].load().restore(SavedHead(model, record.classes, record.settings, state))
        head.state = dict(state)
        head.logits(np.zeros((1, model.dim), np.float32) + 1)
    except (ArithmeticError, LookupError, TypeError, ValueError, RuntimeError) as error:  # and FewShotError
        raise FewShotError(
            f"{path.name} is no {record.method} head for {len(record.classes)} classes: {one_line(str(error))[:200]}"
        ) from error
    head.notice = record.notice
    return SharedHead(head, record)


def _read(path: Path) -> tuple[HeadRecord, dict[str, Array]]:
    path = _file_in(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise FewShotError(f"{path.name} is too large for a head: {MAX_BYTES // 1_000_000} MB are the limit")
        with path.open("rb") as file:
            if int.from_bytes(file.read(8), "little") > MAX_HEADER_BYTES:
                raise FewShotError(
                    f"{path.name} is not a head that audioprompt saved: its list of contents is too long"
                )
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get(KEY, "")
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is not a dict
        record = HeadRecord.model_validate_json(text)
    except OSError as error:
        raise FewShotError(f"{path} cannot be read, {error.strerror}: check the path") from error
    except (SafetensorError, TypeError) as error:
        reason = one_line(str(error))[:200]
        raise FewShotError(f"{path.name} is not a head that audioprompt saved, or it is damaged: {reason}") from error
    except ValidationError as error:
        raise FewShotError(f"{path.name} is not a head that audioprompt saved: {explain(error)}") from error
    for name, value in state.items():
        if value.dtype != np.float32 or not np.isfinite(value).all():
            raise FewShotError(f"{path.name} is damaged: {name} must hold finite numbers in single precision")
    return record, state


def _as_json(record: HeadRecord, indent: int | None = None) -> str:
    return json.dumps(record.model_dump(mode="json", exclude_none=True), sort_keys=True, indent=indent)


# --- the card ---------------------------------------------------------------------------------------------------------


def card(record: HeadRecord) -> str:
    """Return a model card in the hub's format: metadata, what the head is, how good it is, and how to use it."""
    data = ModelCardData(
        library_name="audioprompt",
        pipeline_tag="audio-classification",
        tags=["audioprompt", "few-shot", record.method, record.model],
        license=record.licence.lower() if record.licence and _SPDX.fullmatch(record.licence) else None,
    )
    filled = ModelCard.from_template(
        data,
        template_str=_CARD.read_text("utf-8"),
        record=record,
        name=repr(record.model),
        file=FILE,
        plain=plain,
        counted=counted,
        percent=lambda share: "" if share is None else f"{100 * share:.1f} %",
    )
    return f"{filled}\n"

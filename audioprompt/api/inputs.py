"""What callers of the API give, and the parts that its capabilities share."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

from gradio_client.utils import is_file_obj_with_meta  # type: ignore[import-untyped]
from pydantic import BeforeValidator, Field

from audioprompt.core.labels import parse_labels
from audioprompt.data import DataError, LabelledClips
from audioprompt.data.recordings import UNLABELLED
from audioprompt.prompts.pack import (
    PackError,
    PromptPack,
    pack_from_templates,
)
from audioprompt.prompts.template import Template
from audioprompt.server import sessions
from audioprompt.server.context import Context
from audioprompt.server.gradio_patches import files
from audioprompt.services import curate as curation
from audioprompt.services.packs import suitable_pack
from audioprompt.util.places import is_file

Answer = dict[str, Any]
Capability = TypeVar("Capability", bound=Callable[..., Answer])


def fill_in(**names: Iterable[str]) -> Callable[[Capability], Capability]:
    """Fill lists of names into a docstring: those given as ``methods`` where it has ``{methods}``."""

    def fill(capability: Capability) -> Capability:
        for slot, known in names.items():
            capability.__doc__ = (capability.__doc__ or "").replace(f"{{{slot}}}", ", ".join(known))
        return capability

    return fill


def _uploaded(value: Any) -> Path:
    """Return the path of a file that Gradio has put into its folder, for whoever calls from outside; a script gives
    a path.
    """
    if isinstance(value, Path):
        return value
    if is_file_obj_with_meta(value) and files.holds(Path(value["path"])):
        if not is_file(value["path"]):
            raise ValueError("is no longer here, for uploads are kept for a while only: upload it again")
        return Path(value["path"])
    raise ValueError("must be a file: upload one, or give its address")


File = Annotated[Path, BeforeValidator(_uploaded)]
Text = Annotated[str, Field(max_length=50_000)]
Name = Annotated[str, Field(max_length=300)]
Names = Annotated[list[Name], Field(max_length=500)]
Folds = Annotated[list[int], Field(max_length=100)]


def chosen_pack(pack_id: str, templates: Sequence[str] | None, context: Context) -> PromptPack:
    """Find the pack that was named, or make one of the templates that were given."""
    if bool(pack_id) == bool(templates):
        raise PackError("Give a pack or templates, one of the two.")
    return pack_from_templates(templates) if templates else context.store.get(pack_id)


def approved_templates(pack_id: str, context: Context) -> tuple[Template, ...]:
    """Find the approved templates of a pack, the general one if none is named."""
    found = context.store.get(pack_id or suitable_pack(context.store, None))
    if not found.approved:
        raise PackError(f"The pack {found.id} has no approved prompts: approve some first.")
    return tuple(found.approved)


@contextmanager
def labelled_clips(
    data: str, clips: Path | None, context: Context, progress: curation.Progress | None, skip_bad: bool
) -> Iterator[LabelledClips]:
    """Clips by the name of their data set or out of an upload, which is unpacked for as long as they are needed."""
    if clips and clips.suffix.lower() != ".zip":
        raise DataError(f"{clips.name} is not a valid zip file. Pack a folder of recordings for each class into one.")
    passing = clips or not context.is_curator
    with tempfile.TemporaryDirectory(prefix="clips-", dir=sessions.temporary()) as folder:
        yield context.clips(
            str(clips or data),
            clips.parent if clips else None,
            Path(folder) if passing else None,
            partial(tell, progress, "files"),
            skip_bad,
        )


@contextmanager
def recordings_of(archive: Path | None, context: Context) -> Iterator[list[Path]]:
    """Unpack recordings without labels for as long as they are needed; without an archive there are none."""
    with tempfile.TemporaryDirectory(prefix="recordings-", dir=sessions.temporary()) as folder:
        yield context.recordings([archive], Path(folder)) if archive else []


@contextmanager
def classes_alone(labels: str) -> Iterator[LabelledClips]:
    """Classes of which there is no clip, by their names."""
    yield LabelledClips((), (), name=UNLABELLED, classes=parse_labels(labels).labels)


def tell(progress: curation.Progress | None, what: str, done: int, total: int) -> None:
    """Tell whoever wants to know how far the work is."""
    if progress:
        progress(what, done, total)


def downloadable(content: bytes, name: str) -> Path:
    """Return a file in Gradio's folder, where it can be downloaded for a while."""
    return files.keep(content, name)

"""A collection is taken and listened to."""

import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import ParamSpec

import gradio as gr

from audioprompt.core.labels import parse_labels
from audioprompt.data import DataError
from audioprompt.data.layouts import is_sound
from audioprompt.data.recordings import FoundFile, find_files
from audioprompt.server import sessions
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.server.questions import Questions
from audioprompt.services.collection import Collection
from audioprompt.services.folders.classify import Question
from audioprompt.services.folders.explore import Explored, answer_again, explore
from audioprompt.services.packs import suitable_pack
from audioprompt.ui import charts, entrances, markup
from audioprompt.ui.components import explore as view
from audioprompt.ui.events import HIDDEN, View
from audioprompt.util.jobs import FITTING, follow
from audioprompt.util.pace import Pace
from audioprompt.util.places import as_typed, is_folder
from audioprompt.util.text import counted

P = ParamSpec("P")

LOOK_SECONDS = 0.3
HEARD = Questions()  # of several collections in a row a page listens to the last
PARTS = ("rows", "player", "map", "selection", "selected", "explored", "stop", "job_id", "note")


@dataclass(frozen=True)
class Asked:
    """What is asked of each recording.

    Attributes:
        labels: as they were typed.
        model_name: of the model that answers.
    """

    labels: str
    model_name: str


def upload_collection(
    collection: Collection, files: Sequence[str] | None, asked: Asked, context: Context = IN_PROCESS
) -> Iterator[View]:
    """Listen to recordings that were uploaded, and to those in zip files; they are kept as long as the page is open.

    Raises:
        AudiopromptError: none can be heard; the message says what to change.
    """
    files = list(files or [])
    yield from HEARD.latest(context, (files, asked), _upload(collection, files, asked, context))


def _upload(collection: Collection, files: Sequence[str], asked: Asked, context: Context) -> Generator[View]:
    sessions.refuse_too_many(context.request, collection.folder, files)
    folder = Path(tempfile.mkdtemp(prefix="explored-", dir=collection.folder))
    try:
        yield from _listen(_take(files, folder, context), asked, context)
    except BaseException:  # of what cannot be shown nothing is kept, nor counted against a visitor
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _take(files: Sequence[str], folder: Path, context: Context) -> list[FoundFile]:
    """Copy uploads into a folder, with zip files unpacked, and return the recordings there."""
    given = []
    for number, file in enumerate(map(Path, files)):
        if file.suffix.lower() == ".zip":
            given.append(file)
        elif is_sound(file):
            try:
                given.append(Path(shutil.copyfile(file, _room_for(file, folder, number))))
            except OSError as error:
                raise DataError(
                    f"{file.name} cannot be kept ({error.strerror}): make room on the disk and upload it again."
                ) from error
    if not given:
        raise DataError("None of these files is a recording. Upload WAV, MP3, FLAC or the like, or a zip with some.")
    context.recordings(given, folder)
    kept = list(folder.iterdir())
    root = kept[0] if len(kept) == 1 and kept[0].is_dir() else folder  # names are as in the zip file where that is all
    return find_files([root], root)


def _room_for(file: Path, folder: Path, number: int) -> Path:
    """Make room for an upload where it lay in its own folder; where another is already, beside it by its number."""
    place = folder / entrances.place_of(file)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        place = folder / place.name
    return place if not place.exists() else place.with_name(f"{number}-{place.name}")


def enter_folder(where: str | None, asked: Asked, context: Context = IN_PROCESS) -> Iterator[View]:
    """Listen to a folder of this machine.

    Raises:
        DataError: it cannot be read, or whoever asks may not name it.
    """
    if where and where.strip():
        yield from HEARD.latest(context, (where, asked), _open(where.strip(), asked, context))


def _open(where: str, asked: Asked, context: Context) -> Generator[View]:
    if not context.is_curator:
        raise DataError("Visitors cannot open files of this server. Upload recordings or a zip.")
    folder = as_typed(where)
    if not is_folder(folder):
        raise DataError(f"{folder} is not a folder: give the path of one.")
    yield from _listen(find_files([folder], folder), asked, context)


def _listen(files: Sequence[FoundFile], asked: Asked, context: Context) -> Generator[View]:
    if len(files) > entrances.MOST:
        raise DataError(
            f"These are {len(files):,} recordings; a page holds {entrances.MOST:,}. Use audioprompt classify and embed."
        )
    question, pace = _question(asked, context), Pace(len(files))
    job = FITTING.start(lambda job: explore(question, files, partial(job.progress, "clips")), **context.terms)
    yield {"job_id": job.id, "stop": gr.Button(visible=True), "note": "", "player": "", "selected": ()}
    for _ in follow(job, LOOK_SECONDS, alone=True):
        done = job.done + job.part
        pace.reach(done)
        words = f"Listening: {job.done} of {counted(len(files), 'recording')}{pace.words}"
        yield {"rows": markup.progress(words, done / len(files))}
    explored = job.result()
    places = charts.sound_map(explored.places, explored.folder.names, explored.clusters, explored.titles)
    yield {
        "explored": explored,
        "rows": view.table(explored),
        "map": charts.plot(places),
        "selection": view.selection(explored, ()),
        "note": markup.remarks(question.warnings),
        **over(),
    }


def _question(asked: Asked, context: Context) -> Question:
    templates = context.store.get(suitable_pack(context.store, None)).approved
    return Question(context.model(asked.model_name), parse_labels(asked.labels).labels, templates)


def of_what_is_shown(handler: Callable[P, View]) -> Callable[P, View]:
    """Return a handler whose answer is not shown where the page was given another collection meanwhile."""

    @wraps(handler)
    def answer(*given: P.args, **named: P.kwargs) -> View:
        def steps() -> Generator[View]:
            yield handler(*given, **named)

        context = named.get("context", IN_PROCESS)
        assert isinstance(context, Context)
        return next(HEARD.beside(context, steps()), {})

    return answer


@of_what_is_shown
def ask_again(explored: Explored | None, asked: Asked, context: Context = IN_PROCESS) -> View:
    """Answer for other labels, without listening again.

    Raises:
        AudiopromptError: the labels cannot be used, or another model is chosen.
    """
    if explored is None:
        return {}
    question = _question(asked, context)
    explored = answer_again(explored, question)
    return {"explored": explored, "rows": view.table(explored), "note": markup.remarks(question.warnings)}


def over() -> View:
    """Return what is shown once nothing is under way."""
    return {"stop": gr.Button(visible=HIDDEN), "job_id": ""}


def stop_listening(job_id: str) -> View:
    """Stop listening; what was heard is shown."""
    FITTING.stop(job_id)
    return {}

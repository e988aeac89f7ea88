"""Collections of recordings: an answer for each, and search in all of them."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from audioprompt.api.inputs import Answer, File, Name, Text, approved_templates
from audioprompt.core.labels import parse_labels
from audioprompt.data import DataError
from audioprompt.data.recordings import FoundFile, find_files
from audioprompt.server import sessions
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.services.folders.classify import Question, Row
from audioprompt.services.folders.search import EmbeddedFolder, open_embedded, search_like, search_words
from audioprompt.services.words import read_labels
from audioprompt.util.places import is_file, is_folder

if TYPE_CHECKING:
    from audioprompt.models.base import AudioTextModel

MAX_RECORDINGS, MAX_FOUND = 5_000, 1_000

TellParts = Callable[[str, int, int, float], object]  # as `Job.progress`


def classify_folder(
    labels: Text,
    clips: File | None = None,
    folder: Name = "",
    pack: Name = "",
    model: Name = "embedded",
    progress: TellParts | None = None,
    context: Context = IN_PROCESS,
) -> Answer:
    """Name what is heard in each recording of a zip file or a folder; one that cannot be used costs the others nothing.

    Args:
        labels: 2 to 200 labels to choose between, as for `classify`.
        clips: A zip file of recordings.
        folder: In its place a folder of the machine that runs this; for curators.
        pack: The prompt pack whose approved templates form the ensemble, as for `classify`.
        model: The model that hears, a name that `models` lists.

    Returns:
        recordings, for each its file, seconds, answer, probability, known, start and end of where the answer is heard most clearly, vanilla, heard, notes, and error, why it could not be named; count; failed, how many could not; warnings, such as labels that the model does not know.
    """  # noqa: E501, Gradio reads one line of each
    from audioprompt.encoding.stream import total
    from audioprompt.services.folders.classify import classify_files

    with _recordings(clips, folder, context) as files:
        question = Question(context.model(model), parse_labels(labels).labels, approved_templates(pack, context))
        rows: list[Row] = []
        tick = partial(progress or _tell_nobody, "clips")
        for _, row in classify_files(question, files, lambda parts: tick(len(rows), len(files), total(parts))):
            rows.append(row)
    rows.sort(key=lambda row: row.file)
    failed = sum(bool(row.error) for row in rows)
    found = [asdict(row) for row in rows]
    return {"recordings": found, "count": len(rows), "failed": failed, "warnings": question.warnings}


def search(
    words: Text = "",
    like: File | None = None,
    clips: File | None = None,
    folder: Name = "",
    most: int = 10,
    model: Name = "embedded",
    progress: TellParts | None = None,
    context: Context = IN_PROCESS,
) -> Answer:
    """Find the recordings of a zip file or a folder in which something is heard most, by words or by a clip.

    Args:
        words: What is to be heard, like "a dog barking far away".
        like: In place of words a clip; what sounds like it is found.
        clips: A zip file of recordings.
        folder: In its place a folder of the machine that runs this, of recordings or made by `audioprompt embed`; for curators.
        most: How many recordings to find.
        model: The model that hears and reads, a name that `models` lists.

    Returns:
        found, the best first, each with its file, score, start and end of the best place in it, and heard, whether words are heard there by the model's own measure; method, how it was searched; recordings, how many there are; warnings, such as words that the model does not know.
    """  # noqa: E501
    if bool(words.strip()) == (like is not None):
        raise DataError("Give words to search for, or a clip, one of the two.")
    encoder, most = context.model(model), max(1, min(most, MAX_FOUND))
    with _embedded(clips, folder, encoder, progress, context) as embedded:
        found = search_like(embedded, encoder, like, most) if like else search_words(embedded, encoder, words, most)
    return {
        "found": [{name: value for name, value in asdict(one).items() if name != "number"} for one in found],
        "method": embedded.method,
        "recordings": len(embedded.names),
        "warnings": [] if like else read_labels(encoder, [words]).notices,
    }


def _tell_nobody(what: str, done: int, total: int, part: float) -> None:
    pass


@contextmanager
def _embedded(
    clips: Path | None,
    folder: str,
    model: "AudioTextModel",
    progress: TellParts | None,
    context: Context,
) -> Iterator[EmbeddedFolder]:
    """Open a folder that was embedded, or listen to recordings."""
    from audioprompt.encoding.stream import Heard, stream_clips, total
    from audioprompt.services.folders.shards import MANIFEST

    if folder and not clips and context.is_curator and is_file(Path(folder) / MANIFEST):
        yield open_embedded(Path(folder))
        return
    with _recordings(clips, folder, context) as files:
        heard: list[Heard[FoundFile]] = []
        tick = partial(progress or _tell_nobody, "clips")
        for one in stream_clips(model, files, lambda parts: tick(len(heard), len(files), total(parts))):
            heard.append(one)
        yield EmbeddedFolder.of_heard(model, heard)


@contextmanager
def _recordings(clips: Path | None, folder: str, context: Context) -> Iterator[list[FoundFile]]:
    """Find recordings in an upload, which is unpacked for as long as they are needed, or in a folder."""
    if bool(clips) == bool(folder.strip()):
        raise DataError("Give a zip file or a folder, one of the two.")
    if not clips:
        if not context.is_curator:
            raise DataError("Visitors cannot open files of this server. Upload a zip of recordings.")
        if not is_folder(folder):
            raise DataError(f"{folder} is not a folder: give the path of one.")
        yield _few(find_files([Path(folder)], Path(folder)))
        return
    if clips.suffix.lower() != ".zip":
        raise DataError(f"{clips.name} is not a valid zip file. Pack recordings into one.")
    with tempfile.TemporaryDirectory(prefix="clips-", dir=sessions.temporary()) as place:
        context.recordings([clips], Path(place))  # within a visitor's limits
        (unpacked,) = Path(place).iterdir()
        yield _few(find_files([unpacked], unpacked))


def _few(files: list[FoundFile]) -> list[FoundFile]:
    if len(files) > MAX_RECORDINGS:
        raise DataError(
            f"These are {len(files):,} recordings; one call takes {MAX_RECORDINGS:,}. Use the shell: audioprompt embed."
        )
    return files

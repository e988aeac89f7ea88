"""Recordings without labels: the most telling ones are asked for first, and go to the clips as they get a label."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from audioprompt.core.labels import parse_labels
from audioprompt.core.zero_shot import Array
from audioprompt.data import LabelledClips
from audioprompt.server import sessions
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.server.questions import Questions
from audioprompt.services.collection import Collection
from audioprompt.services.label_next import LabellingSession, embed_pool
from audioprompt.services.packs import suitable_pack
from audioprompt.ui import markup
from audioprompt.ui.components import label_next as view
from audioprompt.ui.components import learn as learn_view
from audioprompt.ui.events import Parts, View
from audioprompt.ui.render import script
from audioprompt.ui.tabs.learn import gather
from audioprompt.ui.theme import PLAIN
from audioprompt.util.jobs import FITTING, Job, follow
from audioprompt.util.places import as_typed

if TYPE_CHECKING:
    from audioprompt.models.base import AudioTextModel

LOOK_SECONDS = 0.2
POOLS = Questions()  # of several pools in a row a page listens to the last
PARTS = (*gather.PARTS, "labelling", "pool", "other_label")


@dataclass(eq=False)
class Labelling:
    """What a page is labelling.

    Attributes:
        session: the labels given so far.
        recordings: the pool.
        current: the recording that is played; None where none is left.
    """

    session: LabellingSession
    recordings: Sequence[Path]
    current: int | None = None


def lay_out() -> Parts:
    """Lay out what takes a pool and asks for labels."""
    names = gr.Textbox(
        label="Labels",
        placeholder="Labels, as far as you know them: rain, dog bark",
        elem_id="label-names",
        **PLAIN,
    )
    with gr.Row(elem_classes="inline"):
        files = gr.UploadButton("Upload files or zip", file_count="multiple", size="md", elem_id="label-files")
        folder = gr.UploadButton("Upload a folder", file_count="directory", size="md", elem_id="label-folder")
    where = gr.Textbox(
        label="A folder or a zip of this machine",
        placeholder="Or a folder or a zip of this machine: its path, then Enter",
        elem_id="label-where",
        **PLAIN,
    )
    pool = gr.HTML(
        view.START,
        elem_id="label-next",
        js_on_load=script("components/label_next/keys.js"),
        apply_default_css=False,
    )
    other = gr.Textbox(
        label="Another label",
        placeholder="Another label for this recording, then Enter",
        elem_id="label-other",
        **PLAIN,
    )
    unlabelled = gr.Checkbox(
        True, label="Learn from recordings that have no label, too", container=False, elem_id="unlabelled"
    )
    return Parts(
        label_names=names,
        pool_files=files,
        pool_folder=folder,
        pool_where=where,
        pool=pool,
        other_label=other,
        unlabelled=unlabelled,
        labelling=gr.State(None),
    )


def begin_labelling(
    collection: Collection,
    files: Sequence[str] | None,
    names: str | None,
    model_name: str,
    context: Context = IN_PROCESS,
) -> Iterator[View]:
    """Take uploads as the pool, recordings and zip files of such; listen to it, and ask for the first label.

    Raises:
        AudiopromptError: there is nothing to label; the message says what to change.
    """
    given = list(map(Path, files or []))

    def take() -> list[Path]:
        sessions.refuse_too_many(context.request, collection.folder, given)
        copies = [file if file.suffix.lower() == ".zip" else collection.copy(file) for file in given]
        return context.recordings(copies, collection.folder)

    yield from POOLS.latest(context, (given, names, model_name), _listen(collection, take, names, model_name, context))


def enter_pool(
    collection: Collection, where: str | None, names: str | None, model_name: str, context: Context = IN_PROCESS
) -> Iterator[View]:
    """Take a folder or a zip file of this machine as the pool, as far as whoever names it may; as `begin_labelling`."""
    if not (where := (where or "").strip()):
        return

    def take() -> list[Path]:
        return context.recordings([as_typed(where)], collection.folder, uploaded=False)

    yield from POOLS.latest(context, (where, names, model_name), _listen(collection, take, names, model_name, context))


def _listen(
    collection: Collection, take: Callable[[], list[Path]], names: str | None, model_name: str, context: Context
) -> Generator[View]:
    recordings = take()
    classes = list(parse_labels(names).labels) if names and names.strip() else []
    yield {"pool": learn_view.hearing(0, 0)}
    model = context.model(model_name)
    clips, audio = yield from hear(model, recordings, "pool", context)
    collection.pour(clips.paths)
    templates = context.store.get(suitable_pack(context.store, None)).approved
    labelling = Labelling(LabellingSession(model, templates, audio, classes), clips.paths)
    yield {**ask(labelling), "note": "".join(map(markup.problem, clips.remarks))}


def hear(
    model: "AudioTextModel", recordings: Sequence[Path], part: str, context: Context
) -> Generator[View, None, tuple[LabelledClips, Array]]:
    """Listen to recordings without labels, telling in a part of the page how far it is; return what is heard."""

    def work(job: Job[tuple[LabelledClips, Array]]) -> tuple[LabelledClips, Array]:
        return embed_pool(model, recordings, partial(job.progress, "clips"), skip_bad=True)

    job = FITTING.start(work, **context.terms)
    for _ in follow(job, LOOK_SECONDS, alone=True):
        yield {part: learn_view.hearing(job.done, job.total)}
    return job.result()


def ask(labelling: Labelling) -> View:
    """Ask for the next label."""
    session = labelling.session
    labelling.current = session.next()
    if labelling.current is None:
        return {"labelling": labelling, "pool": view.done(session)}
    return {
        "labelling": labelling,
        "pool": view.card(session, labelling.current, labelling.recordings[labelling.current]),
    }


def act(labelling: Labelling | None, collection: Collection, event: gr.EventData) -> View:
    """Do what a key stands for; what was pressed for an earlier recording is none."""
    if labelling is None or labelling.current is None or event.recording != labelling.current:
        return {}
    key, session = str(event.key), labelling.session
    if key == "u":
        return undo(labelling, collection)
    if key == "0":
        session.skip(labelling.current)
        return ask(labelling)
    return label(labelling, collection, session.classes[int(key) - 1])


def label(labelling: Labelling | None, collection: Collection, name: str | None) -> View:
    """Give the recording that is played a label, and put it among the clips to learn from.

    Raises:
        LabelError: it cannot be a label.
    """
    if labelling is None or labelling.current is None or not (name and name.strip()):
        return {}
    session, recording = labelling.session, labelling.current
    session.label(recording, name)
    name = session.classes[session.given[recording]]
    return gather.put(collection, name, [labelling.recordings[recording]]) | ask(labelling) | {"other_label": ""}


def undo(labelling: Labelling, collection: Collection) -> View:
    """Take the last label or skip back, and what was labelled out of the clips to learn from."""
    labelled = set(labelling.session.given)
    recording = labelling.session.undo()
    if recording not in labelled:
        return ask(labelling)
    collection.take_out(labelling.recordings[recording])
    return gather.show(collection) | ask(labelling)

"""The Learn tab: from a handful of clips per class to a head that classifies."""

from __future__ import annotations

import base64
import io
import math
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr
import soundfile

from audioprompt.audio.decode import load, read
from audioprompt.audio.recording import AudioError
from audioprompt.core.labels import LABEL_CHARACTERS, clean_label
from audioprompt.data import DEMONSTRATION, DataError, LabelledClips
from audioprompt.data.sources import list_examples
from audioprompt.few_shot.methods import METHODS, title_of
from audioprompt.prompts.pack import PackError
from audioprompt.prompts.template import VANILLA
from audioprompt.server import access, sessions
from audioprompt.server.gradio_patches import calls
from audioprompt.server.models import shared_model
from audioprompt.ui import markup
from audioprompt.ui.components import learn as view
from audioprompt.ui.render import script
from audioprompt.ui.tabs.classify import pack_choices, waveform
from audioprompt.util.text import counted, one_line

if TYPE_CHECKING:
    from audioprompt.few_shot.heads import SharedHead
    from audioprompt.services.learn import Experiment, ExperimentSettings, Step
    from audioprompt.util.jobs import Job

LOOK_SECONDS = 0.12  # between two looks at a fit
LOOKS_UNSEEN = 8  # in which nothing has changed, until that is passed on all the same
PLAYED_AT = 22_050  # Hz
LONGEST_PLAYED = 20.0  # seconds
WORKERS = 2  # fits at once
CLIP_WORKERS = 4  # recordings and data sets taken at once, apart from the fits: nobody waits for these to record
STARTS = [("The class's name, as in the paper", "name"), ("The plain prompt", "vanilla"), ("The prompts below", "pack")]
OWN = "own-"  # begins the name of each folder with a recording or an upload, to tell them from clips of data sets
METHODS_HELP = (
    "PALM learns what each label means from your clips. Zero-shot (one plain prompt) and TSPE (many prompts, averaged) "
    "learn nothing and show what prompts alone give."
)


@dataclass(frozen=True)
class Gathered:
    """The clips of one open page.

    Attributes:
        clips: by class, some of which may still be without a clip.
        folder: where its recordings and files are kept, as long as the page is open; None before there are any.
        unnamed: recordings of a sound that has no name yet; they go to the class that is named next.
        read: what the field for a data set held when it was last read.
        skip_bad: whether recordings that cannot be used are left out.
    """

    clips: LabelledClips = field(default_factory=lambda: LabelledClips((), (), name="clips of one's own"))
    folder: Path | None = None
    unnamed: tuple[Path, ...] = ()
    read: str = ""
    skip_bad: bool = False

    def with_folder(self) -> Gathered:
        if self.folder:
            return self
        return replace(self, folder=Path(tempfile.mkdtemp(prefix="clips-", dir=sessions.temporary())))


class Collection:
    """What is gathered on one open page, for handlers that run at the same time: none undoes what another did."""

    def __init__(self) -> None:
        self.now = Gathered()
        self._lock = Lock()

    def __deepcopy__(self, memo: object) -> Collection:
        return Collection()  # Gradio copies the first value of a state for every page

    def change(self, change: Callable[[Gathered], Shown]) -> Shown:
        """Replace what is gathered by what a change makes of it; what is shown of that."""
        with self._lock:
            shown = change(self.now)
            self.now = shown.gathered
        return shown

    def folder(self) -> Path:
        """Where files are kept, made at the first call."""
        with self._lock:
            self.now = self.now.with_folder()
        assert self.now.folder
        return self.now.folder


class Shown(NamedTuple):
    """Each part of the page that shows the clips."""

    gathered: Any
    cards: Any
    name: Any
    folds: Any
    note: Any


# --- clips: functions that a script can call as well ------------------------------------------------------------------


def show(gathered: Gathered, name: str = "", note: str = "") -> Shown:
    """Return the clips as cards; ``name`` is the class that is being added to, ``note`` a piece of markup."""
    folds = _folds(gathered.clips)
    choice = gr.CheckboxGroup(
        [(str(fold), fold) for fold in folds], value=folds[:-1], visible=len(folds) > 1 or "hidden"
    )
    own = sum(path.parent.name.startswith(OWN) for path in gathered.clips.paths)
    return Shown(gathered, view.cards(gathered.clips, name, len(gathered.unnamed), own), name, choice, note)


def _folds(clips: LabelledClips) -> list[int]:
    """Return the folds there are; the page proposes to learn from all but the last. Those that part recordings are
    none.
    """
    return [] if clips.folds_part_recordings else sorted(set(clips.folds or ()))


def add(gathered: Gathered, name: str, files: Sequence[str | Path], request: gr.Request | None = None) -> Shown:
    """Add recordings to a class, which is made where there is none of that name; no recordings make the class alone.

    Without a name they are kept until there is one.
    """
    gathered = gathered.with_folder()
    kept, problem = keep(gathered.folder or Path(), files, request)
    return put(gathered, name, kept, problem)


def keep(folder: Path, files: Sequence[str | Path], request: gr.Request | None = None) -> tuple[list[Path], str]:
    """Copy recordings into a folder, those that can be heard; what is wrong with the others, as markup."""
    kept, problems = [], []
    try:
        sessions.refuse_too_many(request, folder, files)
    except access.NotAllowed as error:
        return [], markup.problem(error)
    for file in map(Path, files):
        try:
            copy = _kept(file, folder)
            load(copy, PLAYED_AT, max_seconds=600)
        except (AudioError, OSError) as error:
            problems.append(markup.problem(error))
        else:
            kept.append(copy)
    return kept, "".join(problems)


def put(gathered: Gathered, name: str, kept: Sequence[Path], problem: str = "") -> Shown:
    """Put recordings that were kept into a class, and those that had no name before.

    Args:
        gathered: what there is.
        name: of the class.
        kept: recordings in the page's folder.
        problem: what was wrong with others, as markup.
    """
    name, clips, kept = clean_label(name), gathered.clips, [*gathered.unnamed, *kept]
    if unfit := _unfit(name):
        if kept:
            unfit = f"{counted(len(kept), 'recording')} kept. {unfit}"
        return show(replace(gathered, unnamed=tuple(kept)), name, problem + markup.problem(unfit))
    if problem and not kept:
        return show(gathered, name, problem)
    classes = clips.classes if name in clips.classes else (*clips.classes, name)
    clips = LabelledClips(
        (*clips.paths, *kept), (*clips.labels, *[name] * len(kept)), None if kept else clips.folds, clips.name, classes,
        (*clips.groups, *map(str, kept)),
    )  # fmt: skip
    return show(replace(gathered, clips=clips, unnamed=()), name, problem)


def drop(gathered: Gathered, name: str) -> Shown:
    """Take away the last clip of a class, or the class where it has none; without a name the last that has none."""
    if not name:
        return show(replace(gathered, unnamed=gathered.unnamed[:-1]))
    clips = gathered.clips
    rows = [row for row, label in enumerate(clips.labels) if label == name]
    if rows:
        clips = clips.take([row for row in range(len(clips)) if row != rows[-1]])
    else:
        clips = replace(clips, classes=tuple(other for other in clips.classes if other != name))
    return show(replace(gathered, clips=clips), name if rows else "")


def take_data(gathered: Gathered, where: str, uploads: Path | None = None, request: gr.Request | None = None) -> Shown:
    """Take a data set in place of the clips there were; ``uploads`` is where visitors may name a file."""
    gathered = gathered.with_folder()
    try:
        clips = open_data(gathered.folder or Path(), where, uploads, request, gathered.skip_bad)
    except DataError as error:
        return show(gathered, "", markup.problem(error))
    return show(replace(gathered, clips=clips))


def open_data(
    folder: Path, where: str, uploads: Path | None, request: gr.Request | None, skip_bad: bool = False
) -> LabelledClips:
    """Return the clips of a data set, unpacked into the page's folder where they are in an archive.

    Raises:
        DataError: it cannot be used.
    """
    return sessions.clips_named(where.strip(), request, uploads, into=folder, skip_bad=skip_bad)


def play(gathered: Gathered, name: str, turn: int) -> str:
    """Return a player for a class's clips, one after the other; without a name for those that have none."""
    paths: Sequence[Path] = gathered.unnamed
    if name:
        paths = [path for path, label in zip(gathered.clips.paths, gathered.clips.labels, strict=True) if label == name]
    if not paths:
        return ""
    path = paths[turn % len(paths)]
    try:
        samples = read(path, PLAYED_AT, first_seconds=LONGEST_PLAYED).samples
    except AudioError as error:
        return view.player_failed(error)
    wav = io.BytesIO()
    soundfile.write(wav, samples, PLAYED_AT, format="WAV", subtype="PCM_16")
    return view.player(path.name, base64.b64encode(wav.getvalue()).decode())


def forget(gathered: Gathered) -> None:
    """Remove what was recorded and uploaded, once the page has been closed."""
    if gathered.folder:
        shutil.rmtree(gathered.folder, ignore_errors=True)


def _unfit(name: str) -> str | None:
    if not name:
        return "Type the name of the sound, then press Enter."
    if len(name) > LABEL_CHARACTERS:
        return f"That name has {len(name)} characters: shorten it to {LABEL_CHARACTERS}."
    return None


def _kept(file: Path, folder: Path) -> Path:
    """Return a copy of an upload, which the page would throw away after a while."""
    place = Path(tempfile.mkdtemp(prefix=OWN, dir=folder)) / file.name
    shutil.copyfile(file, place)
    return place


# --- learning ---------------------------------------------------------------------------------------------------------


class Learned(NamedTuple):
    """Each part of the page that shows a trial."""

    summary: Any
    details: Any
    tried: Any
    job_id: Any
    head: Any
    curve: Any
    go: Any
    stop: Any


AS_IT_IS = Learned(*[gr.skip()] * len(Learned._fields))


def trial_of(
    methods: Sequence[str],
    shots: float,
    epochs: float,
    rate: float,
    seeds: float,
    start: str,
    pack_id: str,
    dropout: float,
    request: gr.Request | None = None,
) -> ExperimentSettings:
    """Return what the controls ask for.

    Raises:
        FewShotError: settings that no fit can work with, or no method.
        PackError: the pack cannot be used.
    """
    from audioprompt.few_shot.settings import FewShotError, FitSettings
    from audioprompt.prompts.template import BARE_NAME
    from audioprompt.services.learn import ExperimentSettings

    if not methods:
        raise FewShotError("Choose at least one method.")
    sessions.refuse_large_trials(request, methods, shots, epochs, seeds)
    needed = any(METHODS[name].needs_templates for name in methods) or start == "pack"
    templates = sessions.store(request).get(pack_id).approved if needed else ()
    starts = {"name": (BARE_NAME,), "vanilla": (VANILLA,), "pack": tuple(templates)}
    return ExperimentSettings(
        tuple(methods), int(shots), tuple(range(int(seeds))), FitSettings(epochs=int(epochs), learning_rate=rate),
        tuple(templates), starts[start], dropout,
    )  # fmt: skip


def learn(
    gathered: Gathered,
    folds: Sequence[int],
    methods: Sequence[str],
    shots: float,
    epochs: float,
    rate: float,
    seeds: float,
    start: str,
    pack_id: str,
    dropout: float,
    model_name: str,
    request: gr.Request | None = None,
) -> Iterator[Learned]:
    """Try methods on the clips: yields how far it is, several times a second, and then what came of it.

    What is measured on clips held back is then fitted again on all of them, for that is the head to use.
    """
    from audioprompt.few_shot.settings import FewShotError
    from audioprompt.models.base import ModelError
    from audioprompt.services.learn import try_out
    from audioprompt.util.jobs import FITTING, Stopped, TookTooLong

    clips = gathered.clips
    chance = math.log(max(len(clips.classes), 2))
    try:
        trial, model = (
            trial_of(methods, shots, epochs, rate, seeds, start, pack_id, dropout, request),
            shared_model(model_name),
        )
        learn_folds = folds if clips.folds and folds else None

        def work(job: Job[Experiment]) -> Experiment:
            heard, tell = partial(job.progress, "clips"), partial(setattr, job, "stage")
            skip_bad = gathered.skip_bad
            return try_out(
                model, clips, trial, learn_folds, None, heard, tell, job.stopping, again=True, skip_bad=skip_bad
            )

        yield from _watched(job := FITTING.start(work, **sessions.terms(request)), chance)
        tried = job.result()
    except TookTooLong as error:
        yield _over(markup.problem(f"{error} Give fewer or shorter clips, or {access.elsewhere()}."))
    except Stopped:
        yield _over(view.START)
    except (AudioError, DataError, FewShotError, ModelError, PackError, access.NotAllowed) as error:
        yield _over(markup.problem(error))
    else:
        yield _over(view.summary(tried.results), view.details(tried.results, chance), tried)


def _watched(job: Job[Any], chance: float) -> Iterator[Learned]:
    """Show how far a job is until it has come to an end; it ends as well where nobody looks any more."""
    yield AS_IT_IS._replace(
        summary=view.hearing(0, 0), details="", job_id=job.id, curve="", go=gr.Button(interactive=False),
        stop=gr.Button(interactive=True),
    )  # fmt: skip
    shown: tuple[int, Step | None] | None = None
    try:
        looks = 0
        while not job.finished(LOOK_SECONDS):
            looks += 1
            if (now := (job.done, job.stage)) != shown:
                shown = now
                yield AS_IT_IS._replace(
                    summary=view.fitting(job.stage, chance) if job.stage else view.hearing(job.done, job.total)
                )
            elif looks % LOOKS_UNSEEN == 0:
                yield AS_IT_IS  # only at such a step does Gradio notice that nobody looks any more
    finally:
        job.stop()


def _over(summary: str, details: str = "", tried: Experiment | None = None) -> Learned:
    fitted = [one for one in tried.results.outcomes if one.head] if tried else []
    heads = [(title_of(one.method), one.method) for one in fitted]
    best = tried and tried.results.best
    chosen = best.method if best else heads[0][1] if heads else None
    return Learned(
        summary, details, tried, "", gr.Dropdown(choices=heads, value=chosen), "",
        gr.Button(interactive=True), gr.Button(interactive=False),
    )  # fmt: skip


def stop(job_id: str) -> None:
    """Ask a trial to end; what it has learned by then is kept."""
    from audioprompt.util.jobs import FITTING

    FITTING.stop(job_id)


class Curve(NamedTuple):
    """Each part of the page that shows how accuracy grows with the clips."""

    curve: Any
    job_id: Any
    stop: Any


def shots_curve(tried: Experiment, model_name: str) -> Iterator[Curve]:
    """Run the same trial with 1, 2, 4, 8 and 16 clips per class: yields how far it is, then the curve."""
    from audioprompt.few_shot.settings import FewShotError
    from audioprompt.services.learn import Results, curve
    from audioprompt.util.jobs import FITTING

    if tried.test is None:
        nothing = markup.problem("Nothing was held back to measure on: give three clips of every class.")
        yield Curve(nothing, gr.skip(), gr.skip())
        return
    model, train, test = shared_model(model_name), tried.train, tried.test

    def work(job: Job[dict[int, Results]]) -> dict[int, Results]:
        told = partial(setattr, job, "stage")
        return curve(model, train, test, tried.results.trial, on_step=told, stop=job.stopping)

    terms = sessions.terms(
        calls.current_request()
    )  # by annotation Gradio would hand none over: it cannot read Experiment
    job, over = FITTING.start(work, **terms), gr.Button(interactive=False)
    try:
        yield Curve(view.WAITING, job.id, gr.Button(interactive=True))
        while not job.finished(LOOK_SECONDS):
            yield Curve(view.counting(job.stage) if job.stage else gr.skip(), gr.skip(), gr.skip())
        yield Curve(view.shots_curve(job.result()), "", over)
    except FewShotError as error:
        yield Curve(markup.problem(error), "", over)
    finally:
        job.stop()


# --- heads ------------------------------------------------------------------------------------------------------------


def use(tried: Experiment, method: str, licence: str, model_name: str) -> tuple[str, Any]:
    """Keep a head for the Classify tab and go there: its id, and the tab."""
    from audioprompt.services.heads import HEADS

    owner = access.share(calls.current_request())
    return HEADS.keep(_head_of(tried, method, licence, model_name), owner=owner), gr.Tabs(selected="classify")


def save(gathered: Gathered, tried: Experiment | None, method: str | None, licence: str, model_name: str) -> Any:
    """Pack a head, with its card, into a zip file to download."""
    if tried is None or method is None:
        return None
    gathered = gathered.with_folder()
    place = Path(tempfile.mkdtemp(dir=gathered.folder))
    _head_of(tried, method, licence, model_name).save_pretrained(place / "head")
    return shutil.make_archive(str(place / f"{method}-head"), "zip", place / "head")


def _head_of(tried: Experiment, method: str, licence: str, model_name: str) -> SharedHead:
    """Return what a trial learned with one method, and what is known of it."""
    from audioprompt.few_shot.settings import FewShotError
    from audioprompt.services.learn import shared

    try:
        return shared(tried.results, method, shared_model(model_name), tried.train.clips.name, one_line(licence))
    except FewShotError as error:
        raise gr.Error(str(error), print_exception=False) from error


# --- the tab ----------------------------------------------------------------------------------------------------------


def build(page: gr.Blocks, tabs: gr.Tabs, model: gr.Dropdown, head_in_hand: gr.State) -> gr.State:
    """Lay out the tab in the Blocks context it is called in, and wire it; what holds the page's `Collection`.

    Args:
        page: the page it is on.
        tabs: the page's tabs, to go on to Classify.
        model: holds the name of the model that hears.
        head_in_hand: holds the id of the fitted head that Classify uses.
    """
    collection = gr.State(Collection(), delete_callback=lambda kept: forget(kept.now))
    tried, job_id = gr.State(None), gr.State("")
    with gr.Row(equal_height=False, elem_classes="work", elem_id="learn"):
        with gr.Column(scale=5, min_width=320):
            cards = gr.HTML(
                view.NO_CLIPS,
                elem_id="learn-cards",
                js_on_load=script("components/learn/cards.js"),
                apply_default_css=False,
            )
            player = gr.HTML(elem_id="learn-player", apply_default_css=False)
            note = gr.HTML(elem_id="learn-note", apply_default_css=False)
            with gr.Tabs(elem_classes="switch"):
                with gr.Tab("Record or upload"):
                    with gr.Row(elem_classes="inline"):
                        name = gr.Textbox(
                            label="Name of the sound",
                            show_label=False, placeholder="Name of the sound: rain", container=False, scale=3,
                            min_width=160, elem_id="learn-name",
                        )  # fmt: skip
                        upload = gr.UploadButton(
                            "Upload clips", file_count="multiple", scale=1, min_width=120, size="md",
                            elem_id="learn-upload",
                        )  # fmt: skip
                    microphone = gr.Audio(
                        show_label=False, sources=["microphone"], type="filepath", buttons=[],
                        editable=False, elem_id="learn-microphone",
                        waveform_options=waveform(),
                    )  # fmt: skip
                with gr.Tab("A data set"):
                    with gr.Row(elem_classes="inline"):
                        where = gr.Textbox(
                            label="Data set",
                            show_label=False, placeholder=list_examples(), container=False, scale=3, min_width=160,
                            elem_id="learn-where", elem_classes="takes-unsaved",
                        )  # fmt: skip
                        zip_file = gr.UploadButton(
                            "Upload a zip", file_types=[".zip"], scale=1, min_width=120, size="md", elem_id="learn-zip",
                            elem_classes="takes-unsaved",
                        )  # fmt: skip
                    demonstration = gr.Button(
                        "Load the instruments demonstration", size="md", elem_classes="takes-unsaved"
                    )
                    skip_bad = gr.Checkbox(label="Leave out recordings that cannot be read", elem_id="learn-skip-bad")
                    folds = gr.CheckboxGroup(
                        label="Folds to learn from; the others are held back", visible="hidden", elem_id="learn-folds"
                    )
            with gr.Group():
                methods = gr.CheckboxGroup(
                    [(method.title, method.name) for method in METHODS], value=["palm", "zero-shot"],
                    label="Methods", elem_id="learn-methods",
                )  # fmt: skip
                shots = gr.Slider(1, 16, 16, step=1, label="Clips per class while measuring, at most")
            with gr.Row(elem_classes="inline"):
                go = gr.Button("Learn", variant="primary", scale=3, size="md", elem_id="learn-go")
                halt = gr.Button("Stop", interactive=False, min_width=90, size="md", elem_id="learn-stop")
            gr.Markdown(METHODS_HELP)  # below the button, which stays above the fold
            with gr.Accordion("Advanced", open=False):
                with gr.Row():
                    epochs = gr.Slider(1, 200, 50, step=1, label="Epochs", min_width=140)
                    rate = gr.Number(0.05, label="Learning rate", minimum=0.0001, min_width=140)
                    seeds = gr.Slider(1, 5, 3, step=1, label="Seeds", min_width=140)
                with gr.Row():
                    start = gr.Dropdown(STARTS, value="name", label="PALM starts from", min_width=180)
                    pack = gr.Dropdown(pack_choices(), label="Prompts of TSPE", min_width=180)
                dropout = gr.Slider(
                    0, 0.9, 0, step=0.1, label="Dropout: share of what is heard that each step leaves out",
                    info="Half of it, as in PALM's own code, often helps where clips are few.",
                )  # fmt: skip
        with gr.Column(scale=7, min_width=320, elem_id="learn-answer"):
            summary = gr.HTML(view.START, elem_id="learn-summary", apply_default_css=False)
            with gr.Column(elem_id="learn-use"):  # seen where there is a head, see CSS
                with gr.Row(elem_classes="inline"):
                    head = gr.Dropdown(label="Head", show_label=False, container=False, min_width=150, scale=1)
                    use_now = gr.Button("Use it now", variant="primary", min_width=130, size="md", elem_id="use-head")
                    saved = gr.DownloadButton("Save", min_width=90, size="md", elem_id="learn-save")
                    more = gr.Button("Shots curve", min_width=130, size="md", elem_id="learn-more")
                licence = gr.Textbox(
                    label="Licence of these clips",
                    show_label=False, container=False, max_lines=1, elem_id="learn-licence",
                    placeholder="Licence of these clips, to be stated in the saved head's card: CC-BY-4.0",
                )  # fmt: skip
            curve = gr.HTML(elem_id="learn-curve", apply_default_css=False)
            details = gr.HTML(elem_id="learn-details", apply_default_css=False)

    instant: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    slow: dict[str, Any] = {
        "show_progress": "hidden", "api_visibility": "private", "concurrency_id": "learn", "concurrency_limit": WORKERS,
    }  # fmt: skip
    shown = [collection, cards, name, folds, note]
    if access.public():
        page.load(_bounds, None, [epochs, seeds], **instant)
    # each of them counts, those too that come before the answer to the one before
    clips: dict[str, Any] = slow | {"concurrency_id": "learn-clips", "concurrency_limit": CLIP_WORKERS}
    all_of_them: dict[str, Any] = clips | {"trigger_mode": "multiple"}

    cards.click(_act, [collection], [*shown, player], **all_of_them)
    name.submit(_named, [collection, name], shown, **instant)
    name.blur(_name_left, [collection, name], shown, **instant)
    upload.upload(_brought, [collection, name, upload], shown, **all_of_them)
    microphone.stop_recording(_recorded, [collection, name, microphone], [*shown, microphone], **all_of_them).then(
        None, js="audioprompt.askName", **instant
    )
    where.submit(_data_named, [collection, where], shown, **clips)
    where.blur(_data_left, [collection, where], shown, **clips)
    zip_file.upload(_data_uploaded, [collection, zip_file], shown, **clips)
    demonstration.click(lambda kept: _data_taken(kept, DEMONSTRATION), collection, shown, **clips)
    skip_bad.input(_skip_bad, [collection, skip_bad], None, **instant)

    packing: dict[str, Any] = {
        "fn": _save,
        "inputs": [collection, tried, head, licence, model],
        "outputs": saved,
        **instant,
    }
    wanted = more.click(shots_curve, [tried, model], [curve, job_id, halt], **slow)
    go.click(
        None, None, summary, js=script("components/learn/begin.js", waiting=view.WAITING), cancels=[wanted], **instant
    )
    go.click(
        _learn,
        [collection, name, where, folds, methods, shots, epochs, rate, seeds, start, pack, dropout, model],
        [*shown, summary, details, tried, job_id, head, curve, go, halt], **slow,
    ).then(**packing)  # fmt: skip
    gr.on([head.input, licence.change], **packing)
    halt.click(stop, job_id, None, **instant)
    # through the queue: only then does Gradio tell Classify that the head in hand has changed
    use_now.click(use, [tried, head, licence, model], [head_in_hand, tabs], **clips)
    return collection


Handled = Sequence[Any]  # what Shown has, the page's collection in the place of what is gathered, and more


def _changed(collection: Collection, change: Callable[[Gathered], Shown]) -> Shown:
    return collection.change(change)._replace(gathered=collection)


def _bounds(request: gr.Request) -> tuple[Any, Any]:
    """How far the sliders go: visitors may choose less."""
    if access.is_curator(request):
        return gr.skip(), gr.skip()
    return gr.Slider(maximum=sessions.EPOCHS), gr.Slider(maximum=sessions.SEEDS)


def _act(collection: Collection, event: gr.EventData) -> Handled:
    """Handle a click on the cards."""
    act, label = event.act, event.label
    if act == "play":
        return *[gr.skip()] * len(Shown._fields), play(collection.now, label, event.turn)
    if act == "choose":  # which names what had no name
        return *_changed(collection, lambda now: put(now, label, []) if now.unnamed else _chosen(now, label)), gr.skip()
    if act == "drop":
        return *_changed(collection, lambda now: drop(now, label)), ""
    if act == "demonstrate":
        return *_data_taken(collection, DEMONSTRATION), ""
    return *_changed(
        collection, lambda now: show(Gathered(folder=now.folder, read=now.read, skip_bad=now.skip_bad))
    ), ""


def _chosen(gathered: Gathered, name: str) -> Shown:
    return show(gathered, name)._replace(folds=gr.skip())


def _named(collection: Collection, name: str) -> Handled:
    """Take a name that was entered: for what had none, or for a sound that is recorded next."""
    return _changed(collection, lambda now: put(now, name, []))


def _name_left(collection: Collection, name: str | None) -> Handled:
    """Take the name from a field that was left, Enter or not, for whatever waits for one."""
    if not (name and collection.now.unnamed):
        return [gr.skip()] * len(Shown._fields)
    return _named(collection, name)


def _brought(collection: Collection, name: str, files: Sequence[str], request: gr.Request) -> Handled:
    """Clips were uploaded, or a recording has ended."""
    kept, problem = keep(collection.folder(), files, request)
    return _changed(collection, lambda now: put(now, name, kept, problem))


def _recorded(collection: Collection, name: str, recording: str | None, request: gr.Request) -> Handled:
    """Add a recording that has ended, and be ready for the next one."""
    if recording is None:
        return *[gr.skip()] * len(Shown._fields), gr.skip()
    return *_brought(collection, name, [recording], request), None


def _data_taken(
    collection: Collection, where: str, uploads: Path | None = None, request: gr.Request | None = None, read: str = ""
) -> Shown:
    """Take a data set; what was recorded meanwhile and has no name stays. ``read`` is what its field holds."""
    try:
        clips = open_data(collection.folder(), where, uploads, request, collection.now.skip_bad)
    except DataError as error:
        problem = markup.problem(error)
        return _changed(collection, lambda now: show(replace(now, read=read or now.read), "", problem))
    return _changed(collection, lambda now: show(replace(now, clips=clips, read=read or now.read)))


def _skip_bad(collection: Collection, wanted: bool) -> None:
    """Read again what the field for a data set names: with the switch turned it may be another data set."""
    collection.change(lambda now: show(replace(now, skip_bad=wanted, read="")))


def _data_named(collection: Collection, where: str | None, request: gr.Request) -> Shown:
    """Enter was pressed in the field for a data set."""
    where = (where or "").strip()
    return _data_taken(collection, where, None, request, where)


def _data_left(collection: Collection, where: str | None, request: gr.Request) -> Handled:
    """Take what a field that was left names, Enter or not, unless that was done already."""
    if not _is_new(collection, where):
        return [gr.skip()] * len(Shown._fields)
    return _data_named(collection, where, request)


def _is_new(collection: Collection, where: str | None) -> bool:
    return bool(where and where.strip()) and (where or "").strip() != collection.now.read


def _data_uploaded(collection: Collection, path: str, request: gr.Request) -> Handled:
    return _data_taken(collection, path, Path(path).parent, request)


def _learn(
    request: gr.Request,
    collection: Collection,
    name: str | None,
    where: str | None,
    folds: Sequence[int],
    *settings: Any,
) -> Iterator[Handled]:
    """Learn was pressed: what was typed and not entered counts as well."""
    as_it_is = [gr.skip()] * len(Shown._fields)
    if _is_new(collection, where):
        yield *as_it_is, *AS_IT_IS._replace(summary=view.hearing(0, 0), details="", curve="")
        shown = _data_named(collection, where, request)
        yield *shown, *AS_IT_IS
        if shown.note:
            yield *as_it_is, *_over(shown.note)
            return
        folds = _folds(collection.now.clips)[:-1]
    elif name and collection.now.unnamed:
        yield *_named(collection, name), *AS_IT_IS
    if unnamed := len(collection.now.unnamed):
        without = f"{counted(unnamed, 'recording')} without a name: type the name of the sound, or take it away."
        yield *as_it_is, *_over(markup.problem(without))
        return
    for learned in learn(collection.now, folds, *settings, request=request):  # type: ignore[misc]
        yield *as_it_is, *learned


def _save(collection: Collection, tried: Experiment | None, method: str | None, licence: str, model_name: str) -> Any:
    return save(replace(collection.now, folder=collection.folder()), tried, method, licence, model_name)

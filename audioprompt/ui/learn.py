"""The Learn tab: from a handful of clips per class to a head that classifies."""

from __future__ import annotations

import base64
import io
import math
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr
import soundfile

from audioprompt.audio import AudioError, load
from audioprompt.classify import VANILLA
from audioprompt.data import DEMONSTRATION, DataError, LabelledClips
from audioprompt.labels import LABEL_CHARACTERS, clean_label
from audioprompt.lines import one_line
from audioprompt.prompts.pack import PackError
from audioprompt.ui import learn_view as view
from audioprompt.ui import markup, roles
from audioprompt.ui.classify import pack_choices, waveform
from audioprompt.ui.header import shared_model
from audioprompt.ui.learn_style import CSS as CSS

if TYPE_CHECKING:
    from audioprompt.few_shot import SharedHead
    from audioprompt.jobs import Job
    from audioprompt.learning import Step, Trial, Tried

LOOK_SECONDS = 0.12  # between two looks at a fit
PLAYED_AT = 22_050  # Hz
LONGEST_PLAYED = 20.0  # seconds
WORKERS = 2
STARTS = [("The class's name, as in the paper", "name"), ("The plain prompt", "vanilla"), ("The prompts below", "pack")]
WHERE_HELP = "manifest.csv, folder or hf:owner/name"
CARDS_SCRIPT = """
const turns = {};
element.addEventListener('click', (event) => {
    const button = event.target.closest('[data-act]');
    if (!button) return;
    const label = button.closest('[data-label]')?.dataset.label ?? '';
    const act = button.dataset.act;
    if (act === 'play') turns[label] = (turns[label] ?? -1) + 1;
    trigger('click', {act, label, turn: turns[label] ?? 0});
});
"""
REVEAL = "() => { if (innerWidth < 768) document.getElementById('learn-answer').scrollIntoView({behavior: 'smooth'}); }"


@dataclass(frozen=True)
class Gathered:
    """The clips of one open page.

    Attributes:
        clips: by class, some of which may still be without a clip.
        folder: where its recordings and files are kept, as long as the page is open; None before there are any.
    """

    clips: LabelledClips = field(default_factory=lambda: LabelledClips((), (), name="clips of one's own"))
    folder: Path | None = None

    def with_folder(self) -> Gathered:
        if self.folder:
            return self
        return replace(self, folder=Path(tempfile.mkdtemp(prefix="clips-", dir=roles.temporary())))


class Shown(NamedTuple):
    """Each part of the page that shows the clips."""

    gathered: Any
    cards: Any
    name: Any
    folds: Any
    note: Any


# --- clips: functions that a script can call as well ------------------------------------------------------------------


def show(gathered: Gathered, name: str = "", note: str = "") -> Shown:
    """The clips as cards; ``name`` is the class that is being added to, ``note`` a piece of markup."""
    folds = sorted(set(gathered.clips.folds or ()))
    choice = gr.CheckboxGroup(
        [(str(fold), fold) for fold in folds], value=folds[:-1], visible=len(folds) > 1 or "hidden"
    )
    return Shown(gathered, view.cards(gathered.clips, name), name, choice, note)


def add(gathered: Gathered, name: str, files: Sequence[str | Path], request: gr.Request | None = None) -> Shown:
    """Add recordings to a class, which is made where there is none of that name; no recordings make the class alone."""
    name = clean_label(name)
    if problem := _unfit(name):
        return show(gathered, name, markup.problem(problem))
    gathered = gathered.with_folder()
    clips = gathered.clips
    try:
        roles.refuse_too_many(request, gathered.folder or Path(), files)
        kept = [_kept(Path(file), gathered.folder or Path()) for file in files]
        for file in kept:
            load(file, PLAYED_AT, max_seconds=600)
    except (AudioError, OSError, roles.NotAllowed) as error:
        return show(gathered, name, markup.problem(error))
    classes = clips.classes if name in clips.classes else (*clips.classes, name)
    clips = LabelledClips(
        (*clips.paths, *kept), (*clips.labels, *[name] * len(kept)), None if kept else clips.folds, clips.name, classes,
        (*clips.groups, *map(str, kept)),
    )  # fmt: skip
    return show(replace(gathered, clips=clips), name)


def drop(gathered: Gathered, name: str) -> Shown:
    """Take away the last clip of a class, or the class where it has none."""
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
        clips = roles.clips_named(where.strip(), request, uploads, into=gathered.folder)
    except DataError as error:
        return show(gathered, "", markup.problem(error))
    return show(replace(gathered, clips=clips))


def play(gathered: Gathered, name: str, turn: int) -> str:
    """A player for a class's clips, one after the other."""
    paths = [path for path, label in zip(gathered.clips.paths, gathered.clips.labels, strict=True) if label == name]
    if not paths:
        return ""
    path = paths[turn % len(paths)]
    try:
        samples = load(path, PLAYED_AT, max_seconds=None)[: round(LONGEST_PLAYED * PLAYED_AT)]
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
        return "Name the sound first, then record it or upload clips of it."
    if len(name) > LABEL_CHARACTERS:
        return f"That name has {len(name)} characters: shorten it to {LABEL_CHARACTERS}."
    return None


def _kept(file: Path, folder: Path) -> Path:
    """A copy of an upload, which the page would throw away after a while."""
    place = Path(tempfile.mkdtemp(dir=folder)) / file.name
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
) -> Trial:
    """What the controls ask for.

    Raises:
        FewShotError: settings that no fit can work with, or no method.
        PackError: the pack cannot be used.
    """
    from audioprompt.few_shot import BARE_NAME, FewShotError, FitSettings
    from audioprompt.learning import Trial

    if not methods:
        raise FewShotError("Choose at least one method.")
    needed = "tspe" in methods or start == "pack"
    templates = roles.store(request).get(pack_id).approved if needed else ()
    starts = {"name": (BARE_NAME,), "vanilla": (VANILLA,), "pack": tuple(templates)}
    return Trial(
        tuple(methods), int(shots), tuple(range(int(seeds))), FitSettings(epochs=int(epochs), rate=rate),
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
    from audioprompt.few_shot import FewShotError
    from audioprompt.jobs import JOBS, Stopped
    from audioprompt.learning import fit_again, try_out
    from audioprompt.models.base import ModelError

    clips = gathered.clips
    chance = math.log(max(len(clips.classes), 2))
    try:
        trial, model = (
            trial_of(methods, shots, epochs, rate, seeds, start, pack_id, dropout, request),
            shared_model(model_name),
        )
        learn_folds = folds if clips.folds and folds else None

        def work(job: Job[Tried]) -> Tried:
            heard, tell = partial(job.progress, "clips"), partial(setattr, job, "stage")
            tried = try_out(model, clips, trial, learn_folds, None, heard, tell, job.stopping)
            return fit_again(model, tried, None, tell, job.stopping)

        yield from _watched(job := JOBS.start(work), chance)
        tried = job.result()
    except Stopped:
        yield _over(view.START)
    except (AudioError, DataError, FewShotError, ModelError, PackError) as error:
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
        while not job.finished(LOOK_SECONDS):
            if (now := (job.done, job.stage)) != shown:
                shown = now
                yield AS_IT_IS._replace(
                    summary=view.fitting(job.stage, chance) if job.stage else view.hearing(job.done, job.total)
                )
    finally:
        job.stop()


def _over(summary: str, details: str = "", tried: Tried | None = None) -> Learned:
    fitted = [one for one in tried.results.outcomes if one.head] if tried else []
    heads = [(markup.METHOD_NAMES[one.method], one.method) for one in fitted]
    best = tried and tried.results.best
    chosen = best.method if best else heads[0][1] if heads else None
    return Learned(
        summary, details, tried, "", gr.Dropdown(choices=heads, value=chosen), "",
        gr.Button(interactive=True), gr.Button(interactive=False),
    )  # fmt: skip


def stop(job_id: str) -> None:
    """Ask a trial to end; what it has learned by then is kept."""
    from audioprompt.jobs import JOBS

    JOBS.stop(job_id)


def shots_curve(tried: Tried, model_name: str) -> Iterator[str]:
    """Run the same trial with 1, 2, 4, 8 and 16 clips per class: yields how far it is, then the curve."""
    from audioprompt.few_shot import FewShotError
    from audioprompt.jobs import JOBS
    from audioprompt.learning import Results, curve

    if tried.test is None:
        yield markup.problem("Nothing was held back to measure on: give three clips of every class.")
        return
    model, train, test = shared_model(model_name), tried.train, tried.test

    def work(job: Job[dict[int, Results]]) -> dict[int, Results]:
        told = partial(setattr, job, "stage")
        return curve(model, train, test, tried.results.trial, on_step=told, stop=job.stopping)

    job = JOBS.start(work)
    try:
        while not job.finished(LOOK_SECONDS):
            if job.stage:
                yield view.counting(job.stage)
        yield view.shots_curve(job.result())
    except FewShotError as error:
        yield markup.problem(error)
    finally:
        job.stop()


# --- heads ------------------------------------------------------------------------------------------------------------


def use(tried: Tried, method: str, licence: str, model_name: str) -> tuple[str, Any]:
    """Keep a head for the Classify tab and go there: its id, and the tab."""
    from audioprompt.learning import HEADS

    return HEADS.keep(_head_of(tried, method, licence, model_name)), gr.Tabs(selected="classify")


def save(gathered: Gathered, tried: Tried | None, method: str | None, licence: str, model_name: str) -> Any:
    """Pack a head, with its card, into a zip file to download."""
    if tried is None or method is None:
        return None
    gathered = gathered.with_folder()
    place = Path(tempfile.mkdtemp(dir=gathered.folder))
    _head_of(tried, method, licence, model_name).save_pretrained(place / "head")
    return shutil.make_archive(str(place / f"{method}-head"), "zip", place / "head")


def _head_of(tried: Tried, method: str, licence: str, model_name: str) -> SharedHead:
    """What a trial learned with one method, and what is known of it."""
    from audioprompt.few_shot import FewShotError
    from audioprompt.learning import shared

    try:
        return shared(tried.results, method, shared_model(model_name), tried.train.clips.name, one_line(licence))
    except FewShotError as error:
        raise gr.Error(str(error), print_exception=False) from error


# --- the tab ----------------------------------------------------------------------------------------------------------


def build(page: gr.Blocks, tabs: gr.Tabs, model: gr.Dropdown, head_in_hand: gr.State) -> None:
    """Lay out the tab in the Blocks context it is called in, and wire it.

    Args:
        page: the page it is on.
        tabs: the page's tabs, to go on to Classify.
        model: holds the name of the model that hears.
        head_in_hand: holds the id of the fitted head that Classify uses.
    """
    gathered = gr.State(Gathered(), delete_callback=forget)
    tried, job_id = gr.State(None), gr.State("")
    with gr.Row(equal_height=False, elem_classes="work", elem_id="learn"):
        with gr.Column(scale=5, min_width=320):
            cards = gr.HTML(view.NO_CLIPS, elem_id="learn-cards", js_on_load=CARDS_SCRIPT, apply_default_css=False)
            player = gr.HTML(elem_id="learn-player", apply_default_css=False)
            note = gr.HTML(elem_id="learn-note", apply_default_css=False)
            with gr.Tabs(elem_classes="switch"):
                with gr.Tab("Record or upload"):
                    with gr.Row(elem_classes="inline"):
                        name = gr.Textbox(
                            show_label=False, placeholder="Name of the sound: rain", container=False, scale=3,
                            min_width=160, elem_id="learn-name",
                        )  # fmt: skip
                        upload = gr.UploadButton(
                            "Upload clips", file_count="multiple", file_types=["audio", "video"], scale=1,
                            min_width=120, size="md", elem_id="learn-upload",
                        )  # fmt: skip
                    microphone = gr.Audio(
                        show_label=False, sources=["microphone"], type="filepath", format="wav", buttons=[],
                        editable=False, elem_id="learn-microphone",
                        waveform_options=waveform(),
                    )  # fmt: skip
                with gr.Tab("A data set"):
                    with gr.Row(elem_classes="inline"):
                        where = gr.Textbox(
                            show_label=False, placeholder=WHERE_HELP, container=False, scale=3, min_width=160,
                            elem_id="learn-where",
                        )  # fmt: skip
                        zip_file = gr.UploadButton(
                            "Upload a zip", file_types=[".zip"], scale=1, min_width=120, size="md", elem_id="learn-zip"
                        )
                    demonstration = gr.Button("Load the instruments demonstration", size="md")
                    folds = gr.CheckboxGroup(
                        label="Folds to learn from; the others are held back", visible="hidden", elem_id="learn-folds"
                    )
            with gr.Group():
                methods = gr.CheckboxGroup(
                    [(label, method) for method, label in markup.METHOD_NAMES.items()], value=["palm", "zero-shot"],
                    label="Methods", elem_id="learn-methods",
                )  # fmt: skip
                shots = gr.Slider(1, 16, 16, step=1, label="Clips of each class to learn from, at most")
            with gr.Row(elem_classes="inline"):
                go = gr.Button("Learn", variant="primary", scale=3, size="md", elem_id="learn-go")
                halt = gr.Button("Stop", interactive=False, min_width=90, size="md", elem_id="learn-stop")
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
                    show_label=False, container=False, max_lines=1, elem_id="learn-licence",
                    placeholder="Licence of these clips, to be stated in the saved head's card: CC-BY-4.0",
                )  # fmt: skip
            curve = gr.HTML(elem_id="learn-curve", apply_default_css=False)
            details = gr.HTML(elem_id="learn-details", apply_default_css=False)

    instant: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    slow: dict[str, Any] = {
        "show_progress": "hidden", "api_visibility": "private", "concurrency_id": "learn", "concurrency_limit": WORKERS,
    }  # fmt: skip
    shown = [gathered, cards, name, folds, note]

    cards.click(_act, [gathered], [*shown, player], **slow)
    gr.on([name.submit], lambda gathered, name: add(gathered, name, []), [gathered, name], shown, **instant)
    upload.upload(add, [gathered, name, upload], shown, **slow)
    microphone.stop_recording(_recorded, [gathered, name, microphone], [*shown, microphone], **slow)
    where.submit(_named, [gathered, where], shown, **slow)
    zip_file.upload(_uploaded, [gathered, zip_file], shown, **slow)
    demonstration.click(lambda gathered: take_data(gathered, DEMONSTRATION), gathered, shown, **slow)

    packing: dict[str, Any] = {
        "fn": save,
        "inputs": [gathered, tried, head, licence, model],
        "outputs": saved,
        **instant,
    }
    go.click(None, js=REVEAL, **instant)
    go.click(
        learn, [gathered, folds, methods, shots, epochs, rate, seeds, start, pack, dropout, model],
        [summary, details, tried, job_id, head, curve, go, halt], **slow,
    ).then(**packing)  # fmt: skip
    gr.on([head.input, licence.change], **packing)
    halt.click(stop, job_id, None, **instant)
    more.click(shots_curve, [tried, model], curve, **slow)
    # through the queue: only then does Gradio tell Classify that the head in hand has changed
    use_now.click(use, [tried, head, licence, model], [head_in_hand, tabs], **slow)


def _act(gathered: Gathered, event: gr.EventData) -> tuple[Any, ...]:
    """A click on the cards."""
    act, label = event.act, event.label
    if act == "play":
        return *[gr.skip()] * len(Shown._fields), play(gathered, label, event.turn)
    if act == "choose":
        return *show(gathered, label)._replace(folds=gr.skip()), gr.skip()
    if act == "drop":
        return *drop(gathered, label), ""
    if act == "demonstrate":
        return *take_data(gathered, DEMONSTRATION), ""
    return *show(replace(Gathered(), folder=gathered.folder)), ""


def _named(gathered: Gathered, where: str, request: gr.Request) -> Shown:
    return take_data(gathered, where, request=request)


def _uploaded(gathered: Gathered, path: str, request: gr.Request) -> Shown:
    return take_data(gathered, path, Path(path).parent, request)


def _recorded(gathered: Gathered, name: str, recording: str | None, request: gr.Request) -> tuple[Any, ...]:
    """A recording has ended: add it, and be ready for the next one."""
    if recording is None:
        return *[gr.skip()] * len(Shown._fields), gr.skip()
    return *add(gathered, name, [recording], request), None

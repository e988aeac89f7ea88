"""The Publish tab: what was curated and learned goes out as a Space, into a folder or to the hub."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zipfile import ZipFile

import gradio as gr

from audioprompt.audio.decode import load
from audioprompt.audio.recording import AudioError
from audioprompt.core.labels import LabelError, parse_labels
from audioprompt.data import LabelledClips
from audioprompt.data.archives import DAMAGE
from audioprompt.data.examples import Example, examples, fitting
from audioprompt.hosting import TABS
from audioprompt.models import registry
from audioprompt.prompts.pack import PackError
from audioprompt.server import access, sessions
from audioprompt.services.packs import GENERAL_PACK
from audioprompt.ui import markup
from audioprompt.ui.components import publish as view
from audioprompt.ui.tabs.classify import pack_choices
from audioprompt.ui.tabs.learn import Collection
from audioprompt.util.jobs import Jobs
from audioprompt.util.text import one_line

if TYPE_CHECKING:
    from audioprompt.space import Plan

OF_EACH_CLASS = 2  # clips of the Learn tab that are offered as examples
LOOK_SECONDS = 0.2  # between two looks at work under way
WORKERS = 2  # Spaces put together at once
HEARD_AT = 16_000  # Hz, to see whether a clip is one
LICENCES = ["apache-2.0", "mit", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0"]
TOKEN_THERE = "Leave empty to use this machine's token. A token you enter is sent to the Hub and not stored."
TOKEN_WANTED = "A token with write access, from huggingface.co/settings/tokens. It is sent to the Hub and not stored."
NO_PACKS = (
    "A Space answers with prompts that somebody approved, and no pack has any yet. Go to Curate, measure a pack on "
    "clips and approve what helps: it can then be chosen here."
)

FIELDS = ("title", "packs", "heads", "labels", "examples", "model", "licence", "gpu", "tabs")
Choices = dict[str, Any]  # what goes in, by the names in FIELDS: texts, and lists of names


# --- what this page was given -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Own:
    """Heads and clips of one open page, beside what comes with audioprompt.

    Attributes:
        heads: the folder of each, by a name.
        clips: those that were brought here, by a name.
        recorded: clips of the Learn tab, and the one in Classify, by a name.
        folder: where they are kept as long as the page is open; None before there are any.
    """

    heads: Mapping[str, Path] = field(default_factory=dict)
    clips: Mapping[str, Example] = field(default_factory=dict)
    recorded: Mapping[str, Example] = field(default_factory=dict)
    folder: Path | None = None


def take_head(own: Own, head_id: str) -> Own:
    """Keep a head that was fitted on this page, as files."""
    from audioprompt.services.heads import HEADS

    if (kept := HEADS.get(head_id)) is None or head_id in own.heads:
        return own
    own = _with_folder(own)
    place = _free(own, f"{kept.head.method} {' '.join(kept.head.classes[:3])}")
    kept.save_pretrained(place)
    return replace(own, heads={**own.heads, head_id: place})


def bring(own: Own, files: Sequence[str | Path], request: gr.Request | None = None) -> tuple[Own, str]:
    """Take uploads: saved heads, and clips to try. Also says what went wrong, as markup."""
    from audioprompt.few_shot.settings import FewShotError

    try:
        access.only_curators(request, "publish")
        own = _with_folder(own)
        for file in map(Path, files):
            if file.suffix.lower() in (".zip", ".safetensors"):
                place = _kept_head(file, own)
                own = replace(own, heads={**own.heads, place.name: place})
            else:
                load(file, HEARD_AT, max_seconds=600)
                place = _free(own, file.stem) / file.name
                place.parent.mkdir()
                shutil.copyfile(file, place)
                clip = Example(place, one_line(place.stem), None, (), "")
                own = replace(own, clips={**own.clips, place.parent.name: clip})
    except (AudioError, FewShotError, OSError, access.NotAllowed) as error:
        return own, markup.problem(error)
    return own, ""


def forget(own: Own) -> None:
    """Remove what was kept, once the page has been closed."""
    if own.folder:
        shutil.rmtree(own.folder, ignore_errors=True)


def offered_clips(own: Own) -> dict[str, Example]:
    """Return the clips to choose from, by name: this page's own, whose labels will be the Space's, and those
    bundled.
    """
    return {**own.clips, **own.recorded, **{example.path.stem: example for example in examples()}}


def take_recorded(
    own: Own, gathered: LabelledClips, sound: str | None, labels: str, request: gr.Request | None = None
) -> Own:
    """Offer the clips of the Learn tab, a few of each class, and the one in Classify, for those who may publish.

    Args:
        own: this page's.
        gathered: the clips of the Learn tab.
        sound: the clip in Classify.
        labels: what it is told apart by there.
        request: of whoever chooses.
    """
    if not access.is_curator(request):
        return own
    found: dict[str, Example] = {}
    for name, said in zip(gathered.classes, gathered.spoken_classes, strict=True):
        paths = [path for path, label in zip(gathered.paths, gathered.labels, strict=True) if label == name]
        for number, path in enumerate(paths[:OF_EACH_CLASS], 1):
            title = said if number == 1 else f"{said} {number}"
            found[f"learn: {title}"] = Example(path, title, None, (), said)
    if sound and Path(sound).name not in {example.path.name for example in examples()}:
        own, place = _kept_sound(own, Path(sound))
        try:
            typed = parse_labels(labels).labels
        except LabelError:
            typed = ()
        found["classify"] = Example(place, f"{one_line(place.stem)} (from Classify)", None, typed, "")
    return replace(own, recorded=found)


def _kept_sound(own: Own, sound: Path) -> tuple[Own, Path]:
    """Return a copy of the clip in Classify, which the page would throw away after a while; one for each."""
    own = _with_folder(own)
    folder = (own.folder or Path()) / f"heard-{sha256(str(sound).encode()).hexdigest()[:16]}"
    place = folder / sound.name
    if not place.is_file():
        folder.mkdir(exist_ok=True)
        shutil.copyfile(sound, place)
    return own, place


def choose_head(kept: Choices | None, own: Own, head_id: str, recorded: bool = True) -> Choices:
    """Choose the head in use, its model, and examples that fit it: it is what the Space is to be about.

    Args:
        kept: what was chosen before.
        own: this page's, the head among them.
        head_id: of the head.
        recorded: whether the first clip of each class in the Learn tab may go in.
    """
    from audioprompt.few_shot.heads import read_record

    chosen = dict(kept or {})
    record = read_record(own.heads[head_id])
    offered = offered_clips(own)
    fit = {clip.path for clip in fitting([*offered.values()], record.classes)}
    first = {f"learn: {said}" for said in record.classes} if recorded else set()
    chosen["examples"] = [
        name
        for name, clip in offered.items()
        if name in own.clips or name in first or (name not in own.recorded and clip.path in fit)
    ]
    return chosen | {"heads": [head_id], "model": record.model, "labels": ""}


def _kept_head(file: Path, own: Own) -> Path:
    """Return a copy of a head's file, or of the one in the zip that Learn saves.

    Raises:
        FewShotError: it is none.
    """
    from audioprompt.few_shot.heads import FILE, MAX_BYTES, read_record
    from audioprompt.few_shot.settings import FewShotError

    place = _free(own, file.stem)
    place.mkdir()
    try:
        if file.suffix.lower() == ".zip":
            with ZipFile(file) as packed, packed.open(FILE) as head:
                (place / FILE).write_bytes(head.read(MAX_BYTES + 1))
        else:
            shutil.copyfile(file, place / FILE)
        read_record(place)
    except FewShotError:
        raise
    except (*DAMAGE, KeyError, OSError) as error:
        raise FewShotError(f"{file.name} holds no head: give the zip that Learn saves, or its {FILE}") from error
    return place


def _with_folder(own: Own) -> Own:
    return own if own.folder else replace(own, folder=Path(tempfile.mkdtemp(prefix="own-", dir=sessions.temporary())))


def _free(own: Own, text: str) -> Path:
    """Return a folder that is not there yet, named after a text."""
    from audioprompt.space.plan import names

    assert own.folder
    return own.folder / names([*(path.name for path in own.folder.iterdir()), text])[-1]


# --- what goes in -----------------------------------------------------------------------------------------------------


def settled(kept: Choices | None, own: Own, pack_id: str = "", request: gr.Request | None = None) -> Choices:
    """Return what was chosen before, as far as it is still there; else what suits most.

    Args:
        kept: what this browser remembers.
        own: this page's.
        pack_id: of the pack that is being curated.
        request: of whoever chooses.
    """
    packs = [offered for _, offered in pack_choices(request)]
    clips, models = offered_clips(own), [entry.name for entry in registry.MODELS.built_in]
    chosen: Choices = {
        "title": "Name that sound",
        "packs": [one for one in (pack_id, GENERAL_PACK, *packs) if one in packs][:1],
        "heads": [],
        "labels": "",
        "examples": [name for name in clips if name not in own.recorded],  # a recording goes in only if it is chosen
        "model": models[0],
        "licence": LICENCES[0],
        "gpu": False,
        "tabs": list(TABS),
    }
    chosen |= {name: value for name, value in (kept or {}).items() if type(value) is type(chosen.get(name))}
    for name, there in (("packs", packs), ("heads", own.heads), ("examples", clips), ("tabs", TABS)):
        chosen[name] = [one for one in there if one in chosen[name]]
    if chosen["model"] not in models:
        chosen["model"] = models[0]
    return chosen


def plan_of(chosen: Choices, own: Own, request: gr.Request | None = None) -> Plan:
    """Return what was chosen, as the plan of a Space.

    Raises:
        SpaceError, LabelError, PackError: it makes none; the message says what to change.
    """
    from audioprompt.space import Plan

    store, clips = sessions.store(request), offered_clips(own)
    return Plan(
        title=one_line(chosen["title"]),
        packs=tuple(store.get(pack_id) for pack_id in chosen["packs"]),
        heads=tuple(own.heads[name] for name in chosen["heads"] if name in own.heads),
        model=chosen["model"],
        labels=parse_labels(chosen["labels"]).labels if chosen["labels"].strip() else (),
        examples=tuple(clips[name] for name in chosen["examples"] if name in clips),
        licence=one_line(chosen["licence"]),
        gpu=bool(chosen["gpu"]),
        tabs=tuple(chosen["tabs"]),
    )


def show(chosen: Choices, own: Own, request: gr.Request | None = None) -> tuple[str, str]:
    """Return what the Space will look like and its files; or why there is none."""
    from audioprompt.space import SpaceError, sizes

    if not pack_choices(request):
        return markup.empty(NO_PACKS), ""
    try:
        plan = plan_of(chosen, own, request)
        return view.preview(plan), view.files(sizes(plan))
    except (SpaceError, LabelError, PackError) as error:
        return markup.problem(error), ""


# --- out --------------------------------------------------------------------------------------------------------------


_jobs = Jobs(WORKERS)


class Out(NamedTuple):
    """Each part of the page that shows what becomes of the Space."""

    state: Any
    download: Any


@dataclass
class Upload:
    """How far a push is: told by the thread at work, read by the page.

    Attributes:
        folder: where the Space is put together; None before that.
        since: when that was done, and the upload began; None before.
    """

    folder: Path | None = None
    since: float | None = None


def build_space(chosen: Choices, own: Own, folder: str, request: gr.Request | None = None) -> Iterator[Out]:
    """Write the Space to a folder of this machine, none if it is empty, and pack it as a zip: yields how far it is."""
    from audioprompt.space import SpaceError, build, sizes
    from audioprompt.space.plan import names

    with _temporary() as temporary:
        try:
            access.only_curators(request, "publish")
            plan = plan_of(chosen, own, request)
            expected = sizes(plan)
            name = names([plan.title])[0]
            given = Path(os.path.expanduser(folder.strip())).absolute() if folder.strip() else None  # noqa: PTH111
            place = given or Path(temporary, name)
            yield Out(view.building(0, len(expected)), gr.skip())
            building = _jobs.start(lambda _: build(plan, place))
            while not building.finished(LOOK_SECONDS):
                yield Out(view.building(_count(place, expected), len(expected)), gr.skip())
            building.result()
            yield Out(view.packing(expected), gr.skip())
            packed = str(Path(temporary, "packed", name))
            packing = _jobs.start(lambda _: shutil.make_archive(packed, "zip", place))
            while not packing.finished(LOOK_SECONDS):
                yield Out(gr.skip(), gr.skip())
            zipped = packing.result()
            size = Path(zipped).stat().st_size
            label = f"Download {name}.zip ({view.megabytes(size)})"
            yield Out(view.built(given, expected), gr.DownloadButton(label, value=zipped))
        except (SpaceError, LabelError, PackError, access.NotAllowed) as error:
            yield Out(markup.problem(error), gr.skip())
        except (OSError, ValueError) as error:
            where = folder.strip() or tempfile.gettempdir()
            reason = getattr(error, "strerror", None) or "not a valid path"
            yield Out(markup.problem(f"{where} cannot be used, {reason}: name another folder"), gr.skip())


def push_space(
    chosen: Choices, own: Own, name: str, public: bool, token: str, request: gr.Request | None = None
) -> Iterator[tuple[str, Any]]:
    """Put the Space together and publish it: yields how far it is, then where it is.

    Args:
        chosen: what goes in.
        own: this page's heads and clips.
        name: USER/NAME.
        public: whether everybody shall see it.
        token: of the hub; empty for the one that this machine has.
        request: of whoever publishes.

    Yields:
        What is to be said; the token's field, emptied once it is not needed any more.
    """
    from huggingface_hub import get_token

    from audioprompt.space import SpaceError, sizes
    from audioprompt.space.push import TOKEN

    name, token = name.strip(), token.strip()
    try:
        access.only_curators(request, "publish")
        if not name:
            raise SpaceError("name the Space: USER/NAME")
        if token and not TOKEN.fullmatch(token):
            raise SpaceError("Not a Hub token: copy it again, without blanks.")
        if not (token or get_token()):
            raise SpaceError("give a token that may write: this machine has none of its own")
        plan = plan_of(chosen, own, request)
        expected = sizes(plan)
        yield view.building(0, len(expected)), gr.skip()
        upload = Upload()
        work = _jobs.start(lambda _: _build_and_push(plan, name, public, token or None, upload))
        while not work.finished(LOOK_SECONDS):
            if upload.since is None:
                yield view.building(_count(upload.folder, expected), len(expected)), gr.skip()
            else:
                yield view.uploading(expected, time.monotonic() - upload.since), gr.skip()
        address = work.result()
        yield view.pushed(address, public), ""
    except (SpaceError, LabelError, PackError, access.NotAllowed) as error:
        sentence = str(error).replace(token, "the token") if token else str(error)
        yield markup.problem(sentence), gr.skip()


def _build_and_push(plan: Plan, name: str, public: bool, token: str | None, upload: Upload) -> str:
    from audioprompt.space import build, push

    with _temporary() as temporary:
        upload.folder = Path(temporary, "space")
        build(plan, upload.folder)
        upload.since = time.monotonic()
        return push(name, upload.folder, public, token)


def _temporary() -> tempfile.TemporaryDirectory[str]:
    """Make a folder for one Space, gone with it; work that nobody looks at any more may still be writing into it."""
    return tempfile.TemporaryDirectory(prefix="space-", dir=sessions.temporary(), ignore_cleanup_errors=True)


def _count(folder: Path | None, expected: Iterable[str]) -> int:
    """How many of the files that are expected are there by now."""
    return sum((folder / name).is_file() for name in expected) if folder else 0


def token_info(request: gr.Request | None = None) -> str:
    """Where the token comes from if none is typed, for those who may use it, and what becomes of one that is."""
    from huggingface_hub import get_token

    return TOKEN_THERE if access.is_curator(request) and get_token() else TOKEN_WANTED


def standing(request: gr.Request | None = None) -> str:
    """Return what visitors are to do instead; empty for curators."""
    try:
        access.only_curators(request, "publish")
    except access.NotAllowed as error:
        return view.standing(error)
    return ""


# --- the tab ----------------------------------------------------------------------------------------------------------


def build(
    tab: gr.Tab,
    pack_in_hand: gr.BrowserState,
    head_in_hand: gr.State,
    kept: gr.BrowserState,
    gathered: gr.State,
    sound: gr.Audio,
    heard_labels: gr.Textbox,
) -> None:
    """Lay out the tab in the Blocks context it is called in, and wire it.

    Args:
        tab: the tab itself.
        pack_in_hand: holds the id of the pack that is being curated.
        head_in_hand: holds the id of the fitted head that Classify uses.
        kept: holds what this browser chose last.
        gathered: holds the `Collection` of the Learn tab.
        sound: holds the clip in Classify.
        heard_labels: holds the labels there.
    """
    first = settled(None, Own())
    with gr.Row(equal_height=False, elem_classes="work", elem_id="publish"):
        with gr.Column(scale=5, min_width=320, elem_id="publish-choices"):
            with gr.Group():
                title = gr.Textbox(first["title"], label="Title", max_lines=1, elem_id="publish-title")
                packs = gr.CheckboxGroup(
                    pack_choices(), value=first["packs"], label="Packs, with how many prompts are approved",
                    elem_id="publish-packs",
                )  # fmt: skip
                labels = gr.Textbox(
                    label="Labels to start with, separated by commas or line breaks", lines=2, max_lines=6,
                    placeholder="none: the head's, or those of the first example", elem_id="publish-labels",
                )  # fmt: skip
                heads = gr.CheckboxGroup([], label="Fitted heads", info=view.NO_HEADS, elem_id="publish-heads")
                with gr.Row():
                    model = gr.Dropdown(
                        [entry.name for entry in registry.MODELS.built_in],
                        value=first["model"],
                        label="Model",
                        min_width=140,
                        elem_id="publish-model",
                    )
                    licence = gr.Dropdown(
                        LICENCES, value=first["licence"], label="Licence of what you added", min_width=140,
                        allow_custom_value=True, elem_id="publish-licence",
                    )  # fmt: skip
                tabs = gr.CheckboxGroup(
                    [(tab.capitalize(), tab) for tab in TABS[1:]], value=list(TABS[1:]),
                    label="Tabs that visitors see beside Classify", elem_id="publish-tabs",
                )  # fmt: skip
                gpu = gr.Checkbox(label="For a Space with a GPU, ZeroGPU included", elem_id="publish-gpu")
            with gr.Accordion(view.examples_heading(first), open=False, elem_id="publish-clips") as clips_fold:
                clips = gr.CheckboxGroup(
                    view.clip_choices(offered_clips(Own())), value=first["examples"], label="Examples",
                    show_label=False, container=False, show_select_all=True, elem_id="publish-examples",
                )  # fmt: skip
            upload = gr.UploadButton(
                "Add saved heads or clips to try", file_count="multiple", size="md", elem_id="publish-upload",
            )  # fmt: skip
            note = gr.HTML(elem_id="publish-note", apply_default_css=False)
        with gr.Column(scale=7, min_width=320, elem_id="publish-answer"):
            preview = gr.HTML(elem_id="publish-preview", apply_default_css=False)
            standing_note = gr.HTML(elem_id="publish-standing", apply_default_css=False)
            with gr.Column(elem_id="publish-out"):  # not seen by visitors, see CSS
                with gr.Row(elem_classes="inline"):
                    ask_folder = gr.Button("Build to a folder", size="md", elem_id="publish-ask-folder")
                    ask_hub = gr.Button("Push to the hub", size="md", elem_id="publish-ask-hub")
                with gr.Column(elem_id="publish-folder"):
                    with gr.Row(elem_classes="inline"):
                        folder = gr.Textbox(
                            show_label=False, container=False, max_lines=1, scale=4, min_width=200, label="Folder",
                            placeholder="A folder that is not there yet; none for a zip alone",
                            elem_id="publish-where",
                        )  # fmt: skip
                        go_build = gr.Button("Build", variant="primary", min_width=90, size="md", elem_id="publish-go")
                    built = gr.HTML(elem_id="publish-built", apply_default_css=False)
                    download = gr.DownloadButton(size="md", elem_id="publish-download")  # seen once built, see CSS
                with gr.Column(elem_id="publish-hub"):
                    with gr.Row(elem_classes="inline"):
                        name = gr.Textbox(
                            show_label=False, container=False, max_lines=1, scale=3, min_width=200, label="Space",
                            placeholder="USER/NAME", elem_id="publish-name",
                        )  # fmt: skip
                        public = gr.Checkbox(
                            label="Public", container=False, min_width=110, scale=1, elem_id="publish-public"
                        )
                        go_push = gr.Button("Push", variant="primary", min_width=90, size="md", elem_id="publish-push")
                    token = gr.Textbox(
                        type="password", label="Token", info=TOKEN_WANTED, max_lines=1, elem_id="publish-token",
                        html_attributes=gr.InputHTMLAttributes(autocomplete="off"),
                    )  # fmt: skip
                    pushed = gr.HTML(elem_id="publish-pushed", apply_default_css=False)
            listed = gr.HTML(elem_id="publish-files", apply_default_css=False)
    own = gr.State(Own(), delete_callback=forget)

    fields: list[Any] = [title, packs, heads, labels, clips, model, licence, gpu, tabs]
    instant: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    slow: dict[str, Any] = {
        "show_progress": "hidden", "api_visibility": "private", "concurrency_id": "publish",
        "concurrency_limit": WORKERS,
    }  # fmt: skip
    # what adds to the heads and clips does so one after the other, or the later answer would take away what came first
    in_turn = slow | {"concurrency_id": "publish-own", "concurrency_limit": 1}
    shown = [kept, *fields, clips_fold, preview, listed]

    head_in_hand.change(_head_taken, [kept, own, head_in_hand, gathered], [kept, own], **in_turn)
    tab.select(
        _choices_opened,
        [kept, own, pack_in_hand, gathered, sound, heard_labels],
        [own, *shown, standing_note, token],
        **in_turn,
    )
    gr.on(
        [field.input for field in fields], _choices_changed, [kept, own, *fields], [kept, clips_fold, preview, listed],
        trigger_mode="always_last", **instant,
    )  # fmt: skip
    upload.upload(_choices_brought, [kept, own, upload], [own, note, *shown], **in_turn)

    ask_folder.click(None, js="() => audioprompt.choose('publish', 'folder', '#publish-where')", **instant)
    ask_hub.click(None, js="() => audioprompt.choose('publish', 'hub', '#publish-name')", **instant)
    gr.on([go_build.click, folder.submit], _build, [kept, own, folder], [built, download], trigger_mode="once", **slow)
    gr.on(
        [go_push.click, name.submit, token.submit], _push, [kept, own, name, public, token], [pushed, token],
        trigger_mode="once", **slow,
    )  # fmt: skip


def _choices_opened(
    kept: Choices, own: Own, pack_id: str, gathered: Collection, sound: str | None, labels: str | None,
    request: gr.Request,
) -> list[Any]:  # fmt: skip
    own = take_recorded(own, gathered.now.clips, sound, labels or "", request)
    chosen = settled(kept, own, pack_id, request)
    return [own, *_drawn(chosen, own, request), standing(request), gr.Textbox(info=token_info(request))]


def _head_taken(
    kept: Choices | None, own: Own, head_id: str, gathered: Collection, request: gr.Request
) -> tuple[Choices | None, Own]:
    """Put a head that came into use into the Space; clips of the hub are offered, and go in only if chosen."""
    before, own = own, take_head(own, head_id)
    if own is before:
        return kept, own
    own = take_recorded(own, gathered.now.clips, None, "", request)
    return choose_head(kept, own, head_id, not gathered.now.read.startswith("hf:")), own


def _choices_changed(request: gr.Request, kept: Choices, own: Own, *values: Any) -> list[Any]:
    """Take the choices that were changed; a field that is folded away says None, and keeps what was chosen before."""
    given = {name: value for name, value in zip(FIELDS, values, strict=True) if value is not None}
    if "tabs" in given:
        given["tabs"] = [TABS[0], *given["tabs"]]
    chosen = settled((kept or {}) | given, own, "", request)
    return [chosen, gr.Accordion(label=view.examples_heading(chosen)), *show(chosen, own, request)]


def _choices_brought(kept: Choices, own: Own, files: list[str], request: gr.Request) -> list[Any]:
    """Add what was brought, which is meant to go in."""
    before = own
    own, problem = bring(own, files, request)
    chosen = settled(kept, own, "", request)
    chosen["heads"] = [*chosen["heads"], *(own.heads.keys() - before.heads.keys())]
    chosen["examples"] = [*(own.clips.keys() - before.clips.keys()), *chosen["examples"]]
    return [own, problem, *_drawn(chosen, own, request)]


def _drawn(chosen: Choices, own: Own, request: gr.Request) -> list[Any]:
    """Return the choices, every field with what can be chosen now, and what comes of them."""
    updates = {name: chosen[name] for name in FIELDS}
    updates["packs"] = gr.CheckboxGroup(choices=pack_choices(request), value=chosen["packs"])
    updates["heads"] = gr.CheckboxGroup(
        choices=view.head_choices(own.heads), value=chosen["heads"], info=None if own.heads else view.NO_HEADS
    )
    updates["tabs"] = [tab for tab in chosen["tabs"] if tab != TABS[0]]
    updates["examples"] = gr.CheckboxGroup(choices=view.clip_choices(offered_clips(own)), value=chosen["examples"])
    heading = gr.Accordion(label=view.examples_heading(chosen))
    return [chosen, *updates.values(), heading, *show(chosen, own, request)]


def _build(kept: Choices, own: Own, folder: str | None, request: gr.Request) -> Iterator[Out]:
    yield from build_space(settled(kept, own, "", request), own, folder or "", request)


def _push(
    kept: Choices, own: Own, name: str | None, public: bool | None, token: str | None, request: gr.Request
) -> Iterator[tuple[str, Any]]:
    chosen = settled(kept, own, "", request)
    yield from push_space(chosen, own, name or "", bool(public), token or "", request)

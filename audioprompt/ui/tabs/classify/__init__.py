"""The Classify tab: a sound, labels and prompts on the left; what it is, by two methods, on the right."""

from collections.abc import Sequence
from functools import partial

import gradio as gr

from audioprompt.core.labels import join_labels
from audioprompt.data.examples import examples
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.server.limits import CLASSIFIERS
from audioprompt.services.examples import open_example, opening_for
from audioprompt.services.heads import HEADS, first_head_for
from audioprompt.ui import frame, live, markup
from audioprompt.ui.choices import offer_packs, preset_choices, presets
from audioprompt.ui.events import ALL, HIDDEN, INSTANT, LAST, QUEUED, Form, Parts, View
from audioprompt.ui.page import Opening, Page
from audioprompt.ui.tabs.classify import over_time
from audioprompt.ui.tabs.classify.answer import PARTS, Query, as_read, show_beside, show_clip
from audioprompt.ui.tabs.classify.layout import NO_HEAD, lay_out
from audioprompt.ui.tabs.classify.microphone import LINE, show_live

REVEAL = "() => audioprompt.reveal('answer')"


# --- what the page offers, and what a choice sets ---------------------------------------------------------------------


def show_offers(pack_id: str | None, context: Context = IN_PROCESS) -> View:
    """Show the lists of packs and of labels, which may have changed since the page was made."""
    return {"pack": offer_packs(pack_id, context), "preset": gr.Dropdown(choices=preset_choices(context))}


def choose_example(index: int, head_id: str = "", context: Context = IN_PROCESS) -> View:
    """Set an example's clip, the pack that suits it, and its labels or those of a head in use that has it."""
    kept = HEADS.get(head_id) if head_id else None
    opening = open_example(context.store, examples()[index], kept.record.classes if kept else ())
    return {"sound": str(opening.sound), "labels": opening.labels, "pack": opening.pack_id}


def choose_clicked(event: gr.EventData, head_id: str = "", context: Context = IN_PROCESS) -> View:
    """Set the example whose button was clicked, as `choose_example` does."""
    if not isinstance(event.target, gr.Button):
        return {}
    return choose_example([example.title for example in examples()].index(event.target.value), head_id, context)


def choose_preset(name: str, context: Context = IN_PROCESS) -> View:
    """Set a list of labels, and the pack it comes with."""
    offered = presets(context)
    if name not in offered:
        return {}
    pack, labels = offered[name]
    return {"labels": join_labels(labels), "pack": pack.id}


def open_page(first_labels: Sequence[str], context: Context = IN_PROCESS) -> View:
    """Set what the page opens with: the labels in the address, or these, and the first example that suits them."""
    asked = frame.labels_asked(context.request) if context.request else ""
    typed = asked or join_labels(first_labels)
    opening = opening_for(context.store, as_read(asked) if asked else first_labels, typed, needed=bool(asked))
    sound = str(opening.sound) if opening.sound else None
    return {"sound": sound, "labels": opening.labels, "pack": opening.pack_id, "opened_with": typed}


# --- heads ------------------------------------------------------------------------------------------------------------


def show_heads(opening: Opening) -> View:
    """Offer the heads that come with the page, once they are there; the first for its labels is in use."""
    ids = [] if opening.heads is None or opening.heads.exception() else opening.heads.result()
    kept = [(head_id, head) for head_id in ids if (head := HEADS.get(head_id))]
    choices = [(NO_HEAD, ""), *((markup.head_name(head.record), head_id) for head_id, head in kept)]
    first = first_head_for(ids, opening.labels)
    return {"learned_head": gr.Dropdown(choices=choices, value=first, visible=bool(ids) or HIDDEN), "head": first}


def take_labels_of(head_id: str) -> View:
    """Set the classes that a fitted head tells apart, as labels to choose between."""
    kept = HEADS.get(head_id) if head_id else None
    return {"labels": join_labels(kept.head.classes)} if kept else {}


def take_labels_with_head(opening: Opening, head_id: str, labels: str, opened_with: str) -> View:
    """Set the labels of a head that is taken into use; but it does not replace those that the page was opened with."""
    heads = opening.heads
    comes_along = heads is not None and not heads.exception() and head_id in heads.result()
    return {} if comes_along and opened_with and labels == opened_with else take_labels_of(head_id)


# --- the tab ----------------------------------------------------------------------------------------------------------


def build(page: Page, tab: gr.Tab) -> None:
    """Lay out the tab and wire it."""
    parts, chips = lay_out(page.opening)
    parts |= Parts(head=page.head)
    page.sound, page.labels = parts["sound"], parts["labels"]
    page.leads |= {"explore": parts["to_explore"], "curate": parts["event_curate"], "learn": parts["event_learn"]}
    asked = Form(
        Query,
        sound=page.sound,
        labels=page.labels,
        pack_id=parts["pack"],
        model_name=page.model,
        head_id=page.head,
        several=parts["several"],
    )
    answered = parts.only(*PARTS).told_by(show_clip, [asked]) | {
        "show_progress": "minimal",
        "show_progress_on": parts["verdict"],
        "api_visibility": "private",
        "concurrency_id": "model",
        "concurrency_limit": CLASSIFIERS,
        **ALL,
    }
    _wire_opening(page, parts, bool(chips), answered)
    _wire_questions(page, parts, chips, answered)
    _wire_head(page, parts, answered)
    _wire_microphone(page, parts)
    over_time.wire(page, parts)
    offered = tab.select(**parts.only("pack", "preset").told_by(show_offers, [parts["pack"]]), **INSTANT)
    offered.then(**_beside(page, parts), **INSTANT)


def _wire_opening(page: Page, parts: Parts, has_examples: bool, answered: View) -> None:
    """Offer what there is as the page opens, and answer: a visitor sees an answer before the first click."""
    opening = page.opening
    loaded = page.blocks.load(**parts.only("pack", "preset").told_by(show_offers, [parts["pack"]]), **INSTANT)
    if has_examples:
        opened = parts.only("sound", "labels", "pack", "opened_with")
        loaded = loaded.then(**opened.told_by(partial(open_page, opening.labels)), **INSTANT)
        loaded.then(**answered)
    if opening.heads:
        loaded.then(**parts.only("learned_head", "head").told_by(partial(show_heads, opening)), **QUEUED)


def _wire_questions(page: Page, parts: Parts, chips: list[gr.Button], answered: View) -> None:
    """Answer what is asked by a click, by another clip, by other prompts and by another model."""
    sound, labels, pack = parts["sound"], parts["labels"], parts["pack"]
    asked_anew, clicks = [parts["go"].click, labels.submit], [chip.click for chip in chips]
    if clicks:
        chosen = parts.only("sound", "labels", "pack").told_by(choose_clicked, [page.head])
        gr.on(clicks, **chosen, **INSTANT, **LAST).then(**answered).then(None, js=REVEAL, **INSTANT)
    waited_for = [*clicks, *asked_anew, sound.upload, sound.stop_recording]
    gr.on(waited_for, None, js=REVEAL, **INSTANT)
    gr.on(asked_anew, None, None, parts["stale"], js="() => ''", **INSTANT)  # nobody need press Classify any longer
    gr.on(asked_anew, **answered).then(None, js=REVEAL, **INSTANT)
    gr.on(
        [sound.change, pack.input, parts["several"].input], **answered
    )  # a clip changes as it is uploaded, recorded, trimmed and taken away
    for event in page.switched:
        event.then(**answered)
    preset = parts["preset"]
    preset.input(**parts.only("labels", "pack").told_by(choose_preset, [preset]), **INSTANT, **LAST).then(**answered)
    labels.change(None, labels, js="audioprompt.tell", **INSTANT)


def _wire_head(page: Page, parts: Parts, answered: View) -> None:
    """Take a fitted head into use with its labels, drop it, and say beside the answer which is in use."""
    labels, opening = parts["labels"], page.opening
    taken = parts.only("labels")
    with_head = partial(take_labels_with_head, opening)
    page.head.change(**taken.told_by(with_head, [page.head, labels, parts["opened_with"]]), **INSTANT).then(**answered)
    parts["its_labels"].click(**taken.told_by(take_labels_of, [page.head]), **INSTANT).then(**answered)
    parts["drop"].click(lambda: "", None, page.head, **QUEUED)
    if opening.heads:
        parts["learned_head"].input(lambda head_id: head_id, parts["learned_head"], page.head, **QUEUED, **LAST)
        parts["drop"].click(lambda: "", None, parts["learned_head"], **INSTANT)
    changes = [labels.change, parts["question"].change, page.head.change]  # a paste is no input to Gradio
    gr.on(changes, **_beside(page, parts), **INSTANT, **LAST)


def _beside(page: Page, parts: Parts) -> View:
    """Return what shows whether the answer still holds, and the head in use."""
    asked = [parts["question"], parts["labels"], parts["pack"], page.model, page.head]
    return parts.only("stale", "head_name", "its_labels").told_by(show_beside, asked)


def _wire_microphone(page: Page, parts: Parts) -> None:
    heard = [parts["hearing"], parts["microphone"], parts["labels"], parts["pack"], page.model, page.head]
    parts["microphone"].stream(
        **parts.only("hearing", "live").told_by(show_live, heard, problem="live"),
        stream_every=live.STREAM_EVERY,
        concurrency_id="live",
        concurrency_limit=LINE,
        show_progress="hidden",
        api_name="live",
    )

"""The Learn tab: from a handful of clips per class to a head that classifies."""

from typing import Any

import gradio as gr

from audioprompt.server import access, sessions
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.services.collection import Collection
from audioprompt.ui.choices import offer_packs
from audioprompt.ui.components import learn as view
from audioprompt.ui.events import ALL, HIDDEN, INSTANT, LAST, Form, Parts, View
from audioprompt.ui.page import Page
from audioprompt.ui.render import script
from audioprompt.ui.tabs.learn import experiment, gather, heads, label_next, review
from audioprompt.ui.tabs.learn.experiment import Settings
from audioprompt.ui.tabs.learn.layout import lay_out

WORKERS = 2  # fits at once
CLIP_WORKERS = 4  # recordings and data sets taken at once, apart from the fits: nobody waits for these to record

SLOW: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_id": "learn",
    "concurrency_limit": WORKERS,
}
CLIPS = SLOW | {"concurrency_id": "learn-clips", "concurrency_limit": CLIP_WORKERS}


def build(page: Page, tab: gr.Tab) -> None:
    """Lay out the tab and wire it."""
    parts = lay_out() | Parts(collection=page.collection, head_in_hand=page.head, tabs=page.tabs)
    if access.public():
        page.blocks.load(**parts.only("epochs", "seeds", "pool_where").told_by(show_limits), **INSTANT)
    seen = parts.only("cards", "folds").told_by(show_cards, [page.collection])
    tab.select(**seen, **INSTANT)  # Explore may have put clips there
    tab.select(**parts.only("pack_id").told_by(show_packs, [parts["pack_id"]]), **INSTANT)
    _wire_clips(parts)
    _wire_pool(page, parts)
    _wire_experiment(page, parts)


def show_limits(context: Context = IN_PROCESS) -> View:
    """Show how far the sliders go: visitors may choose less, and name no file."""
    if context.is_curator:
        return {}
    return {
        "epochs": gr.Slider(maximum=sessions.EPOCHS),
        "seeds": gr.Slider(maximum=sessions.SEEDS),
        "pool_where": gr.Textbox(visible=HIDDEN),
    }


def show_cards(collection: Collection) -> View:
    """Show what is gathered, wherever it came from."""
    shown = gather.show(collection)
    return {"cards": shown["cards"], "folds": shown["folds"]}


def show_packs(pack_id: str | None, context: Context = IN_PROCESS) -> View:
    """Show the packs that TSPE can take, which may have changed since the page was made."""
    return {"pack_id": offer_packs(pack_id, context)}


def _wire_clips(parts: Parts) -> None:
    collection, name, where = parts["collection"], parts["name"], parts["where"]
    clips = parts.only(*gather.PARTS)
    acted = parts.only(*gather.PARTS, "player").told_by(gather.act, [collection], problem="note")
    parts["cards"].click(**acted, **CLIPS, **ALL)
    name.submit(**clips.told_by(gather.take_name, [collection, name]), **INSTANT, **LAST)
    name.blur(**clips.told_by(gather.leave_name, [collection, name]), **INSTANT, **LAST)
    upload, microphone = parts["upload"], parts["microphone"]
    upload.upload(**clips.told_by(gather.add, [collection, name, upload], problem="note"), **CLIPS, **ALL)
    recorded = parts.only(*gather.PARTS, "microphone").told_by(
        gather.record, [collection, name, microphone], problem="note"
    )
    microphone.stop_recording(**recorded, **CLIPS, **ALL).then(None, js="audioprompt.askName", **INSTANT)
    where.submit(**clips.told_by(gather.enter_data, [collection, where]), **CLIPS, **LAST)
    where.blur(**clips.told_by(gather.leave_data, [collection, where]), **CLIPS, **LAST)
    parts["zip"].upload(**clips.told_by(gather.upload_data, [collection, parts["zip"]]), **CLIPS, **LAST)
    parts["demonstration"].click(**clips.told_by(gather.demonstrate, [collection]), **CLIPS)
    parts["skip_bad"].input(**Parts().told_by(gather.skip_bad, [collection, parts["skip_bad"]]), **INSTANT, **LAST)


def _wire_pool(page: Page, parts: Parts) -> None:
    collection, labelling, other = (parts[one] for one in ("collection", "labelling", "other_label"))
    shown = parts.only(*label_next.PARTS)
    for upload in (parts["pool_files"], parts["pool_folder"]):
        given = [collection, upload, parts["label_names"], page.model]
        upload.upload(**shown.told_by(label_next.begin_labelling, given, problem="pool"), **SLOW, **ALL)
    named = [collection, parts["pool_where"], parts["label_names"], page.model]
    parts["pool_where"].submit(**shown.told_by(label_next.enter_pool, named, problem="pool"), **SLOW, **ALL)
    parts["pool"].click(**shown.told_by(label_next.act, [labelling, collection]), **CLIPS, **LAST)
    other.submit(**shown.told_by(label_next.label, [labelling, collection, other]), **CLIPS, **LAST)


def _wire_experiment(page: Page, parts: Parts) -> None:
    collection, tried, head, licence = (parts[one] for one in ("collection", "tried", "head", "licence"))
    packing = parts.only("saved").told_by(heads.save, [collection, tried, head, licence]) | INSTANT
    curve = parts.only("curve", "shots_figure", "job_id", "stop").told_by(
        experiment.show_curve, [tried], problem="curve", beside=experiment.curve_over
    )
    wanted = parts["more"].click(**curve, **SLOW)
    begin = script("components/learn/begin.js", waiting=view.WAITING)
    parts["go"].click(None, None, parts["summary"], js=begin, cancels=[wanted], **INSTANT)
    names = ["methods", "shots", "epochs", "learning_rate", "seeds", "start", "pack_id", "dropout"]
    names += ["more_methods", "unlabelled", "label_names"]
    settings = Form(Settings, **{name: parts[name] for name in names}, model_name=page.model)
    learned = parts.only(*gather.PARTS, *experiment.PARTS).told_by(
        experiment.begin,
        [collection, parts["name"], parts["where"], parts["folds"], settings],
        problem="summary",
        beside=experiment.trial_over,
    )
    parts["go"].click(**learned, **SLOW).then(**packing)
    gr.on([head.input, licence.change], **packing, **LAST)
    shown = parts.only(*review.PARTS)
    asked = shown.told_by(review.begin_review, [collection, tried, head], problem="review")
    begun = parts["review_begin"].click(**asked, **SLOW)
    parts["review"].click(**shown.told_by(review.act, [parts["reviewing"]]), **CLIPS, **LAST).then(**packing)
    gr.on([parts["go"].click, head.input], **shown.told_by(review.forget), cancels=[begun], **INSTANT)
    parts["stop"].click(**Parts().told_by(experiment.stop, [parts["job_id"]]), **INSTANT)
    # through the queue: only then does Gradio tell Classify that the head in hand has changed
    used = parts.only("head_in_hand", "tabs").told_by(heads.use, [tried, head, licence])
    parts["use_now"].click(**used, **CLIPS)

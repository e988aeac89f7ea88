"""The header: what this is, which model answers, how far it is, and what to do where it cannot be had; who signs in."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import gradio as gr

from audioprompt.models import registry
from audioprompt.models.base import ModelError
from audioprompt.server import access, models
from audioprompt.settings import on_a_space
from audioprompt.ui import markup
from audioprompt.ui.render import render

if TYPE_CHECKING:
    pass

T = TypeVar("T")

PURPOSE = "Name any sound with words: no training, and prompts you can measure."
HIDDEN: Any = "hidden"  # there but not seen: with False Gradio may never show it again
LOOK_SECONDS = 0.3  # between two looks at a model that is being loaded

WEIGHTS_HELP = "Path of the published weights on this machine, with their tokenizer.json beside them"


# --- what a choice does: functions that a script can call as well -----------------------------------------------------


def openness(name: str, request: gr.Request | None = None) -> Any:
    """Return the switch that opens a model to visitors, as it is now; only curators of a public page see it."""
    seen = access.public() and access.is_curator(request)
    return gr.Checkbox(value=models.is_open(name), visible=True if seen else HIDDEN)


def offered(chosen_last: str, request: gr.Request | None = None) -> Any:
    """Return the models that whoever opens the page may use, and that which this browser chose last, if it is one of
    them.
    """
    there = models.offered_to(request)
    return gr.Dropdown(choices=there, value=chosen_last) if chosen_last in there else gr.Dropdown(choices=there)


def follow(name: str, request: gr.Request | None = None) -> Iterator[tuple[str, Any, Any]]:
    """Yield the state line of a model, again and again until it is ready or has failed; then what went wrong, if it
    did.

    Yields:
        The state line; the place to ask for weights, shown where the model cannot be had; what it says there.
    """
    as_it_is = gr.skip()  # Gradio shows a column only if its visibility is told once, at the end
    yield markup.model_state("loading", "loading"), as_it_is, as_it_is
    loading = models.in_background(models.shared_model, name, request)
    while not loading.done():
        time.sleep(LOOK_SECONDS)
        share = registry.MODELS.fraction_downloaded(name)
        yield markup.model_state("loading" if share is None else f"loading {share:.0%}", "loading"), as_it_is, as_it_is
    if error := loading.exception():
        yield _failed(error)
    else:
        device = loading.result().device
        words = f"{device.upper() if device == 'cpu' else device} · ready"
        yield markup.model_state(words, "ready"), gr.Column(visible=HIDDEN), ""


def take_weights(name: str, path: str, request: gr.Request | None = None) -> Iterator[tuple[str, Any, Any]]:
    """Load a model from a file on this machine, from now on and for all who may use it; yields as `follow` does."""
    try:
        access.only_curators(request, "load models from files")
        registry.MODELS.keep_weights(name, Path(path.strip()).expanduser())
    except (ModelError, access.NotAllowed) as error:
        yield _failed(error)
    else:
        yield from follow(name, request)


def _failed(error: BaseException) -> tuple[str, Any, str]:
    return markup.model_state("not loaded", "failed"), gr.Column(visible=True), markup.problem(error)


def sign_in(password: str, request: gr.Request | None = None) -> tuple[dict[str, str] | None, str]:
    """Return the token that makes its holder a curator, for whoever knows the password; else why there is none."""
    try:
        return {"token": access.sign_in(password, request)}, ""
    except access.NotAllowed as error:
        return None, markup.problem(error)


def sign_in_or_out(request: gr.Request) -> str:
    """Return what the button is for: a curator signs out."""
    return access.SIGN_OUT if access.is_curator(request) else access.SIGN_IN


# --- the header -------------------------------------------------------------------------------------------------------


def build(page: gr.Blocks, model_name: str, title: str) -> tuple[gr.Dropdown, list[Any]]:
    """Lay out the header in the Blocks context it is called in, and wire it.

    Returns:
        The picker, whose value is the model's name, and the events after which another model answers.
    """
    with gr.Row(elem_id="header"):
        gr.HTML(render("header/template.html", "title", name=title, purpose=PURPOSE))
        with gr.Row(elem_id="model"):
            state = gr.HTML(markup.model_state("loading", "loading"), elem_id="model-state")
            picker = gr.Dropdown(
                registry.MODELS.names,
                value=model_name,
                label="Model",
                show_label=False,
                container=False,
                elem_id="model-picker",
            )
            switch = None
            if access.public():
                switch = gr.Checkbox(
                    False,
                    label="Visitors may use it",
                    visible=HIDDEN,
                    container=False,
                    min_width=0,
                    elem_id="model-open",
                )
            signing = _sign_in_button()
    with gr.Column(visible=HIDDEN, elem_id="weights") as ask:
        why = gr.HTML()
        with gr.Row():
            path = gr.Textbox(
                label="Weights",
                placeholder=WEIGHTS_HELP,
                show_label=False,
                container=False,
                scale=5,
                elem_id="weights-path",
            )
            use = gr.Button("Load", scale=0, min_width=96)
    chosen_last = gr.BrowserState(model_name, storage_key="audioprompt-model", secret="audioprompt")
    instant: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    watched: dict[str, Any] = {
        "outputs": [state, ask, why],
        "show_progress": "hidden",
        "api_visibility": "private",
        "concurrency_limit": None,
    }
    begun = page.load(offered, chosen_last, picker, **instant)
    begun.then(follow, picker, **watched)
    picker.input(lambda name: name, picker, chosen_last, **instant)
    chosen = picker.input(follow, picker, **watched)
    if switch:
        begun.then(openness, picker, switch, **instant)
        picker.input(openness, picker, switch, **instant)
        switch.input(models.open_to_visitors, [picker, switch], None, **instant)
    given = gr.on([use.click, path.submit], take_weights, [picker, path], **watched)
    if signing:
        page.load(sign_in_or_out, None, signing, **instant)
        signing.click(None, signing, js="audioprompt.signInOrOut", **instant)
        _build_password(instant)
    return picker, [chosen, given]


def _sign_in_button() -> gr.Button | None:
    """Return what curators sign in with: at home nothing, on a Space Hugging Face, elsewhere the button of the
    password.
    """
    if on_a_space():
        if os.environ.get("OAUTH_CLIENT_ID"):
            gr.LoginButton(
                access.SIGN_IN, logout_value=access.SIGN_OUT, size="sm", variant="secondary", elem_id="sign-in"
            )
        return None
    if access.public() and os.environ.get(access.PASSWORD):
        return gr.Button(access.SIGN_IN, size="sm", min_width=0, elem_id="sign-in")
    return None


def _build_password(instant: dict[str, Any]) -> None:
    """Return the fold that asks for the password, seen once the button was pressed, see CSS."""
    with gr.Column(elem_id="password"):
        with gr.Row():
            password = gr.Textbox(
                type="password",
                placeholder="The curators' password",
                label="Password",
                show_label=False,
                container=False,
                scale=5,
                html_attributes=gr.InputHTMLAttributes(autocomplete="current-password"),
            )
            enter = gr.Button(access.SIGN_IN, variant="primary", size="md", scale=0, min_width=96)
        problem = gr.HTML()
        token = gr.JSON(visible=HIDDEN)
    given = gr.on([enter.click, password.submit], sign_in, password, [token, problem], **instant)
    given.then(None, token, js="audioprompt.signedIn", **instant)

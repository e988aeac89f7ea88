"""The header: what this is, which model answers, how far it is, and what to do where it cannot be had; who signs in."""

import os
import time
from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from audioprompt.models import registry
from audioprompt.models.base import ModelError
from audioprompt.server import access, models
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.server.questions import Questions
from audioprompt.settings import on_a_space
from audioprompt.ui import markup
from audioprompt.ui.events import ALL, HIDDEN, INSTANT, LAST, Parts, View
from audioprompt.ui.render import render
from audioprompt.ui.theme import PLAIN
from audioprompt.util.places import as_typed

if TYPE_CHECKING:
    from audioprompt.models.base import AudioTextModel

PURPOSE = "Name any sound with words: no training, and prompts you can measure."
LOOK_SECONDS = 0.3  # between two looks at a model that is being loaded

CHOICES = Questions()  # of several models in a row the last is followed
WEIGHTS_HELP = "Path of the published weights on this machine, with their tokenizer.json beside them"


# --- what a choice does: functions that a script can call as well -----------------------------------------------------


def show_openness(name: str, context: Context = IN_PROCESS) -> View:
    """Show the switch that opens a model to visitors, as it is now; only curators of a public page see it."""
    seen = access.public() and context.is_curator
    return {"switch": gr.Checkbox(value=models.is_open(name), visible=True if seen else HIDDEN)}


def switch_openness(name: str, is_open: bool, context: Context = IN_PROCESS) -> View:
    """Open a model to visitors, or close it.

    Raises:
        NotAllowed: a visitor asks.
    """
    models.open_to_visitors(name, is_open, context.request)
    return {}


def show_models(chosen_last: str, context: Context = IN_PROCESS) -> View:
    """Offer the models that whoever opens the page may use, and that which this browser chose last, if it is one."""
    offered = models.offered_to(context.request)
    chosen: dict[str, Any] = {"value": chosen_last} if chosen_last in offered else {}
    return {"picker": gr.Dropdown(choices=offered, **chosen)}


def follow(name: str, context: Context = IN_PROCESS) -> Iterator[View]:
    """Show how far a model is, again and again until it is ready or another is chosen.

    Raises:
        ModelError: it cannot be had.
    """
    yield from CHOICES.latest(context, name, _follow(name, partial(models.shared_model, name, context.request)))


def _follow(name: str, load: "Callable[[], AudioTextModel]") -> Generator[View]:
    yield {"state": markup.model_state("loading", "loading")}
    loading = models.in_background(load)
    while not loading.done():
        time.sleep(LOOK_SECONDS)
        fraction = registry.MODELS.fraction_downloaded(name)
        yield {"state": markup.model_state("loading" if fraction is None else f"loading {fraction:.0%}", "loading")}
    device = loading.result().device
    words = f"{device.upper() if device == 'cpu' else device} · ready"
    # Gradio shows a column only if its visibility is told once, at the end
    yield {"state": markup.model_state(words, "ready"), "ask": gr.Column(visible=HIDDEN), "why": ""}


def take_weights(name: str, path: str, context: Context = IN_PROCESS) -> Iterator[View]:
    """Load a model from a file on this machine, from now on and for all who may use it.

    Raises:
        ModelError: it is none of that model.
        NotAllowed: a visitor asks.
    """
    access.only_curators(context.request, "load models from files")
    if not path.strip():
        raise ModelError("Give the path of the weights on this machine.")
    load = partial(registry.MODELS.load_and_keep, name, as_typed(path))
    yield from CHOICES.latest(context, (name, path), _follow(name, load))


def failed() -> View:
    """Show that the model cannot be had, and ask for its weights."""
    return {"state": markup.model_state("not loaded", "failed"), "ask": gr.Column(visible=True)}


def sign_in(password: str, context: Context = IN_PROCESS) -> View:
    """Give the token that makes its holder a curator to whoever knows the password.

    Raises:
        NotAllowed: they do not.
    """
    return {"token": {"token": access.sign_in(password, context.request)}, "problem": ""}


def no_token() -> View:
    """Return that nobody was signed in."""
    return {"token": None}


def show_signing(context: Context = IN_PROCESS) -> View:
    """Show what the button is for: a curator signs out."""
    return {"signing": access.SIGN_OUT if context.is_curator else access.SIGN_IN}


# --- the header -------------------------------------------------------------------------------------------------------


def build(page: gr.Blocks, model_name: str, title: str) -> tuple[gr.Dropdown, list[Any]]:
    """Lay out the header in the Blocks context it is called in, and wire it.

    Returns:
        The picker, whose value is the model's name, and the events after which another model answers.
    """
    parts, signing = _lay_out(model_name, title)
    picker = parts["picker"]
    chosen_last = gr.BrowserState(model_name, storage_key="audioprompt-model", secret="audioprompt")
    watched: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
    told = parts.only("state", "ask", "why")
    followed = told.told_by(follow, [picker], problem="why", beside=failed) | watched
    begun = page.load(**parts.only("picker").told_by(show_models, [chosen_last]), **INSTANT)
    begun.then(**followed)
    picker.input(lambda name: name, picker, chosen_last, **INSTANT, **LAST)
    chosen = picker.input(**followed, **ALL)
    if "switch" in parts.components:
        switch = parts["switch"]
        openness = parts.only("switch").told_by(show_openness, [picker])
        begun.then(**openness, **INSTANT)
        picker.input(**openness, **INSTANT, **LAST)
        switch.input(**Parts().told_by(switch_openness, [picker, switch]), **INSTANT, **LAST)
    weights = told.told_by(take_weights, [picker, parts["path"]], problem="why", beside=failed)
    given = gr.on([parts["use"].click, parts["path"].submit], **weights, **watched, **LAST)
    if signing:
        page.load(**Parts(signing=signing).told_by(show_signing), **INSTANT)
        signing.click(None, signing, js="audioprompt.signInOrOut", **INSTANT)
        _build_password()
    return picker, [chosen, given]


def _lay_out(model_name: str, title: str) -> tuple[Parts, gr.Button | None]:
    with gr.Row(elem_id="header"):
        gr.HTML(render("header/template.html", "title", name=title, purpose=PURPOSE))
        with gr.Row(elem_id="model"):
            state = gr.HTML(markup.model_state("loading", "loading"), elem_id="model-state")
            picker = gr.Dropdown(
                registry.MODELS.names,
                value=model_name,
                label="Model",
                elem_id="model-picker",
                **PLAIN,
            )
            parts = Parts(state=state, picker=picker)
            if access.public():
                parts |= Parts(
                    switch=gr.Checkbox(
                        False,
                        label="Visitors may use it",
                        visible=HIDDEN,
                        container=False,
                        min_width=0,
                        elem_id="model-open",
                    )
                )
            signing = _sign_in_button()
    with gr.Column(visible=HIDDEN, elem_id="weights") as ask:
        why = gr.HTML()
        with gr.Row():
            path = gr.Textbox(
                label="Weights",
                placeholder=WEIGHTS_HELP,
                scale=5,
                elem_id="weights-path",
                **PLAIN,
            )
            use = gr.Button("Load", scale=0, min_width=96)
    return parts | Parts(ask=ask, why=why, path=path, use=use), signing


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


def _build_password() -> None:
    """Lay out the fold that asks for the password, seen once the button was pressed, see CSS."""
    with gr.Column(elem_id="password"):
        with gr.Row():
            password = gr.Textbox(
                type="password",
                placeholder="The curators' password",
                label="Password",
                scale=5,
                html_attributes=gr.InputHTMLAttributes(autocomplete="current-password"),
                **PLAIN,
            )
            enter = gr.Button(access.SIGN_IN, variant="primary", size="md", scale=0, min_width=96)
        problem = gr.HTML()
        token = gr.JSON(visible=HIDDEN)
    told = Parts(token=token, problem=problem).told_by(sign_in, [password], problem="problem", beside=no_token)
    given = gr.on([enter.click, password.submit], **told, **INSTANT)
    given.then(None, token, js="audioprompt.signedIn", **INSTANT)

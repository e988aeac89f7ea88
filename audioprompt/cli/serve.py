"""``audioprompt app``: the page in the browser."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Annotated

import typer

from audioprompt.cli.options import Device, ModelName, Weights
from audioprompt.cli.output import say
from audioprompt.models import registry
from audioprompt.util import memory


@dataclass(frozen=True)
class AddressOptions:
    """Where the page is served."""

    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 accepts other machines.")] = "127.0.0.1"
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 7860


def open_app(
    address: AddressOptions,
    *,
    model: ModelName = "embedded",
    weights: Weights = None,
    device: Device = "auto",
    open_model: Annotated[
        list[str] | None,
        typer.Option(help="Model that visitors of a public page may use as well. Can be repeated."),
    ] = None,
    share: Annotated[bool, typer.Option(help="Create a public link through Gradio's service.")] = False,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
) -> None:
    """Open the app in the browser."""
    os.environ["AUDIOPROMPT_DEVICE"] = device  # for every model that is chosen in the page

    with memory.kept_for_good():
        from audioprompt.ui.app import launch  # Gradio, which is told by the environment which device to use

    if device != "auto":  # which there always is, and torch need not be asked before the page is served
        registry.pick_device()
    if weights:
        registry.MODELS.keep_weights(model, weights)
    try:
        launch(
            host=address.host,
            port=address.port,
            model=model,
            open_browser=browser,
            share=share,
            open_models=open_model or (),
        )
    except OSError as error:
        say(f"The app cannot listen on {address.host}:{address.port} ({error}): choose another --port.")
        raise typer.Exit(1) from error

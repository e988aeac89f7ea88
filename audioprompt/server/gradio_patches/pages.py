"""The page that Gradio serves, with a script of ours before its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from gradio import routes
from gradio.blocks import Blocks
from jinja2 import ChoiceLoader, DictLoader

TEMPLATES = "frontend/index.html", "frontend/share.html"  # Gradio's own, of which the second makes public links


def put_first(script: str) -> None:
    """Put a script first into every page that Gradio serves, from now on."""
    loader = routes.templates.env.loader
    if loader is None or isinstance(loader, ChoiceLoader):  # nothing to put it into, or there already
        return
    head = f"<head><script>{{% raw %}}{script}{{% endraw %}}</script>"
    pages = {name: loader.get_source(routes.templates.env, name)[0] for name in TEMPLATES}
    with_script = {name: source.replace("<head>", head, 1) for name, source in pages.items()}
    routes.templates.env.loader = ChoiceLoader([DictLoader(with_script), loader])


@contextmanager
def laid_out() -> Iterator[None]:
    """Make no app and no configuration while a page is laid out: Gradio makes both anew as the page is launched."""
    create_app, get_config = routes.App.create_app, Blocks.get_config_file
    routes.App.create_app = staticmethod(lambda *args, **kwargs: None)  # type: ignore[method-assign, assignment]
    Blocks.get_config_file = lambda self: {}  # type: ignore[method-assign, typeddict-item]
    try:
        yield
    finally:
        routes.App.create_app = create_app  # type: ignore[method-assign]
        Blocks.get_config_file = get_config  # type: ignore[method-assign]

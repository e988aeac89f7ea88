"""The web page: layout and event wiring; what it shows is computed elsewhere."""

import audioprompt.server  # noqa: F401, prepares the import of Gradio

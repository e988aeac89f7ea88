"""What stands around the page: who may do what, sessions, limits, and what Gradio is made to do."""

from audioprompt.server.gradio_patches import importing

importing.prepare()

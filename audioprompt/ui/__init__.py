"""The web page: layout and event wiring; what it shows is computed elsewhere."""

from audioprompt.util import proxies

proxies.make_usable()  # before Gradio is imported, which makes its HTTP client at once

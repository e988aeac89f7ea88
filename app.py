"""Open the app: ``python app.py``. A Hugging Face Space starts here too."""

from audioprompt import hosting
from audioprompt.settings import on_a_space
from audioprompt.util import memory

if __name__ == "__main__":
    hosting.prepare()  # before anything asks for a folder or a GPU
    with memory.kept_for_good():
        from audioprompt.ui.app import launch

    launch(host=hosting.address(), open_browser=not on_a_space())

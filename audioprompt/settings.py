"""What can be set from outside, every environment variable of it, and where things are kept.

A variable is read when it is asked for, so that what a host or a command sets at the start counts.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path, user_data_path


@dataclass(frozen=True)
class Variable:
    """An environment variable.

    Attributes:
        name: as it is set.
        purpose: what it is for, a sentence.
        default: its value where it is not set, or set to nothing.
    """

    name: str
    purpose: str
    default: str = ""

    @property
    def value(self) -> str:
        return os.environ.get(self.name, "").strip() or self.default

    def __bool__(self) -> bool:
        return bool(os.environ.get(self.name, "").strip())


STORE = Variable("AUDIOPROMPT_STORE", "The folder of the prompt packs.")
CACHE = Variable("AUDIOPROMPT_CACHE", "The folder of embeddings and of downloaded and unpacked clips.")
DATA = Variable("AUDIOPROMPT_DATA", "The folder of the papers' data sets, each in a folder of its own.")
DEVICE = Variable("AUDIOPROMPT_DEVICE", "Where models run: `auto`, `cpu`, `cuda:0` and the like.", "auto")
PASSWORD = Variable("AUDIOPROMPT_PASSWORD", "Makes the page a public one, and lets in curators who know it.")
CURATORS = Variable("AUDIOPROMPT_CURATORS", "The Hugging Face users who curate a Space, separated by commas.")
ZENODO = Variable("AUDIOPROMPT_ZENODO_ENDPOINT", "Where PENGI's weights come from.", "https://zenodo.org")
OPENAI_KEY = Variable("OPENAI_API_KEY", "The key for the chat service, in the hands of curators alone.")
OPENAI_URL = Variable("OPENAI_BASE_URL", "The address of another chat service.", "https://api.openai.com/v1")
OPENAI_HEADERS = Variable("OPENAI_CUSTOM_HEADERS", "Further headers for that service, `name: value`, one a line.")
SERVER_NAME = Variable("GRADIO_SERVER_NAME", "The address to listen on.")
UPLOADS = Variable("GRADIO_TEMP_DIR", "The folder of uploads; by default one that goes with the app.")
BLAS_THREADS = Variable("OPENBLAS_NUM_THREADS", "Cores for a matrix product of numpy's while the page is served.", "1")
SPACE = Variable("SPACE_ID", "Set by Hugging Face: this is a Space.")
SPACE_AUTHOR = Variable("SPACE_AUTHOR_NAME", "Set by Hugging Face: whose Space it is, its curator by default.")
SPACE_GPU = Variable("SPACES_ZERO_GPU", "Set by Hugging Face: GPUs are lent by the call.")
OAUTH_ID = Variable("OAUTH_CLIENT_ID", "Set by Hugging Face where people can sign in to the Space.")
OAUTH_SECRET = Variable("OAUTH_CLIENT_SECRET", "Set by Hugging Face beside it.")

VARIABLES = tuple(one for one in list(vars().values()) if isinstance(one, Variable))


def on_a_space() -> bool:
    """Tell whether this is a Hugging Face Space."""
    return SPACE.name in os.environ


CHECKOUT = Path(__file__).resolve().parents[1]
PACKAGE = Path(__file__).resolve().parent


def store_folder() -> Path:
    """Return the folder packs are kept in when none is named.

    ``AUDIOPROMPT_STORE`` if it is set, else ``prompt_store/`` of a source checkout, else a folder of the user's own.
    """
    if STORE:
        return Path(STORE.value).expanduser()
    checkout = CHECKOUT / "prompt_store"
    return checkout if checkout.is_dir() else user_data_path("audioprompt", appauthor=False) / "prompt_store"


def bundled_store_folder() -> Path:
    """Return the folder of the packs that come along: ``prompt_store/`` of a checkout, else inside the installed
    package.
    """
    checkout = CHECKOUT / "prompt_store"
    return checkout if checkout.is_dir() else PACKAGE / "_prompt_store"


def cache_folder() -> Path:
    """Where embeddings are cached: ``AUDIOPROMPT_CACHE``, or the user's own cache folder."""
    return Path(CACHE.value) if CACHE else user_cache_path("audioprompt", appauthor=False)


def asset_folder(name: str) -> Path:
    """Return a folder of ``assets/`` in a checkout, or its copy inside an installed package."""
    checkout = CHECKOUT / "assets" / name
    return checkout if checkout.is_dir() else PACKAGE / "_assets" / name

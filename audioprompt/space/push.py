"""A Space goes to the Hugging Face hub."""

import re
from collections.abc import Iterator
from pathlib import Path

from huggingface_hub import HfApi, get_token
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError
from huggingface_hub.utils import filter_repo_objects

from audioprompt.space.requirements import SpaceError
from audioprompt.util.places import is_file
from audioprompt.util.text import one_line

TOKEN = re.compile(r"[!-~]{8,}")  # of what one consists
TAG = "audioprompt"  # on the card of every Space that was built here
LEFT_HERE = [".*", "*/.*", "__pycache__/*", "*/__pycache__/*"]  # what running a Space leaves behind
OF_THE_HUB = {".gitattributes", "README.md"}  # the files of a Space that has only just been made
ADVICE = {
    401: "the hub does not accept the token: make one with the right to write at huggingface.co/settings/tokens",
    403: "the token does not let you write to {name}: take one with the right to write, or a name of your own",
    404: "there is no such user or organisation for {name}, or the token cannot see it: check the name",
    409: "{name} was changed by somebody else at the same time: push again",
    413: "a file is too large for the hub: leave out packs, heads or examples, and push again",
    429: "the hub has had too many requests: wait some minutes, and push again",
}


def pushed(folder: Path) -> dict[str, int]:
    """Return the size in bytes of every file that a push uploads, by its path in the Space.

    Raises:
        SpaceError: the folder holds no Space.
    """
    if not all(is_file(folder / name) for name in ("README.md", "app.py", "requirements.txt")):
        raise SpaceError(f"there is no Space in {folder}: build one there first, with `audioprompt space build`")
    every = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name: (folder / name).stat().st_size for name in filter_repo_objects(every, ignore_patterns=LEFT_HERE)}


def push(name: str, folder: Path, public: bool = False, token: str | None = None) -> str:
    """Publish a Space, or bring one that was published up to date: what is gone from the folder goes there too.

    Args:
        name: USER/NAME, or ORGANISATION/NAME.
        folder: the Space, as `build` wrote it.
        public: whether everybody shall see it. This is for a new Space; one that is there stays as it is.
        token: of the hub; None for ``HF_TOKEN``, or the one that ``hf auth login`` has stored.

    Returns:
        The Space's address.

    Raises:
        SpaceError: it cannot be published; the message says what to do.
    """
    pushed(folder)
    token = token or get_token() or ""
    if not token:
        raise SpaceError("Not logged in to the Hub. Set HF_TOKEN to a token with write access, or run `hf auth login`.")
    if not TOKEN.fullmatch(token):  # or what makes of it a header would print it
        raise SpaceError("Not a Hub token: copy it again, without blanks.")
    hub = HfApi(token=token)
    try:
        if name.count("/") != 1:
            raise HFValidationError
        _make_or_recognise(hub, name, public)
        hub.upload_folder(
            repo_id=name,
            repo_type="space",
            folder_path=folder,
            ignore_patterns=LEFT_HERE,
            delete_patterns="*",
            commit_message="Publish with audioprompt",
        )
    except HFValidationError as error:
        raise SpaceError(
            f"{one_line(name)} is not a valid name for a Space: give USER/NAME, of letters, digits, - and _"
        ) from error
    except SpaceError:
        raise
    except (OSError, RuntimeError, ValueError) as error:  # what uploads and answers that are none raise
        raise SpaceError(_advice(name, error)) from error
    return f"{hub.endpoint}/spaces/{name}"


def _make_or_recognise(hub: HfApi, name: str, public: bool) -> None:
    """Have a Space of this name, and one whose files may be replaced.

    Raises:
        SpaceError: there is one that was not made by audioprompt.
    """
    try:
        there = hub.space_info(name)
    except RepositoryNotFoundError:
        hub.create_repo(name, repo_type="space", space_sdk="gradio", private=not public)
        return
    tags = there.card_data.tags if there.card_data else None
    if TAG not in (tags or ()) and {file.rfilename for file in there.siblings or ()} - OF_THE_HUB:
        raise SpaceError(f"{name} is there already and was not made with audioprompt: choose another name")


def _advice(name: str, error: BaseException) -> str:
    """Return what to do about an error of the hub's client, as a sentence."""
    for cause in _causes(error):
        if isinstance(cause, HfHubHTTPError) and cause.response is not None:
            status = cause.response.status_code
            if status in ADVICE:
                return ADVICE[status].format(name=name)
            if status >= 500:
                return f"The Hub is having problems ({status}). Try again later."
            return f"the hub refuses {name} (error {status}): {one_line(cause.server_message or 'it gives no reason')}"
    # an error of a file here would name it
    if any(isinstance(cause, OSError) and cause.filename is None for cause in _causes(error)):
        return "the hub cannot be reached: check the network, and push again"
    return f"{name} could not be published ({one_line(str(error))}): try again"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Return an error, and those that it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__

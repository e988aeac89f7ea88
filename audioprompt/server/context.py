"""Who asks, and what is theirs here: a context is made once for each request, in one place."""

from collections.abc import Callable, MutableMapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from audioprompt.data import LabelledClips
from audioprompt.prompts.store import PromptStore
from audioprompt.server import access, models, sessions
from audioprompt.server.access import Role
from audioprompt.server.gradio_patches import calls

if TYPE_CHECKING:
    from audioprompt.models.base import AudioTextModel

CURATOR = "curator"  # the name of who decides where nobody is signed in


class Context:
    """What somebody may do and use. Permissions are asked for; nothing here grants any.

    Args:
        request: theirs; None for a script in this process, which asks as whoever started it.
    """

    def __init__(self, request: gr.Request | None = None) -> None:
        self.request = request

    @property
    def role(self) -> Role:
        """What they are on this page."""
        return access.role(self.request)

    @property
    def is_curator(self) -> bool:
        """Whether they may do everything."""
        return self.role is Role.CURATOR

    @property
    def name(self) -> str:
        """Under which name they decide: that of the person signed in, where people sign in."""
        return access.user(self.request) or CURATOR

    @property
    def session(self) -> str:
        """What keeps a visitor's work apart from everybody's; empty for curators, who share theirs."""
        return sessions.session(self.request)

    @property
    def page(self) -> str:
        """The open page that asks; empty for a script in this process."""
        return (self.request and self.request.session_hash) or ""

    @property
    def place(self) -> int:
        """How many calls came to the queue before theirs: a thread may take up a later one first."""
        return int(self._scope.get(access.PLACE, 0))

    def show_while(self, wanted: Callable[[], bool]) -> None:
        """Have nothing shown of what comes of their call once it is not wanted: a later one has taken its place."""
        self._scope[access.WANTED] = wanted

    @property
    def _scope(self) -> MutableMapping[str, Any]:
        return getattr(self.request and self.request.request, "scope", {})

    @property
    def caller(self) -> str:
        """Where they ask from."""
        return access.caller(self.request)

    @property
    def owner(self) -> str:
        """Whose share of what is kept for all something counts in; empty for curators."""
        return access.share(self.request)

    @property
    def terms(self) -> sessions.Terms:
        """On what terms their work in the background is done."""
        return sessions.terms(self.request)

    @property
    def store(self) -> PromptStore:
        """The packs that they read and write."""
        return sessions.store(self.request)

    def model(self, name: str) -> "AudioTextModel":
        """Return the shared instance of a model.

        Raises:
            ModelError: it cannot be had, or is not theirs to use.
        """
        return models.shared_model(name, self.request)

    def clips(
        self,
        where: str,
        uploads: Path | None = None,
        into: Path | None = None,
        progress: Callable[[int, int], None] | None = None,
        skip_bad: bool = False,
    ) -> LabelledClips:
        """Return the clips of a data set, as `sessions.clips_named` opens it."""
        return sessions.clips_named(where, self.request, uploads, into, progress, skip_bad)

    def recordings(self, places: Sequence[Path], into: Path, uploaded: bool = True) -> list[Path]:
        """Return recordings without labels, as `sessions.recordings_in` does."""
        return sessions.recordings_in(places, self.request, into, uploaded)

    def refuse_large_trials(self, methods: Sequence[str], shots: float, epochs: float, seeds: float) -> None:
        """Keep a visitor's trial to a size that leaves room for others.

        Raises:
            NotAllowed: it would be larger.
        """
        sessions.refuse_large_trials(self.request, methods, shots, epochs, seeds)


IN_PROCESS = Context()


def of_call() -> Context:
    """Make the context of the call that is being answered."""
    return Context(calls.current_request())

"""The Space goes out, into a folder or to the hub: only for curators."""

from collections.abc import Iterator

import gradio as gr

from audioprompt.server import access, sessions
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.space.belongings import Belongings
from audioprompt.space.choices import Choices, plan_of, settle
from audioprompt.ui.components import publish as view
from audioprompt.ui.events import View
from audioprompt.util.jobs import Jobs, follow

LOOK_SECONDS = 0.2  # between two looks at work under way
WORKERS = 2  # Spaces put together at once

_jobs = Jobs(WORKERS)


def build_space(
    kept: Choices | None, belongings: Belongings, folder: str | None, context: Context = IN_PROCESS
) -> Iterator[View]:
    """Write the Space to a folder of this machine, none if it is empty, and pack it as a zip: yields how far it is.

    Raises:
        AudiopromptError: it cannot be built; the message says what to change.
    """
    from audioprompt.space.out import build_and_pack, prepare_folder, workshop

    access.only_curators(context.request, "publish")
    plan = plan_of(settle(kept, belongings.now, context.store), belongings.now, context.store)
    way = prepare_folder(plan, folder or "")
    with workshop(sessions.temporary()) as room:
        job = _jobs.start(lambda _: build_and_pack(plan, way, room))
        for _ in follow(job, LOOK_SECONDS):
            total = len(way.expected)
            yield {"built": view.building(way.done, total) if way.since is None else view.packing(way.expected)}
        packed = job.result()
        label = f"Download {packed.name} ({view.megabytes(packed.stat().st_size)})"
        yield {"built": view.built(way.given, way.expected), "download": gr.DownloadButton(label, value=str(packed))}


def push_space(
    kept: Choices | None,
    belongings: Belongings,
    name: str | None,
    public: bool | None,
    token: str | None,
    context: Context = IN_PROCESS,
) -> Iterator[View]:
    """Put the Space together and publish it: yields how far it is, then where it is; the token's field is emptied.

    Args:
        kept: what was chosen to go in.
        belongings: this page's heads and clips.
        name: USER/NAME.
        public: whether everybody shall see it.
        token: of the hub; empty for the one that this machine has.
        context: of whoever publishes.

    Raises:
        AudiopromptError: it cannot be built or pushed; the message does not hold the token.
    """
    from audioprompt.space import sizes
    from audioprompt.space.out import Way, build_and_push, check_push, workshop

    name, token = (name or "").strip(), (token or "").strip()
    access.only_curators(context.request, "publish")
    check_push(name, token)
    plan = plan_of(settle(kept, belongings.now, context.store), belongings.now, context.store)
    way = Way(sizes(plan))

    def work() -> str:
        with workshop(sessions.temporary()) as room:
            return build_and_push(plan, way, room, name, bool(public), token)

    job = _jobs.start(lambda _: work())
    for _ in follow(job, LOOK_SECONDS):
        if way.since is None:
            yield {"pushed": view.building(way.done, len(way.expected))}
        else:
            yield {"pushed": view.uploading(way.expected, way.seconds)}
    yield {"pushed": view.pushed(job.result(), bool(public)), "token": ""}

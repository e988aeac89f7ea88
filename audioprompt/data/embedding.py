"""Labelled clips through the encoder: no recording twice, and those that cannot be used named by their paths."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from audioprompt.data.clips import LabelledClips
from audioprompt.data.tables import DataError
from audioprompt.encoding.cache import EmbeddingCache
from audioprompt.encoding.clips import encode_each_once
from audioprompt.encoding.encoder import EmbeddedClip, Progress, silence
from audioprompt.encoding.recordings import BadRecordings, Recordings
from audioprompt.models.base import AudioTextModel


def embed_labelled(
    model: AudioTextModel,
    clips: LabelledClips,
    progress: Progress | None = None,
    cache: EmbeddingCache | None = None,
    skip_bad: bool = False,
) -> tuple[LabelledClips, list[EmbeddedClip]]:
    """Encode labelled clips, no recording twice: the clips that can be used, N, and what is heard in each, N.

    Args:
        model: what hears.
        clips: all of them.
        progress: told how many recordings are done.
        cache: of what was encoded before.
        skip_bad: leave out recordings that cannot be used, and note them in the clips' ``left_out``.

    Raises:
        BadRecordings: recordings cannot be used, all of them named by their paths below the top of the data set.
        DataError: none can be used.
    """
    place, names = _recordings(clips)
    recordings = Recordings(list(place), names)
    found, reasons = encode_each_once(model, model.embed_audio, b"", recordings, progress, cache, not skip_bad)
    clips = _without(clips, place, names, reasons, skip_bad)
    return clips, [found[place[path]] for path in clips.paths]


def tell_silence(clips: LabelledClips, embedded: Sequence[EmbeddedClip]) -> LabelledClips:
    """Labelled clips with a word about those of them that are silent; N of both."""
    heard = {
        path: (clip, clips.name_of(row)) for row, (path, clip) in enumerate(zip(clips.paths, embedded, strict=True))
    }
    told = silence([clip for clip, _ in heard.values()], [name for _, name in heard.values()])
    return replace(clips, notices=(*clips.notices, told)) if told else clips


def look_through(clips: LabelledClips, skip_bad: bool = False, look: Callable[[], object] = int) -> LabelledClips:
    """Return the clips that can be read, as far as their beginning tells, before any is encoded or they are divided.

    Args:
        clips: all of them.
        skip_bad: leave out those that cannot be read, and note them in the clips' ``left_out``.
        look: called again and again; an exception that it raises ends it.

    Raises:
        BadRecordings: some cannot be read and are not to be left out, all of them named.
        DataError: none can be read.
    """
    place, names = _recordings(clips)
    unreadable = Recordings(list(place), names).find_unreadable(range(len(place)), look)
    return _without(clips, place, names, unreadable, skip_bad)


def _recordings(clips: LabelledClips) -> tuple[dict[Path, int], list[str]]:
    """Return the R recordings of some clips, each numbered once, and what to call each of them."""
    first: dict[Path, int] = {}
    for row, path in enumerate(clips.paths):
        first.setdefault(path, row)
    return {path: number for number, path in enumerate(first)}, [clips.name_of(row) for row in first.values()]


def _without(
    clips: LabelledClips, place: dict[Path, int], names: Sequence[str], reasons: dict[int, str], skip_bad: bool
) -> LabelledClips:
    """Return the clips whose recordings, as `_recordings` numbers them, can be used; ``reasons`` tells why others
    cannot.

    Raises:
        BadRecordings: some cannot be used and are not to be left out.
        DataError: none can be used.
    """
    if reasons and not skip_bad:
        raise BadRecordings(reasons, names)
    if bad := {row: reasons[place[path]] for row, path in enumerate(clips.paths) if place[path] in reasons}:
        clips = clips.without(bad)
    if not len(clips):
        raise DataError(f"{clips.name} has no recording that can be used. {' '.join(clips.remarks)}")
    return clips

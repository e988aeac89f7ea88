"""One pass of a model for all who want sound embedded at the same moment."""

from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

import torch

from audioprompt.models.base import AudioTextModel

Encode = Callable[[torch.Tensor], torch.Tensor]  # windows, [B, samples], to vectors

MOST, MAX_ON_CPU = 16, 4  # windows in a pass; more than four outgrow a processor's cache
LENT = "zerogpu"  # a device lent to one person at a time, who is not to pay for what others want


@dataclass(eq=False)
class _Wanted:
    """Windows that somebody waits for, ``[B, samples]``, and what came of them, ``[B, D]`` or an error."""

    encode: Encode
    windows: torch.Tensor
    found: torch.Tensor | BaseException | None = None


class Together:
    """Windows of many callers in one pass: while the model runs, what comes waits, and the next pass takes it all.

    Nobody waits for others to come: a caller who is alone is answered at once.
    """

    def __init__(self) -> None:
        self._waiting: list[_Wanted] = []
        self._guard = Lock()
        # By a model's name, revision and device: always the same thread, since torch keeps working memory, tens of
        # megabytes, for each that it runs in.
        self._runners: dict[tuple[str, str, str], ThreadPoolExecutor] = defaultdict(lambda: ThreadPoolExecutor(1))

    def embed(self, model: AudioTextModel, windows: torch.Tensor, encode: Encode | None = None) -> torch.Tensor:
        """Run ``encode``, by default ``model.embed_audio``; callable from any thread: ``[B, samples]`` -> ``[B, D]``.

        Windows share a pass with those of callers whose ``encode`` equals theirs.
        """
        mine = _Wanted(encode or model.embed_audio, windows)
        with self._guard:
            self._waiting.append(mine)
            runner = self._runners[model.name, model.revision, model.device]
        return runner.submit(self._found, mine, MAX_ON_CPU if model.device == "cpu" else MOST).result()

    @property
    def busy(self) -> bool:
        """Whether somebody waits for a model that is running for others."""
        return bool(self._waiting)

    def _found(self, mine: _Wanted, most: int) -> torch.Tensor:
        while mine.found is None:
            self._run(self._next(mine.encode, most))
        if isinstance(mine.found, BaseException):
            raise mine.found
        return mine.found

    def _next(self, encode: Encode, most: int) -> list[_Wanted]:
        """Take what has waited longest to be encoded like this, up to a batch."""
        some: list[_Wanted] = []
        with self._guard:
            for wanted in [one for one in self._waiting if one.encode == encode]:
                if some and sum(len(one.windows) for one in some) + len(wanted.windows) > most:
                    break
                some.append(wanted)
            self._waiting = [one for one in self._waiting if one not in some]
        return some

    def _run(self, some: list[_Wanted]) -> None:
        try:
            found = some[0].encode(torch.cat([one.windows for one in some]))
            for one, part in zip(some, found.split([len(one.windows) for one in some]), strict=True):
                one.found = part
        except BaseException as error:  # the fault of one of them perhaps, or of their number
            if len(some) == 1:
                some[0].found = error
            for one in some if len(some) > 1 else ():
                self._run([one])


TOGETHER = Together()

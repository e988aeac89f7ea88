"""A small net's layers as one call, where it is called often."""

from collections.abc import Callable
from itertools import count

import torch
from torch import Tensor

OFTEN = 50  # calls from which on tracing, and the first two calls of what was traced, pay


class TracedOnceBusy:
    """A function of one tensor that becomes a single call once it was called often, with the same results.

    Python calls a net's layers one by one. Of a small net's time that is a quarter, in which no other thread of Python
    goes on: traced, two threads hear half as much again and more. ``torch.jit`` is to be followed by ``torch.export``,
    but what that makes needs Python or a compiler to run.

    Args:
        function: takes any number of windows of any length.
    """

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        self._function, self._calls = function, count(1)

    def __call__(self, tensor: Tensor) -> Tensor:
        """Call the function, in any thread; one of them traces it."""
        if next(self._calls) == OFTEN:
            self._function = torch.jit.trace(self._function, tensor, check_trace=False)
        return self._function(tensor)

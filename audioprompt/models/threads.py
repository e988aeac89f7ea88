"""How many cores one operation of torch may spread over."""

from contextlib import AbstractContextManager
from functools import cache

import torch
from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager[object]:
    """Keep this thread's operations on one core, and leave other threads alone.

    For operations so small that cores spend longer waiting for each other than computing: beside other work, a clip
    through the bundled model takes a fifth of the processor time that way.
    """
    torch.get_num_threads()  # or torch would lift the limit at its first operation in this thread
    return _loaded_libraries().limit(limits=1, user_api="openmp")


@cache
def _loaded_libraries() -> ThreadpoolController:
    return ThreadpoolController()  # looking for them takes some milliseconds

"""A stand-in for torchaudio, for the moment in which msclap is imported.

msclap imports torchaudio at its top, but needs it only for reading files, which `audioprompt.audio` does. The wheels
on the registry are linked against CUDA, so that beside a CPU build of torch ``import torchaudio`` raises
``OSError: libc10_cuda.so``. Where the real one cannot be imported, an empty module takes its place in msclap alone.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType

NAMES = ("torchaudio", "torchaudio.transforms")  # what msclap imports


@contextmanager
def importable_torchaudio() -> Iterator[None]:
    """Let ``import torchaudio`` succeed inside the block; it leaves no stand-in behind for anybody else."""
    try:
        import torchaudio  # noqa: F401
    except (ImportError, OSError):
        pass
    else:
        yield
        return
    for name in NAMES:
        module = ModuleType(name, __doc__)
        # transformers asks for the spec to find out whether torchaudio is there, and ModuleType has none
        module.__spec__ = ModuleSpec(name, loader=None, is_package=True)
        module.__path__ = []
        sys.modules[name] = module
    try:
        yield
    finally:
        for name in NAMES:
            del sys.modules[name]

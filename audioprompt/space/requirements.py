"""What a Space installs: what runs here, version by version, so that it runs there."""

import re
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from audioprompt.errors import AudiopromptError
from audioprompt.models.registry import MODELS

# What audioprompt imports with any model, as its pyproject.toml says; kept here too, for a Space has no metadata of an
# installed one.
NEEDED = tuple(
    """
    av filelock gradio[mcp,oauth] httpx2 huggingface-hub itsdangerous jinja2 numpy openai pandas platformdirs plotly
    pydantic rich safetensors scikit-learn scipy soundfile soxr threadpoolctl tokenizers torch transformers typer
    """.split()
)
# Left to pip: what every environment has, and what torch's builds for GPUs require in versions of their own.
UNPINNED = re.compile(r"pip|setuptools|triton|nvidia-.+|cuda-.+")
LINUX = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"}
CPU_BUILDS = "https://download.pytorch.org/whl/cpu"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"  # the versions that run here do so on this one


class SpaceError(AudiopromptError, RuntimeError):
    """A Space cannot be built, tried or published; the message says why and what to do."""


@cache
def requirements(model: str, gpu: bool = False) -> str:
    """Return the text of ``requirements.txt``: each package that one model takes and all that these need, pinned.

    A Space's machine runs Linux. torch on PyPI brings CUDA along there, some gigabytes of it, so a Space on CPUs takes
    the build without, which has the same version.

    Args:
        model: the name of the model.
        gpu: whether the Space has a GPU.

    Raises:
        SpaceError: something is not installed here.
    """
    pins = pinned([*NEEDED, *MODELS[model].packages])
    lines = [f"{name}=={version}" for name, version in sorted(pins.items())]
    return "\n".join([*([] if gpu else [f"--extra-index-url {CPU_BUILDS}"]), *lines]) + "\n"


def pinned(needed: list[str]) -> dict[str, str]:
    """Return the versions here of packages and of all that they require on Linux, by name.

    Raises:
        SpaceError: one of the first is not installed.
    """
    found: dict[str, str] = {}
    waiting = [Requirement(text) for text in needed]
    asked = {requirement.name for requirement in waiting}
    seen: set[tuple[str, str]] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if UNPINNED.fullmatch(name):
            continue
        try:
            package = distribution(name)
        except PackageNotFoundError as error:
            if requirement.name in asked:
                raise SpaceError(f"{name} is not installed here, and the Space needs it: pip install {name}") from error
            continue  # what only Linux needs: pip finds a version there
        found[name] = package.version.partition("+")[0]
        for extra in {"", *requirement.extras} - {extra for other, extra in seen if other == name}:
            seen.add((name, extra))
            required = [Requirement(line) for line in package.requires or ()]
            waiting += [one for one in required if not one.marker or one.marker.evaluate(LINUX | {"extra": extra})]
    return found

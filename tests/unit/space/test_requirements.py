"""Pinned versions: those that run here, no more than is needed, and the same in the repository's own list."""

import re
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import RepoCard
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from audioprompt.models.registry import MODELS
from audioprompt.space import SpaceError
from audioprompt.space import requirements as module
from audioprompt.space.requirements import CPU_BUILDS, NEEDED, pinned, requirements

ROOT = Path(__file__).parents[3]
tomllib = pytest.importorskip("tomllib", reason="Python 3.10 reads no TOML")


def pins(text: str) -> dict[str, str]:
    return {canonicalize_name(name): version for name, version in re.findall(r"^(\S+)==(\S+)", text, re.MULTILINE)}


def test_what_is_needed_is_what_the_project_says() -> None:
    said = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    wanted = {(one.name, *sorted(one.extras)) for one in map(Requirement, said)}
    needed = [*NEEDED, *(package for model in MODELS.built_in for package in model.packages)]
    assert {(one.name, *sorted(one.extras)) for one in map(Requirement, needed)} == wanted


def test_the_versions_here_are_pinned() -> None:
    found = pins(requirements("embedded"))
    assert found["gradio"] == metadata.version("gradio") and found["pydantic"] == metadata.version("pydantic")
    assert found["torch"] == metadata.version("torch").partition("+")[0]
    assert {"authlib", "itsdangerous", "mcp"} <= set(found), "of Gradio's extras"


def test_msclap_comes_only_where_the_model_needs_it() -> None:
    assert not {"msclap", "librosa", "torchaudio"} & set(pins(requirements("embedded")))
    assert not {"msclap", "librosa", "torchaudio"} & set(pins(requirements("laion-clap")))
    assert {"msclap", "librosa", "torchaudio"} <= set(pins(requirements("msclap-2023")))


def test_only_a_gpu_takes_the_larger_torch() -> None:
    assert CPU_BUILDS in requirements("embedded") and "--" not in requirements("embedded", gpu=True)


def installed(monkeypatch: pytest.MonkeyPatch, packages: dict[str, tuple[str, list[str]]]) -> None:
    def distribution(name: str) -> SimpleNamespace:
        if name not in packages:
            raise metadata.PackageNotFoundError(name)
        version, required = packages[name]
        return SimpleNamespace(version=version, requires=required)

    monkeypatch.setattr(module, "distribution", distribution)


def test_what_is_needed_is_followed_as_on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    packages = {
        "torch": ("2.0+cu128", ["nvidia-cublas==1", "triton>=3", "setuptools", "SymPy>1"]),
        "sympy": ("1.5", ["gone; sys_platform == 'linux'", "wincurses; sys_platform == 'win32'", "torch"]),
        "gradio": ("6.0", ["mcp; extra == 'mcp'", "authlib; extra == 'oauth'", "ruff; extra == 'dev'"]),
        "mcp": ("1.0", []),
        "wincurses": ("1.0", []),
        "nvidia-cublas": ("1", []),
    }
    installed(monkeypatch, packages)
    assert pinned(["torch", "gradio[mcp]"]) == {"torch": "2.0", "sympy": "1.5", "gradio": "6.0", "mcp": "1.0"}


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, {})
    with pytest.raises(SpaceError, match="av is not installed here"):
        pinned(["av"])


# --- the repository, which is a Space too -----------------------------------------------------------------------------


def test_the_repositorys_list_agrees_with_the_lock() -> None:
    torch = re.findall(r"^TORCH := (.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    lock = pins((ROOT / "requirements.lock").read_text()) | pins(*torch)
    own = pins((ROOT / "requirements.txt").read_text())
    assert {name: lock.get(name) for name in own} == own
    assert {Requirement(text).name for text in NEEDED} <= set(own)


def test_the_lock_names_every_file_by_its_hash() -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text().strip())
    assert len(entries) > 100
    assert [
        entry for entry in entries if not re.fullmatch(r"\S+==\S+( \\\n    --hash=sha256:[0-9a-f]{64})+", entry)
    ] == []


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the lock is made on Python 3.11")
def test_the_repositorys_list_is_up_to_date() -> None:
    # it is made by: python -c "from audioprompt.space import *; print(requirements('msclap-2023'), end='')"
    assert (ROOT / "requirements.txt").read_text() == requirements("msclap-2023")


def test_the_repositorys_card_names_the_locked_gradio() -> None:
    card = RepoCard.load(ROOT / "README.md").data.to_dict()
    assert card["sdk_version"] == pins((ROOT / "requirements.lock").read_text())["gradio"]
    assert (card["sdk"], card["hf_oauth"], card["python_version"]) == ("gradio", True, "3.11")
    assert (ROOT / card["app_file"]).is_file() and len(card["short_description"]) <= 60

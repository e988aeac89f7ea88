"""What can be set from outside."""

import re
from pathlib import Path

import pytest

import audioprompt
from audioprompt import settings

READS = re.compile(r"""(?:os\.environ(?:\.get\(|\[|\.setdefault\()|os\.getenv\()["']([A-Z_]+)""")
OF_OTHERS = {"GRADIO_ANALYTICS_ENABLED", "GRADIO_ANALYTICS_CACHE_FREQUENCY", "OMP_WAIT_POLICY", "NO_PROXY"}


def test_no_file_reads_a_variable_that_the_table_does_not_list() -> None:
    listed = {variable.name for variable in settings.VARIABLES} | OF_OTHERS
    read = {
        name
        for path in Path(audioprompt.__file__).parent.rglob("*.py")
        for name in READS.findall(path.read_text("utf-8"))
    }
    assert read - listed == set()


def test_a_variable_set_to_nothing_has_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIOPROMPT_DEVICE", " ")
    assert settings.DEVICE.value == "auto" and not settings.DEVICE
    monkeypatch.setenv("AUDIOPROMPT_DEVICE", "cpu")
    assert settings.DEVICE.value == "cpu" and settings.DEVICE


def test_the_facade_names_what_it_offers() -> None:
    for name in audioprompt.__all__:
        assert getattr(audioprompt, name).__name__
    with pytest.raises(AttributeError):
        audioprompt.nothing  # noqa: B018

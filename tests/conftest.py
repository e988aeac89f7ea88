"""What every test shares."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("audioprompt", deadline=None)  # machines that test are shared and slow at times
settings.load_profile("audioprompt")

os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's cache of embeddings."""
    monkeypatch.setenv("AUDIOPROMPT_CACHE", str(tmp_path / "embedding-cache"))

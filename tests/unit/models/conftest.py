"""What tests of models share: their order, and where downloads are kept."""

import os
from pathlib import Path

import pytest

from tests.hub import Worker


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of one large model side by side, so that each is made once and one is in memory at a time."""
    items.sort(key=lambda item: item.callspec.params.get("compared", "") if hasattr(item, "callspec") else "")


@pytest.fixture(scope="session")
def home(worker: Worker) -> Path:
    """Where ``worker`` keeps what it downloads."""
    return Path(worker(os.getenv, "HF_HOME"))

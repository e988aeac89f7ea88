"""What tests of several tabs' handlers begin with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from audioprompt.server import models
from audioprompt.services.collection import Collection
from tests.fakes import FakeModel


@pytest.fixture
def fake_model(monkeypatch: pytest.MonkeyPatch) -> FakeModel:
    """The model that answers, whichever is asked for."""
    model = FakeModel()
    monkeypatch.setattr(models, "shared_model", lambda name, request=None: model)
    return model


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    """What a page gathers, with nothing in it."""
    (tmp_path / "page").mkdir()
    found = Collection(lambda: tmp_path / "page")
    yield found
    found.forget()

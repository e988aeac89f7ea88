"""The contract that every model keeps: what it finds wrong, and the example of a package that adds a model."""

import random
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import tomllib
import torch
from transformers import ClapFeatureExtractor, ClapProcessor, RobertaTokenizerFast

from audioprompt.models.base import Tokens
from audioprompt.models.contract import check_entry, main
from audioprompt.models.registry import ModelEntry
from tests.fakes import FakeModel
from tests.unit.models.test_laion import make

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "clap_music"


def entry(model: type[FakeModel]) -> ModelEntry:
    return ModelEntry("fake", "Tells hums from whistles.", "nothing", "MIT", lambda device, weights, progress: model())


ENTRY = entry(FakeModel)  # for the command


def broken(results: Any) -> dict[str, str]:
    """The checks that are not kept, each with the reason."""
    return {result.promise: result.reason for result in results if result.kept is False}


class OpenText:
    """A text tower: the mean of the embeddings of three letters."""

    context_dim = 4
    table = torch.eye(4)

    def tokenize(self, texts: Any) -> Tokens:
        ids = torch.tensor([[len(text) % 4, len(text) % 3, 0] for text in texts])
        return Tokens(ids, torch.tensor([[1, 1, 0]] * len(texts)))

    def token_embeddings(self, ids: torch.Tensor) -> torch.Tensor:
        return self.table[ids]

    def encode(self, embeddings: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize((embeddings * mask[..., None]).sum(1) + 0.1, dim=-1)


class Opened(FakeModel):
    """Its text tower is open, and it hears no more than a hum."""

    text = OpenText()

    def embed_text(self, texts: Any) -> torch.Tensor:
        tokens = self.text.tokenize(texts)
        return self.text.encode(self.text.token_embeddings(tokens.ids), tokens.mask)


def test_a_model_that_keeps_it() -> None:
    results = list(check_entry(ENTRY))
    assert broken(results) == {} and [result.kept for result in results].count(None) == 3
    assert [result.kept for result in check_entry(entry(Opened))].count(None) == 2


class Nameless(FakeModel):
    revision = ""


class Long(FakeModel):
    def embed_text(self, texts: Any) -> torch.Tensor:
        return 2 * super().embed_text(texts)


class Padded(FakeModel):
    def embed_text(self, texts: Any) -> torch.Tensor:
        return super().embed_text(texts).roll(max(map(len, texts)) % 2, dims=1)


class Restless(FakeModel):
    def embed_audio(self, windows: torch.Tensor) -> torch.Tensor:
        return super().embed_audio(windows).roll(random.Random(self.windows_heard).randrange(4), dims=1)


class Promising(FakeModel):
    batch_invariant = True

    def embed_audio(self, windows: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(super().embed_audio(windows) + 1e-6 * len(windows), dim=-1)


class Deaf(FakeModel):
    def embed_audio(self, windows: torch.Tensor) -> torch.Tensor:
        return super().embed_audio(0 * windows)


class Careless(FakeModel):
    def embed_audio(self, windows: torch.Tensor) -> torch.Tensor:
        return super().embed_audio(windows.mul_(0.5))


class Trainable(FakeModel):
    def __init__(self) -> None:
        super().__init__()
        self.audio = torch.nn.Linear(1, 1)


class Random(FakeModel):
    def __init__(self) -> None:
        super().__init__()
        self.revision = str(random.random())


class Failing(FakeModel):
    def embed_text(self, texts: Any) -> torch.Tensor:
        if "" in texts:
            raise KeyError("an empty text")
        return super().embed_text(texts)


class Blocked(OpenText):
    encode = torch.no_grad()(OpenText.encode)


class NoGradient(Opened):
    text = Blocked()


@pytest.mark.parametrize(
    ("model", "promise", "reason"),
    [
        (Nameless, "it says what it is and what it takes", "revision must be a text, and is ''"),
        (Long, "texts become unit vectors, odd and long ones too", "must be L2-normalised, and is off by 1"),
        (Padded, "a text alone and in a batch are one", "depends on what else is in its batch"),
        (Promising, "a window alone and in a batch are one", "what else is in a batch makes a difference of"),
        (Restless, "the same windows give the same embeddings", "otherwise the second time"),
        (Deaf, "different sounds differ", "are all the same"),
        (Careless, "windows become unit vectors, silence too", "changes the windows"),
        (Trainable, "nothing in it can be trained by accident", "audio is in training mode: call eval()"),
        (Random, "loaded again, it is the same", "its revision is"),
        (Failing, "texts become unit vectors, odd and long ones too", "KeyError: 'an empty text'"),
        (NoGradient, "prompts can be learned through its text tower", "lets no gradient through"),
    ],
)
def test_what_breaks_it_is_named(model: type[FakeModel], promise: str, reason: str) -> None:
    assert reason in broken(check_entry(entry(model)))[promise]


def test_an_entry_that_does_not_load() -> None:
    def load(device: str, weights: Path | None, progress: Any) -> Any:
        raise OSError("no driver")

    results = list(check_entry(ModelEntry("x", " ", "x", "x", load)))
    assert [result.line for result in results] == [
        "BROKEN its entry says what people need to know: description is empty",
        "BROKEN it loads: OSError: no driver",
    ]


def test_the_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main([f"{__name__}:ENTRY"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "fake keeps the contract." and len(lines) == 17
    monkeypatch.setattr(f"{__name__}.ENTRY", entry(Long))
    assert main([f"{__name__}:ENTRY"]) == 1
    assert "fake breaks" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module:ENTRY", "no_such_module:ENTRY cannot be imported (No module named 'no_such_module')"),
        ("json:dumps", "json:dumps is not a ModelEntry."),
        ("nope", "There is no model called 'nope'"),
    ],
)
def test_a_model_that_is_not_there(name: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(message) and len(said.err.splitlines()) == 1 and not said.out


# --- the example ------------------------------------------------------------------------------------------------------


def test_the_example_keeps_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a model of random weights that is small but for its layout."""
    about = tomllib.loads((EXAMPLE / "pyproject.toml").read_text("utf-8"))
    (point,) = about["project"]["entry-points"]["audioprompt.models"].values()
    monkeypatch.syspath_prepend(EXAMPLE)
    module, _, name = point.partition(":")
    example = getattr(import_module(module), name)
    make(tmp_path, fusion=False)
    extractor = ClapFeatureExtractor.from_pretrained(tmp_path)
    ClapProcessor(extractor, RobertaTokenizerFast.from_pretrained(tmp_path)).save_pretrained(tmp_path)
    results = list(check_entry(example, weights=tmp_path))
    assert broken(results) == {}
    assert [result.kept for result in results].count(None) == 2, "it has a text tower that prompts are learned through"
    (tmp_path / "model.safetensors").unlink()
    assert "ModelError: clap-music cannot be loaded from" in broken(check_entry(example, weights=tmp_path))["it loads"]

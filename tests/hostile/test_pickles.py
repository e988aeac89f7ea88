"""No file of a stranger's is unpickled, evaluated or imported: what would do so is looked for in the source, and files
with a payload are given to each reader that takes weights or numbers."""

import ast
import pickle
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import audioprompt
from audioprompt.data import DataError, from_zip
from audioprompt.encoding.cache import EmbeddingCache
from audioprompt.encoding.clips import embed_clips
from audioprompt.encoding.encoder import embed_texts
from audioprompt.few_shot.heads import FILE, load_head
from audioprompt.few_shot.settings import FewShotError
from audioprompt.models.base import ModelError
from audioprompt.models.clap import read_checkpoint
from audioprompt.models.laion import load_laion
from audioprompt.prompts.formats import read_pack
from audioprompt.prompts.pack import PackError
from tests.fakes import HUM, RATE, FakeModel, tone
from tests.unit.few_shot.test_heads import TinyModel

SOURCES = sorted(Path(audioprompt.__file__).parent.rglob("*.py"))
UNPICKLERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle", "yaml"}
RUNNERS = {"eval", "exec", "compile", "__import__", "execfile"}


class Payload:
    """Writes a file when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)


@pytest.fixture
def trace(tmp_path: Path) -> Iterator[Path]:
    """What the payload would write; it must not be there in the end, and would be if it were unpickled."""
    trace = tmp_path / "it-ran"
    pickle.loads(pickle.dumps(Payload(trace)))
    assert trace.exists()
    trace.unlink()
    yield trace
    assert not trace.exists(), "the payload ran"


@pytest.fixture
def payload(trace: Path) -> bytes:
    return pickle.dumps(Payload(trace))


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(SOURCES[0].parent)))
def test_no_module_unpickles_or_evaluates(source: Path) -> None:
    tree = ast.parse(source.read_text("utf-8"))
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not {name.partition(".")[0] for name in names} & UNPICKLERS, ast.unparse(node)
    for name, call in calls(tree):
        options = {option.arg: ast.unparse(option.value) for option in call.keywords}
        assert name not in RUNNERS, ast.unparse(call)
        assert name != "torch.load" or options.get("weights_only") == "True", ast.unparse(call)
        assert options.get("weights_only", "True") == "True", ast.unparse(call)
        assert options.get("allow_pickle", "False") == "False", ast.unparse(call)
        assert options.get("trust_remote_code", "False") == "False", ast.unparse(call)
        assert options.get("shell", "False") == "False", ast.unparse(call)
        assert not name.endswith(("read_pickle", "os.system", "os.popen", "extractall")), ast.unparse(call)


@pytest.mark.parametrize("name", ["weights.pth", "weights.pt", "CLAP_weights_2023.pth"])
def test_weights_with_a_payload_are_refused(name: str, trace: Path, tmp_path: Path, payload: bytes) -> None:
    for number, legacy in enumerate((False, True)):
        path = tmp_path / f"{number}-{name}"
        torch.save(
            {"model": {"w": torch.zeros(1), "x": Payload(trace)}}, path, _use_new_zipfile_serialization=not legacy
        )
        with pytest.raises(ModelError, match="holds more than tensors, which could run code"):
            read_checkpoint(path)
    (tmp_path / "bare.pth").write_bytes(payload)
    with pytest.raises(ModelError, match="cannot be read as weights"):
        read_checkpoint(tmp_path / "bare.pth")


def test_a_folder_of_weights_with_a_payload_is_refused(
    trace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import ClapConfig

    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    ClapConfig().save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text('{"feature_extractor_type": "ClapFeatureExtractor"}')
    torch.save({"logit_scale_a": Payload(trace)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="cannot be loaded from"):
        load_laion("mine", weights=tmp_path)


def test_a_head_with_a_payload_is_refused(tmp_path: Path, payload: bytes) -> None:
    for content in (payload, (len(payload)).to_bytes(8, "little") + payload):
        (tmp_path / FILE).write_bytes(content)
        with pytest.raises(FewShotError, match="not a head that audioprompt saved"):
            load_head(tmp_path, TinyModel())


def test_packs_and_archives_with_a_payload_are_refused(tmp_path: Path, payload: bytes) -> None:
    for name in ("x.json", "x.csv", "x.pkl"):
        with pytest.raises(PackError):
            read_pack(payload, name)
    with pytest.raises(DataError):
        from_zip(payload, tmp_path / "into")


def test_a_cache_with_a_payload_runs_nothing(tmp_path: Path, payload: bytes) -> None:
    """Entries are raw numbers; what does not even have their length is encoded anew, and never an object."""
    cache, model, sound = EmbeddingCache(tmp_path), FakeModel(), (RATE, tone(HUM, 1))
    (clip,) = embed_clips(model, [sound], cache=cache)
    texts = embed_texts(model, ["an owl"], cache=cache)
    numbers = tmp_path / "numbers.npz"
    np.savez(numbers, x=np.array([payload], object))
    for content in (payload, numbers.read_bytes()):
        with sqlite3.connect(cache.path) as database:
            database.execute("UPDATE entries SET value = ?", (content,))
        database.close()
        (again,) = embed_clips(model, [sound], cache=cache)
        np.testing.assert_array_equal(again.windows, clip.windows)
        np.testing.assert_array_equal(embed_texts(model, ["an owl"], cache=cache), texts)

"""Heads as files: the same answers after saving, refusal of what is not for this model, and the hub's mixin."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import ModelCard
from safetensors.numpy import load_file, save_file

from audioprompt.few_shot.base import Head
from audioprompt.few_shot.build import build_head
from audioprompt.few_shot.heads import (
    FILE,
    KEY,
    HeadRecord,
    HeadScore,
    SharedHead,
    card,
    load_head,
    read_record,
    record_of,
    save_head,
)
from audioprompt.few_shot.methods import METHODS
from audioprompt.few_shot.settings import FewShotError, FitSettings
from audioprompt.prompts.template import Template
from tests.hub import Hub, elsewhere
from tests.unit.few_shot.towers import TinyText, clusters

CLASSES = ("rain", "sea waves", "dog bark", "wind")
NASTY = "<img src=x onerror=alert(1)> [click](javascript:alert(1))"


class TinyModel:
    """A model whose texts are read by `TinyText`; it hears nothing."""

    name, revision, device = "tiny", "1", "cpu"
    sample_rate, window_seconds, dim, logit_scale = 8_000, 1.0, 12, 10.0
    embed_audio: Any = None

    def __init__(self) -> None:
        self.text = TinyText()

    def embed_text(self, texts: Any) -> Any:
        tokens = self.text.tokenize(texts)
        return self.text.encode(self.text.token_embeddings(tokens.ids), tokens.mask)


@pytest.fixture
def model() -> TinyModel:
    return TinyModel()


AUDIO, TARGETS, _ = clusters()


def fitted(method: str, model: Any) -> Head:
    settings = FitSettings(epochs=2, batch_size=8, learning_rate=0.03, context_tokens=3, random_state=5)
    head = build_head(method, model, CLASSES, settings, [Template("a {label} here")])
    return head.fit(AUDIO, TARGETS)


def shared(method: str, model: Any) -> SharedHead:
    head = fitted(method, model)
    scores = (HeadScore(data="kitchen, fold 3", n=40, accuracy=0.8125, zero_shot=0.7),)
    return SharedHead(head, record_of(head, model, "kitchen", "CC-BY-4.0", shots=16, scores=scores))


@pytest.mark.parametrize("method", METHODS.names)
def test_a_saved_head_gives_the_same_answers(method: str, model: Any, tmp_path: Path) -> None:
    first, folder = shared(method, model), tmp_path / "head"
    first.save_pretrained(folder)
    again = SharedHead.from_pretrained(folder, model=model)
    np.testing.assert_array_equal(again.head.predict_proba(AUDIO), first.head.predict_proba(AUDIO))
    assert again.record == first.record == read_record(folder)
    assert again.head.method == method and again.head.classes == CLASSES
    assert {path.name for path in folder.iterdir()} == {FILE, "config.json", "README.md"}


def test_one_file_says_everything(model: Any, tmp_path: Path) -> None:
    first = shared("palm", model)
    save_head(tmp_path / "alone.safetensors", first.head, first.record)
    again = load_head(tmp_path / "alone.safetensors", model)
    assert again.record == first.record
    assert again.record.settings["learning_rate"] == 0.03 and again.record.settings["epochs"] == 2


def test_a_head_of_the_first_version_has_earlier_names_for_its_settings(model: Any, tmp_path: Path) -> None:
    first = shared("palm", model)
    first.save_pretrained(tmp_path)
    settings = dict(first.record.settings)
    for earlier, now in {"rate": "learning_rate", "batch": "batch_size", "seed": "random_state"}.items():
        settings[earlier] = settings.pop(now)
    changed(tmp_path, settings=settings)
    again = load_head(tmp_path, model)
    assert again.record.settings == first.record.settings
    np.testing.assert_array_equal(again.head.predict_proba(AUDIO), first.head.predict_proba(AUDIO))


@pytest.mark.parametrize(("name", "revision"), [("tiny", "2"), ("other", "1")])
def test_a_head_for_another_model_is_refused(model: Any, tmp_path: Path, name: str, revision: str) -> None:
    shared("palm", model).save_pretrained(tmp_path)
    other = TinyModel()
    other.name, other.revision = name, revision
    with pytest.raises(FewShotError, match=rf"made for tiny \(revision 1\), and the model here is {name} \(revision"):
        SharedHead.from_pretrained(tmp_path, model=other)


def test_a_head_that_has_learned_nothing_is_not_saved(model: Any, tmp_path: Path) -> None:
    head = build_head("palm", model, CLASSES)
    with pytest.raises(FewShotError, match="learned nothing yet"):
        SharedHead(head, record_of(head, model, "kitchen")).save_pretrained(tmp_path)


def changed(folder: Path, **metadata: Any) -> None:
    """Write a head's file again with other metadata."""
    record = {**json.loads((folder / "config.json").read_text()), **metadata}
    save_file(load_file(folder / FILE), folder / FILE, {KEY: json.dumps(record)})


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"classes": ["rain", "wind"]}, "no palm head for 2 classes"),
        ({"classes": ["rain", "rain", "a", "b"]}, "must not hold a class twice"),
        ({"classes": ["rain"]}, "classes"),
        ({"method": "linear-probe"}, "no linear-probe head"),
        ({"method": "exec"}, "no few-shot method called 'exec'"),
        ({"settings": {"epochs": 0}}, "epochs is 0"),
        ({"settings": {"hidden": 1}}, "hidden"),
        ({"settings": {"rate": "os.system"}}, "settings"),
        ({"format_version": 99}, "format_version"),
        ({"surprise": 1}, "not a known field"),
    ],
)
def test_what_is_not_a_head_is_refused_in_words(model: Any, tmp_path: Path, metadata: Any, message: str) -> None:
    shared("palm", model).save_pretrained(tmp_path)
    changed(tmp_path, **metadata)
    with pytest.raises(FewShotError, match=message):
        load_head(tmp_path, model)


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", (1 << 62).to_bytes(8, "little") + b"{}", b"\x80\x04cos\nsystem\n(S'true'\ntR."]
)
def test_other_files_are_refused(model: Any, tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(FewShotError, match="not a head that audioprompt saved"):
        load_head(tmp_path, model)


def test_a_file_that_is_not_there(model: Any, tmp_path: Path) -> None:
    with pytest.raises(FewShotError, match="cannot be read"):
        load_head(tmp_path / "gone.safetensors", model)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused(model: Any, tmp_path: Path, value: float) -> None:
    shared("palm", model).save_pretrained(tmp_path)
    arrays = load_file(tmp_path / FILE)
    arrays["context"] = np.full_like(arrays["context"], value)
    save_file(arrays, tmp_path / FILE, {KEY: (tmp_path / "config.json").read_text()})
    with pytest.raises(FewShotError, match="must hold finite numbers"):
        load_head(tmp_path, model)


def test_the_card_says_what_one_must_know_and_is_a_card_to_the_hub(model: Any) -> None:
    text = card(shared("palm", model).record)
    data = ModelCard(text).data.to_dict()
    assert data["license"] == "cc-by-4.0" and data["pipeline_tag"] == "audio-classification"
    for fact in (
        "palm",
        "revision 1",
        "kitchen",
        "CC\\-BY\\-4.0",
        "| 40 | 81.2 % | 70.0 % |",
        "sea waves",
        'load("tiny")',
    ):
        assert fact in text.replace("load('tiny')", 'load("tiny")').replace("CC-BY-4.0", "CC\\-BY\\-4.0"), fact


def test_other_peoples_words_do_nothing_in_a_card() -> None:
    record = HeadRecord(
        method="palm", classes=(NASTY, "rain"), model="tiny", revision="1", data=NASTY, licence="other: see\nthere"
    )
    text = card(record)
    assert "<img" not in text and "[click]" not in text
    assert "license" not in ModelCard(text).data.to_dict()


# --- the hub ----------------------------------------------------------------------------------------------------------


def push(token: str) -> SharedHead:
    first = shared("palm", TinyModel())
    first.push_to_hub("me/kitchen", token=token)
    return first


def pull(name: str) -> SharedHead:
    return SharedHead.from_pretrained(name, model=TinyModel())


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    hub = Hub(tmp_path / "hub")
    yield hub
    hub.close()


@pytest.mark.slow
def test_a_head_goes_to_the_hub_and_comes_back(hub: Hub, tmp_path: Path) -> None:
    with elsewhere(hub.url, tmp_path) as call:
        pushed = call(push, "hf_secret")
        held = hub.held("me/kitchen")
        assert set(held) == {FILE, "config.json", "README.md", ".gitattributes"}
        assert not any(b"hf_secret" in content for content in held.values())
        again = call(pull, "me/kitchen")
        np.testing.assert_array_equal(again.head.predict_proba(AUDIO), pushed.head.predict_proba(AUDIO))
        assert again.record == pushed.record
        with pytest.raises(FewShotError, match="there is no head called me/nothing"):
            call(pull, "me/nothing")


@pytest.mark.slow
def test_without_a_network_a_head_cannot_be_had(tmp_path: Path) -> None:
    with (
        elsewhere("http://127.0.0.1:9", tmp_path, HF_HUB_OFFLINE="1") as call,
        pytest.raises(FewShotError, match="HF_HUB_OFFLINE"),
    ):
        call(pull, "me/kitchen")

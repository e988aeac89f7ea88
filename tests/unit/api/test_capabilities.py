"""The API's functions, called as Gradio calls them."""

import inspect
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
import soundfile
from gradio.utils import get_function_description

from audioprompt.api import CAPABILITIES, endpoints
from audioprompt.data import DataError
from audioprompt.models import registry
from audioprompt.server import models
from audioprompt.services.folders.shards import MANIFEST
from audioprompt.ui import app
from tests.fakes import HUM, RATE, WHISTLE, FakeModel, tone, zip_of_tones
from tests.openai_server import KEY, Reply, chat_servers
from tests.serving import SECONDS
from tests.unit.ui.test_classify import keep_head

LABELS = "hum, whistle, rain"
api = SimpleNamespace(**{capability.__name__: capability for capability in CAPABILITIES})
NAMES = [*vars(api)]


@pytest.fixture
def fake_model(monkeypatch: pytest.MonkeyPatch) -> FakeModel:
    model = FakeModel()
    monkeypatch.setattr(models, "shared_model", lambda name, request: model)
    return model


@pytest.fixture
def hum(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "hum.wav", tone(HUM, 5), RATE)
    return tmp_path / "hum.wav"


def call(capability: Callable[..., Any], **given: Any) -> Any:
    """Call a capability as Gradio does, with all its arguments in order; of one that takes a while the last word."""
    wrapped = endpoints.served(capability)
    parameters = inspect.signature(wrapped).parameters.values()
    answer = wrapped(*[given.get(one.name, None if one.default is one.empty else one.default) for one in parameters])
    return list(answer)[-1] if inspect.isgenerator(answer) else answer


def test_an_upload_that_is_no_longer_kept_is_asked_for_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    gone = gr.FileData(path=str(tmp_path / "rain.wav")).model_dump()
    for given in ({"sound": gone, "labels": LABELS}, {"sound": gone, "head_file": gone}):
        with pytest.raises(gr.Error, match=r"sound is no longer here, .* upload it again"):
            call(api.classify if "labels" in given else api.predict, **given)


def test_a_search_in_an_embedded_folder_and_a_zip_at_once_is_refused(fake_model: FakeModel, tmp_path: Path) -> None:
    clips = zip_of_tones(tmp_path, each=1)
    (tmp_path / MANIFEST).write_text("{}")
    with pytest.raises(DataError, match="a zip file or a folder, one of the two"):
        api.search(words="a hum", clips=clips, folder=str(tmp_path))


def test_learning_says_all_along_what_it_is_at(fake_model: FakeModel, tmp_path: Path) -> None:
    told: dict[str, list[int]] = {}

    def tell(what: str, done: int, total: int) -> None:
        told.setdefault(f"{what} of {total}", []).append(done)

    api.learn(clips=zip_of_tones(tmp_path, each=8), methods=["palm"], epochs=3, progress=tell)
    *_, epochs, checked, on_all, checked_on_all = told
    assert (epochs, on_all) == ("epochs of 3", "epochs on all clips of 3") and told[epochs] == [0, 1, 2, 3]
    assert checked == "epochs of calibration of 12" and told[checked] == [*range(1, 13)], "its four copies'"
    assert checked_on_all == "epochs of calibration on all clips of 12" and told[checked_on_all] == told[checked]


def test_no_pack_is_kept_where_a_service_wrote_nothing_that_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIOPROMPT_STORE", str(tmp_path))
    asked = {"attributes": ["loud"], "keep_as": "mine", "service_model": "parrot", "service_key": KEY}
    with chat_servers() as start:
        server = start(
            Reply('{"prompts": ["Hear the {label} now"]}'), Reply('{"prompts": ["A loud sound of {label}"]}')
        )
        server.replies.insert(0, server.replies[0])
        for kept in (None, "mine"):
            found = call(api.generate, service_url=server.url, count=1, **asked)
            assert (found["pack"], len(found["templates"])) == (kept, 1 if kept else 0)


def test_classify_answers_with_data(fake_model: FakeModel, hum: Path) -> None:
    found = call(api.classify, sound=hum, labels=LABELS, pack="acoustic-scenes")
    assert found["label"] == "hum"
    assert list(found["vanilla"]) == ["hum", "whistle", "rain"]
    assert sum(found["ensemble"].values()) == pytest.approx(1, abs=3e-4)
    assert len(found["votes"]) == 20 and found["votes"][0]["label"] == "hum"
    assert [(one["start"], one["end"], one["label"]) for one in found["events"]] == [(0, 5, "hum")]
    assert "written" not in found
    asked = call(api.classify, sound=hum, labels=LABELS, form="audacity")
    assert asked["written"] == "0.000000\t5.000000\thum\n"


def test_silence_and_a_click_are_refused_and_other_troubles_are_warnings(fake_model: FakeModel, tmp_path: Path) -> None:
    head, hum = keep_head(fake_model), tone(HUM, 4)
    sounds = {"still": np.zeros(RATE), "click": hum[: RATE // 100], "opposite": np.stack([hum, -hum], axis=1)}
    for name, samples in sounds.items():
        soundfile.write(tmp_path / f"{name}.wav", samples, RATE)
    for capability, given in ((api.classify, {"labels": LABELS}), (api.predict, {"head": head})):
        with pytest.raises(gr.Error, match=r"still\.wav is silent, so there is nothing to name"):
            call(capability, **given, sound=tmp_path / "still.wav")
        with pytest.raises(gr.Error, match=r"click\.wav lasts 10 ms, too short to name"):
            call(capability, **given, sound=tmp_path / "click.wav")
        found = call(capability, **given, sound=tmp_path / "opposite.wav")
        assert found["label"] == "hum" and "only channel 1 of 2 was heard" in found["warnings"][0]


def test_silence_is_no_event(fake_model: FakeModel, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "pause.wav", np.concatenate([tone(HUM, 2), np.zeros(2 * RATE)]), RATE)
    events = call(api.classify, sound=tmp_path / "pause.wav", labels=LABELS)["events"]
    assert [(one["start"], one["end"], one["label"]) for one in events] == [(0, 2, "hum")]


def test_a_file_that_gradio_has_not_seen_is_none(fake_model: FakeModel, hum: Path) -> None:
    metas: tuple[dict[str, Any], ...] = (
        {},
        {"meta": {}},
        {"meta": {"_type": "other"}},
        {"meta": {"_type": "gradio.FileData"}},
    )
    for outside in (str(hum), *({"path": str(hum), **meta} for meta in metas), {"path": 5, **metas[-1]}, None, 7):
        with pytest.raises(gr.Error, match="sound must be a file"):
            call(api.classify, sound=outside, labels=LABELS)


def test_measure_tells_what_listening_to_all_clips_first_achieves(fake_model: FakeModel, tmp_path: Path) -> None:
    archive = tmp_path / "clips.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for name, pitch in {"hum": HUM, "whistle": WHISTLE}.items():
            for number in range(3):
                soundfile.write(tmp_path / "one.wav", tone(pitch, 1 + 0.2 * number), RATE)
                packed.write(tmp_path / "one.wav", f"{name}/{number}.wav")
    given = {"templates": ["the sound of {}", "{} sound"], "clips": archive}
    plain, found = (call(api.measure, **given, together=wanted) for wanted in (False, True))
    joint = found.pop("together")
    assert found == plain and "together" not in plain
    assert joint["accuracy"] == joint["alone"]["accuracy"] == 1 and joint["stepped_back"] is None
    assert joint["recordings"] == 6 and joint["against_mean"]["difference"] == 0


def test_learn_keeps_what_recordings_without_labels_tell_each_other(
    fake_model: FakeModel, hum: Path, tmp_path: Path
) -> None:
    pool = tmp_path / "pool.zip"
    with zipfile.ZipFile(pool, "w") as packed:
        for number in range(6):
            soundfile.write(tmp_path / "one.wav", tone((HUM, WHISTLE)[number % 2], 1 + 0.2 * number), RATE)
            packed.write(tmp_path / "one.wav", f"{number}.wav")
    found = call(api.learn, labels="hum, whistle", unlabelled=pool)
    assert (found["best"], found["fitted_on"], found["classes"]) == ("together", 6, ["hum", "whistle"])
    assert found["methods"][0]["advice"] == "All 6 recordings were heard before any was named: no answer changed."
    assert call(api.predict, sound=hum, head=found["head"])["label"] == "hum"
    assert call(api.predict, sound=hum, head_file=found["file"])["method"] == "together"


WRONG: list[tuple[Callable[..., Any], dict[str, Any], str]] = [
    (api.classify, {"labels": "rain"}, "give at least two labels"),
    (api.classify, {"labels": 5}, "labels must be a valid string"),
    (api.classify, {"labels": "x" * 60_000}, "labels must have at most|labels .*50000"),
    (api.classify, {"labels": LABELS, "pack": "no-such-pack"}, "No prompt pack is called"),
    (api.classify, {"labels": LABELS, "pack": "../instruments"}, "No prompt pack is called"),
    (api.pack, {"pack": None}, "pack must be a valid string"),
    (api.export, {"pack": "instruments", "form": "exe"}, "form must be 'json', 'list'"),
    (api.decide, {"pack": "instruments", "templates": ["nothing like {}"], "status": "approved"}, "has no template"),
    (api.decide, {"pack": "instruments", "templates": ["{}"], "status": "loved"}, "status must be 'candidate'"),
    (api.decide, {"pack": "instruments", "templates": ["no slot"], "status": "approved"}, "has no slot"),
    (api.decide, {"pack": "instruments", "templates": "{}", "status": "approved"}, "templates must be a valid list"),
    (api.generate, {"count": 201}, "count must be less than or equal to 200"),
    (api.generate, {"count": float("nan")}, "count must be a finite number"),
    (api.generate, {"count": float("inf")}, "count must be a finite number"),
    (api.generate, {"count": "many"}, "count must be a valid integer"),
    (api.generate, {"seed": -1}, "seed must be greater than or equal to 0"),
    (api.generate, {"seed": 10**30}, "seed must be less than|seed must be a valid integer"),
    (api.generate, {"category": "perfume"}, "category must be 'instruments'"),
    (api.generate, {"attributes": ["loud"] * 501}, "attributes must (have|hold) at most 500"),
    (api.generate, {"attributes": [{"loud": 1}]}, r"attributes\[0\] must be a valid string"),
    (api.generate, {"attributes": ["{}"]}, "the only braces allowed"),
    (api.generate, {"keep_as": "../mine"}, "must be small letters and digits"),
    (api.generate, {"keep_as": "instruments"}, "called 'instruments' already"),
    (api.measure, {}, "Give a pack or templates"),
    (api.measure, {"pack": "instruments", "templates": ["{}"]}, "Give a pack or templates"),
    (api.measure, {"templates": ["{}", "{}"]}, "stands twice|comes twice|twice"),
    (api.measure, {"pack": "instruments", "data": "/no/such/folder"}, "is not there"),
    (api.measure, {"pack": "instruments", "folds": [9]}, "has no fold 9"),
    (api.measure, {"pack": "instruments", "folds": ["one"]}, r"folds\[0\] must be a valid integer"),
    (api.measure, {"pack": "instruments", "clips": Path("clips.csv")}, "is not a valid zip file"),
    (api.propose, {"pack": "instruments", "folds": [1, 2, 3, 4]}, "cannot be divided"),
    (api.propose, {"pack": "instruments", "held_out": "perhaps"}, "held_out must be a valid boolean"),
    (api.learn, {"methods": ["magic"]}, "no few-shot method called 'magic'"),
    (api.learn, {"shots": 0}, "shots must be greater than or equal to 1"),
    (api.learn, {"learn_folds": [9]}, "has no fold 9"),
    (api.learn, {"labels": "rain, wind"}, "there is no clip of rain"),
    (api.predict, {"head": "no-such-head"}, "No head with this id"),
]


@pytest.mark.parametrize(
    ("capability", "given", "sentence"), WRONG, ids=lambda one: getattr(one, "__name__", str(one)[:40])
)
def test_what_is_wrong_is_said_in_a_sentence_and_leaves_no_trace(
    fake_model: FakeModel, hum: Path, capability: Callable[..., Any], given: dict[str, Any], sentence: str
) -> None:
    sound = {"sound": hum} if "sound" in inspect.signature(capability).parameters else {}
    with pytest.raises(gr.Error, match=sentence) as error:
        call(capability, **(sound | given))
    assert error.value.print_exception is False


def test_a_fault_of_ours_does_leave_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "MODELS", None)
    with pytest.raises(TypeError):
        call(api.models)


def test_work_says_how_far_it_is_and_ends_when_its_caller_has_gone() -> None:
    come, ended = Event(), Event()

    def count(to: int, progress: Any = None) -> dict[str, Any]:
        """Count."""
        try:
            for number in range(to):
                progress("numbers", number, to)
                come.set()
                time.sleep(0.001)
            return {"counted": to}
        finally:
            ended.set()

    assert list(endpoints.served(count)(3))[-1] == {"counted": 3}
    for event in (come, ended):
        event.clear()
    long = endpoints.served(count)(10**9)
    next(long)
    assert come.wait(SECONDS)
    now = next(long)
    assert now["doing"] == "numbers" and now["total"] == 10**9
    long.close()
    assert ended.wait(SECONDS)


@pytest.mark.parametrize("capability", [*CAPABILITIES], ids=NAMES)
def test_gradio_finds_a_description_of_everything(capability: Callable[..., Any]) -> None:
    """It reads one line of each parameter; a second one would be lost, and is no parameter's."""
    description, parameters, returns = get_function_description(capability)
    assert description.endswith(".") and len(returns) == 1
    shown = [name for name in inspect.signature(endpoints.served(capability)).parameters if name != "request"]
    assert all(parameters[name].endswith(".") for name in shown)
    lines = (capability.__doc__ or "").partition("Args:")[2].partition("Returns:")[0].split("\n")
    assert [line.partition(":")[0].strip() for line in lines if line.strip()] == shown


def test_the_page_offers_its_capabilities_by_name_and_nothing_else() -> None:
    page = app.build()
    page.config = page.get_config_file()  # as when it is launched
    endpoints = page.get_api_info()["named_endpoints"]
    assert set(endpoints) == {"/live", *(f"/{name}" for name in NAMES)}
    for name, endpoint in endpoints.items():
        assert endpoint["description"]
        if name != "/live":
            assert all(one["python_type"]["description"].endswith(".") for one in endpoint["parameters"])
    assert [(one["parameter_name"], one["parameter_has_default"]) for one in endpoints["/classify"]["parameters"]] == [
        ("sound", False),
        ("labels", False),
        ("pack", True),
        ("model", True),
        ("several", True),
        ("form", True),
    ]

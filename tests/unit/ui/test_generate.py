"""The Generate tab's handlers as plain functions: no browser, no server."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from audioprompt.api.generate import generate as generate_by_api
from audioprompt.core.labels import parse_labels
from audioprompt.data import DataError
from audioprompt.errors import AudiopromptError
from audioprompt.models.base import ModelError
from audioprompt.prompts.chat.addresses import OPENAI_URL
from audioprompt.prompts.generators import COUNT, GenerationError, Task
from audioprompt.prompts.pack import PackError, PromptPack
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import Template, TemplateError
from audioprompt.server import models
from audioprompt.server.generators import LEXICON, SERVICE
from audioprompt.services.curate.setup import Setup, recall_setup
from audioprompt.ui import markup
from audioprompt.ui.components import generate as generate_view
from audioprompt.ui.events import View
from audioprompt.ui.tabs.generate import steps, task
from audioprompt.ui.tabs.generate.task import Asked, Writer
from audioprompt.util.jobs import CHECKING, tick
from tests.fakes import FakeModel
from tests.openai_server import KEY, ChatServer, Reply, chat_servers

LABELS = "violin, flute, piano"
ATTRIBUTES, SOURCES = ["loud", "bright", "warm"], ["opera", "church"]
OFFLINE = Writer(LEXICON, 0, "", "", 0.7, "")
NASTY = "<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PromptStore:
    monkeypatch.setenv("AUDIOPROMPT_STORE", str(tmp_path / "store"))
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(models, "shared_model", lambda name, request=None: FakeModel())
    return PromptStore()


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ChatServer]]:
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    with chat_servers() as start:
        yield start


def write(labels: str = LABELS, count: float | None = 8, writer: Writer = OFFLINE, words: Any = None) -> list[View]:
    """All that the page is told while candidates are written."""
    attributes, sources = words or (ATTRIBUTES, SOURCES)
    asked = Asked("instruments", labels, attributes, sources, count)
    return [step for step in steps.write(asked, writer, "fake") if step]


# --- the task ---------------------------------------------------------------------------------------------------------


def test_the_demonstration_gives_its_classes():
    shown = task.choose_demonstration()
    assert shown["category"] == "instruments"
    assert shown["labels"].split(", ")[:3] == ["bass guitar", "bowed strings", "brass"]


def test_a_packs_labels_bring_their_category():
    shown = task.choose_preset("Orchestra")
    assert shown["category"] == "instruments" and "violin" in shown["labels"]
    assert task.choose_preset("choose a list …") == {}


def test_a_data_set_gives_its_classes_or_says_why_not(tmp_path):
    for name in ("low_hum", "whistle"):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "one.wav").write_bytes(name.encode())
    assert task.choose_data(f" {tmp_path / 'data'} ") == {"labels": "low hum, whistle", "task_state": ""}
    (tmp_path / "data" / "whistle").rename(tmp_path / "data" / "whistle, high")
    labels = task.choose_data(str(tmp_path / "data"))["labels"]
    assert parse_labels(labels).labels == ("low hum", "whistle, high")
    with pytest.raises(DataError, match="is not there"):
        task.choose_data(f"{NASTY}.csv")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Task("vocal_sounds", ("cough", "sigh")), "Non-verbal vocalisation: 2 labels (cough, sigh)"),
        (Task(None, tuple("abcdef")), "Sound recognition: 6 labels (a, b, c, d, …)"),
        (Task(None), "Sound recognition, any labels"),
    ],
)
def test_a_task_in_one_line(given, words):
    assert task.task_summary(given) == words


# --- the generator ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ((LEXICON, 3, "parrot", "", 0.7), "Offline lexicon · seed 3"),
        ((SERVICE, 0, "parrot", "", 0.7), "parrot at api.openai.com · temperature 0.7 · seed 0"),
        ((SERVICE, None, "parrot", "http://localhost:11434/v1", None), "parrot at localhost:11434"),
        ((SERVICE, None, "", "http://me:secret@host/v1?key=secret", 0), "no model named yet at host · temperature 0"),
        ((SERVICE, None, "p", "http://[nonsense", 0), "p at an address that cannot be used · temperature 0"),
        ((SERVICE, None, NASTY, "", None), "&lt;img src=x onerror=alert(1)&gt; at api.openai.com"),
    ],
)
def test_what_is_in_use_is_said_in_one_line(settings, words):
    assert task.in_use(Writer(*settings)) == f'<span class="in-use">{words}</span>'


def test_where_the_key_comes_from_is_said_without_the_key(monkeypatch):
    assert "Required by OpenAI" in task.key_info("")
    assert "Only if the service requires one" in task.key_info("http://localhost:1/v1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for address in ("", OPENAI_URL, OPENAI_URL + "/"):
        assert task.key_info(address).startswith("Key taken from OPENAI_API_KEY")
        assert KEY not in task.key_info(address)
    assert "OPENAI_API_KEY" not in task.key_info("http://elsewhere/v1")


def test_the_exact_prompt_is_what_the_service_is_asked():
    before = task.exact_prompt(SERVICE, Asked("instruments", LABELS, count=40))
    assert "30 attributes" in before and before.count("<pre>") == 1
    asked = task.exact_prompt(SERVICE, Asked("instruments", f"violin, {NASTY}", ATTRIBUTES, SOURCES, 12))
    assert "Write 12 different prompts" in asked and asked.count("<pre>") == 2
    assert "<img" not in asked and "&lt;attribute&gt;" in asked
    assert "Nothing is sent anywhere" in task.exact_prompt(LEXICON, Asked("", LABELS))
    assert 'role="alert"' in task.show_exact_prompt(SERVICE, Asked("", "violin"))["exact"]


# --- words ------------------------------------------------------------------------------------------------------------


def test_words_are_proposed_and_all_kept_at_first():
    *_, last = steps.propose("instruments", "violin, flute, Violin", OFFLINE)
    assert last["better"] is None and not last["take_better"].visible
    assert last["task_state"] == ""
    assert last["words_state"] == '<div class="fine">Ignored duplicate label: Violin.</div>'
    assert not last["task_step"].open
    assert last["task_step"].label == "Musical instrument recognition: 2 labels (violin, flute)"
    assert last["words_step"].open and last["written_step"].open
    assert "resonant" in last["offered_attributes"] and "opera" in last["offered_sources"]
    assert last["attributes"].value == last["offered_attributes"]


@pytest.mark.parametrize(
    ("category", "labels", "better", "title"),
    [
        ("instruments", "chainsaw, lawn mower, helicopter", "", "Other sounds"),
        ("instruments", "cough, sneeze, burp", "vocal_sounds", "Non-verbal vocalisation"),
        ("music_genre", "siren, gunshot, glass breaking", "impact_emergency", "Impact or emergency sounds"),
        ("vocal_sounds", "kitchen, office, forest", "acoustic_scenes", "Acoustic scene classification"),
    ],
)
def test_a_category_that_does_not_fit_is_said_and_another_offered(category, labels, better, title):
    *_, last = steps.propose(category, labels, OFFLINE)
    assert "does not seem to fit these labels" in last["words_state"] and last["better"] == better
    button = last["take_better"]
    assert button.visible and button.value.startswith("Use “") and title.split()[0] in button.value
    *_, again = steps.propose(better, labels, OFFLINE)
    assert again["better"] is None and not again["take_better"].visible
    assert "fit these labels" not in again["words_state"]


def test_labels_that_fit_are_not_doubted():
    for category, labels in [
        ("instruments", "erhu, sitar, bagpipes, theremin"),
        ("", "chainsaw, dog"),
        ("music_genre", ""),
    ]:
        *_, last = steps.propose(category, labels, OFFLINE)
        assert last["better"] is None


@pytest.mark.parametrize("few, many", [(100, 1_500), (1, 101)])
def test_too_many_words_are_refused_in_a_sentence(few, many):
    words = [f"loud{n}" for n in range(many)]
    with pytest.raises(GenerationError, match=f"{many:,} attributes are too many: keep it to 100."):
        write(words=(words, words[:few]))
    with pytest.raises(GenerationError, match="sources are too many"):
        steps.add_words("sources", words[:few], [], ", ".join(words))
    assert "are too many" in task.show_exact_prompt(SERVICE, Asked("", LABELS, [], words, 40))["exact"]


@pytest.mark.parametrize(
    ("labels", "writer", "sentence"),
    [
        ("violin", OFFLINE, "give at least two labels"),
        (LABELS, Writer(SERVICE, 0, "", "", 0.7, ""), "No model is named"),
        (LABELS, Writer(SERVICE, 0, "parrot", "", 0.7, ""), "OpenAI requires a key"),
        (LABELS, Writer(SERVICE, 0, "parrot", "ftp://there", 0.7, ""), "The address of the service cannot be used"),
    ],
)
@pytest.mark.slow
def test_what_keeps_words_from_being_proposed_is_said(labels, writer, sentence):
    for begun in (steps.propose("", labels, writer), steps.write(Asked("", labels), writer, "fake")):
        with pytest.raises(AudiopromptError, match=sentence):
            next(begun)


def test_words_of_ones_own_are_added_and_kept():
    shown = steps.add_words("attributes", ["loud", "bright", "warm"], ["warm"], "an eerie,  Loud\nzany,,")
    assert shown["offered_attributes"] == ["loud", "bright", "warm", "eerie", "zany"]
    assert shown["attributes"].value == ["loud", "warm", "eerie", "zany"]
    assert (shown["add_attributes"], shown["words_state"]) == ("", "")
    assert steps.add_words("sources", [], [], "the hills")["offered_sources"] == ["the hills"]


def test_a_word_that_fits_no_template_is_refused():
    with pytest.raises(TemplateError):
        steps.add_words("sources", ["hall"], ["hall"], "a {room}")


# --- candidates -------------------------------------------------------------------------------------------------------


def pack_in(told: list[View]) -> Any:
    """The pack that the page has in the end."""
    return next((step["pack"] for step in reversed(told) if "pack" in step), None)


@pytest.fixture
def drawn_each(monkeypatch):
    monkeypatch.setattr(steps, "DRAW_SECONDS", 0)


def test_candidates_come_one_by_one(drawn_each):
    first, *told, last = write(count=8)
    all_of_them, told = told[8], told[:8]  # behind them it may be told how far the checks are
    assert not first["words_step"].open and first["words_step"].label == "3 attributes, 2 sources kept"
    assert "pack" not in first and "<b>0</b> of 8" in first["progress"] and "running" in first["progress"]
    assert [f"<b>{n}</b> of 8" in step["progress"] for n, step in enumerate(told, 1)] == [True] * 8
    assert [len(step["pack"].entries) for step in told] == list(range(1, 9))
    assert all("running" in step["progress"] for step in told) and "running" not in last["progress"]
    assert last["table"].count("<tr>") == 9 and "pack" not in last and told[-1]["pack"] == all_of_them["pack"]
    assert '<span class="slot">violin</span>' in last["table"]
    assert all_of_them["title"].startswith("Musical instrument recognition, 20")
    assert all_of_them["pack_id"].startswith("instruments-20")
    assert "title" not in last  # what was typed meanwhile stays


def test_many_candidates_are_drawn_a_few_times(monkeypatch):
    """Each drawing is of all that have come: one for each of them would cost their square."""
    monkeypatch.setattr(steps, "DRAW_SECONDS", 3600)
    drawn: list[int] = []
    table = generate_view.candidates_table

    def counted(*given: Any) -> str:
        drawn.append(len(given[0]))
        return table(*given)

    monkeypatch.setattr(generate_view, "candidates_table", counted)
    words = [f"loud{n}" for n in range(90)]
    told = write(count=200, words=(words, words))
    assert drawn == [1, 200, 200] and len(pack_in(told).entries) == 200


class Slow(FakeModel):
    """A model that reads texts when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on, self.batches = Event(), 0

    def embed_text(self, texts):
        self.go_on.wait(600)
        self.batches += 1
        return super().embed_text(texts)


def test_checking_tells_how_far_it_is_and_ends_with_the_page(monkeypatch):
    model = Slow()
    monkeypatch.setattr(models, "shared_model", lambda name, request=None: model)
    monkeypatch.setattr(steps, "TICK_SECONDS", 0.01)
    words = [f"loud{n}" for n in range(90)]
    labels = ", ".join(f"violin {n}" for n in range(20))
    told: Any = steps.write(Asked("instruments", labels, words, words, 90), OFFLINE, "fake")  # 1,800 texts
    shown = next(one for step in told if "Checking the prompts" in (one := step.get("progress", "")))
    assert "running" in shown
    model.go_on.set()
    shown = next(one for step in told if " read" in (one := step.get("progress", "")))
    assert "of 1,800 read" in shown
    model.go_on.clear()
    told.close()  # as Gradio does where the page is closed
    model.go_on.set()
    batches = model.batches
    CHECKING.start(lambda job: None).result()
    assert model.batches <= batches + 2 < 1_800 / 128


def test_without_labels_candidates_have_no_preset_and_are_checked_by_their_text():
    told = write(labels="", count=4)
    assert pack_in(told).label_presets == {} and '<span class="slot">sound</span>' in told[-1]["table"]


def test_no_more_candidates_than_agreed_are_asked_for():
    assert "of 200" in write(count=1e9)[0]["progress"]
    assert f"of {COUNT}" in write(count=None)[0]["progress"]


def test_words_that_do_not_suffice_are_told():
    told = write(words=([], []))
    assert "These words give 0 of 8 prompts" in told[-1]["progress"] and set(told[-1]) == {"progress"}
    told = write(words=(["loud"], []))
    assert "These words give 1 of 8 prompts" in told[-1]["progress"] and len(pack_in(told).entries) == 1


def test_candidates_are_checked_by_the_model_or_else_by_their_text(monkeypatch):
    def absent(name: str, request: Any = None) -> Any:
        raise ModelError("The weights are not here.")

    monkeypatch.setattr(models, "shared_model", absent)
    *_, last = write(words=(["loud", "violin"], []))
    assert "Checked by their text alone: The weights are not here." in last["progress"]
    assert "1 flagged" in last["progress"] and "which is a label itself" in last["table"]


def test_what_came_before_a_failure_stays(serve):
    half = json.dumps({"prompts": [Template.tspe(word).text for word in ATTRIBUTES]}).removesuffix("]}") + ","
    server = serve(Reply(half, end="drop"))
    told = write(writer=Writer(SERVICE, 7, "parrot", server.url, None, KEY))
    assert "broke off" in told[-1]["progress"] and "<b>3</b> of 8" in told[-1]["progress"]
    assert told[-1]["table"].count("<tr>") == 4
    pack = pack_in(told)
    assert [entry.template.attribute for entry in pack.entries] == ATTRIBUTES
    assert pack.provenance.settings == {"model": "parrot", "base_url": server.url, "temperature": None, "seed": 7}


def test_what_is_left_out_is_told(serve):
    line = Template.tspe("loud").text
    server = serve(Reply(json.dumps({"prompts": [line, line]})), Reply(json.dumps({"prompts": ["What a noise"]})))
    *_, last = write(writer=Writer(SERVICE, 0, "parrot", server.url, 0.7, KEY))
    assert "2 of 3 were left out" in last["progress"]


@pytest.mark.parametrize("reply", [Reply("no", status=401), Reply("{", end="drop"), Reply(f'{{"prompts": ["{KEY}"]}}')])
def test_the_key_is_in_nothing_that_the_page_is_told(serve, reply, capfd):
    server = serve(reply)
    writer = Writer(SERVICE, 0, "parrot", server.url, 0.7, KEY)
    told: list[View] = []
    with suppress(GenerationError):
        told += steps.propose("", LABELS, writer)
    told += write(writer=writer)
    packs = [value.to_json() for step in told for value in step.values() if isinstance(value, PromptPack)]
    assert server.keys == [f"Bearer {KEY}"] * len(server.keys) and len(server.keys) >= 2
    assert KEY not in f"{told} {packs} {capfd.readouterr()}"


def test_a_slow_iterator_is_waited_for_in_ticks():
    go_on, closed = Event(), Event()

    def slow() -> Iterator[int]:
        try:
            yield 1
            go_on.wait(600)
            yield 2
            raise ValueError("no more")
        finally:
            closed.set()

    found = tick(slow(), 0.01)
    assert next(item for item in found if item) == 1
    assert next(found) is None  # while the iterator waits
    go_on.set()
    assert next(item for item in found if item) == 2
    with pytest.raises(ValueError, match="no more"):
        list(found)
    assert closed.wait(600)


def test_a_slow_iterator_that_is_not_wanted_any_more_is_closed():
    asked, closed = Event(), Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 1
                asked.wait(600)
        finally:
            closed.set()

    found = tick(endless(), 0.01)
    assert next(found) == 1
    found.close()
    asked.set()
    assert closed.wait(600)


def test_stopping_keeps_what_has_come(drawn_each):
    pack = write()[4]["pack"]
    *_, last = steps.stopped(pack, 8, "fake")
    said = last["progress"]
    assert "<b>4</b> of 8" in said and "The candidates so far are kept" in said and "running" not in said
    assert last["table"].count("<tr>") == 5
    *_, last = steps.stopped(None, 8, "fake")
    assert "before the first" in last["progress"] and "table" not in last


def test_texts_are_escaped():
    template = Template(f"the {NASTY} of a {{label}} & <b>more</b>")
    table = generate_view.candidates_table([template], [()], [NASTY])
    assert "<img" not in table and "<b>" not in table and "&lt;b&gt;" in table


@pytest.mark.parametrize("text", ["A {label}", "{label}", "an {label}.", "the (a {label})"])
@pytest.mark.parametrize("label", ["owl", "dog", " two  words "])
def test_a_filled_template_marks_the_label(text, label):
    filled = markup.fill(Template(text), label)
    assert filled.before + filled.label + filled.after == Template(text).fill(label)
    assert filled.label == " ".join(label.split())


# --- sending ----------------------------------------------------------------------------------------------------------


def test_candidates_become_a_pack_and_go_to_curate(store):
    pack = pack_in(write())
    names = steps.propose_names(pack)
    title, pack_id = names["title"], names["pack_id"]
    assert title.startswith("Musical instrument recognition, 20") and pack_id.startswith("instruments-20")
    shown = steps.send(pack, title, f" {pack_id} ")
    assert (shown["pack_in_hand"], shown["sent"]) == (pack_id, "") and shown["tabs"].selected == "curate"
    assert "clips" not in shown and shown["written_step"].label == f"8 candidates kept as {pack_id}, now in Curate"
    kept = store.get(pack_id)
    assert kept.entries == pack.entries and kept.label_presets == {"Labels": ("violin", "flute", "piano")}
    assert steps.propose_names(pack)["pack_id"] == f"{pack_id}-2"


def test_the_data_set_goes_to_curate_with_the_pack():
    pack, before = pack_in(write()), {"older": {"data": "x", "folds": "", "share": 50, "seed": 0}}
    clips = steps.send(pack, "Mine", "mine", " hf:owner/sounds ", before)["clips"]
    assert clips == {**before, "mine": {"data": "hf:owner/sounds"}}
    mine = pack.model_copy(update={"id": "mine"})
    assert recall_setup(mine, clips, "fake") == Setup("mine", "hf:owner/sounds", None, "fake")


@pytest.mark.parametrize(
    ("title", "pack_id", "sentence"),
    [
        ("Mine", "vanilla", "is called 'vanilla' already"),
        ("Mine", "../up", "must be small letters and digits"),
        (" ", "mine", "must not be empty"),
    ],
)
def test_a_pack_that_cannot_be_kept_is_refused_in_a_sentence(store, title, pack_id, sentence):
    with pytest.raises(PackError, match=sentence):
        steps.send(pack_in(write()), title, pack_id)
    assert "mine" not in store.ids()


def test_nothing_is_sent_before_there_are_candidates():
    with pytest.raises(PackError, match="write some first"):
        steps.send(None, "", "")
    assert steps.propose_names(None) == {}


# --- what is remembered -----------------------------------------------------------------------------------------------


def test_the_task_and_the_generator_are_remembered_without_secrets():
    fields = {"category": "", "labels": LABELS, "kind": SERVICE, "seed": 0, "model": "parrot", "count": 20}
    fields |= {"base_url": "https://me:secret@host:1/v1?key=secret#secret", "temperature": 0.5}
    kept = task.remember(fields)["kept"]
    assert kept["base_url"] == "https://host:1/v1" and "secret" not in str(kept)
    azure = "https://x.azure.com/openai/deployments/gpt/chat/completions?api-version=2024-10-21&key=secret"
    kept_too = task.remember(fields | {"base_url": azure})["kept"]["base_url"]
    assert kept_too == "https://x.azure.com/openai/deployments/gpt?api-version=2024-10-21"
    assert task.remember(fields | {"base_url": "http://me:secret@[x"})["kept"]["base_url"] == ""
    assert task.recall(kept) == fields | {"base_url": "https://host:1/v1"}
    assert task.recall({}) == task.recall(None) == {}


# --- the API ----------------------------------------------------------------------------------------------------------


def test_the_api_says_that_a_category_does_not_fit_and_bounds_the_words():
    answer = generate_by_api("instruments", "chainsaw, lawn mower", 2)
    assert len(answer["templates"]) == 2 and "“Other sounds” may fit better" in answer["notice"]
    assert generate_by_api("instruments", "violin, flute", 2)["notice"] is None
    with pytest.raises(GenerationError, match="101 sources are too many: keep it to 100"):
        generate_by_api("instruments", "violin, flute", 2, sources=[f"hall{n}" for n in range(101)])

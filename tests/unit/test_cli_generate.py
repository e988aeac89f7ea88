"""``audioprompt generate``: candidates by the offline lexicon and by a chat service, into a new pack."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from audioprompt.cli import app
from audioprompt.cli.generate import _write
from audioprompt.prompts.chat.requests import candidates_request, ideas_request
from audioprompt.prompts.checks import Flag
from audioprompt.prompts.formats import read_pack
from audioprompt.prompts.generators import Ideas, OfflineLexicon, Task
from audioprompt.prompts.history import AUTO, UNDO, by_person, step
from audioprompt.prompts.pack import CATEGORIES
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import Template
from audioprompt.services.recipes import CHECKED_WITH, paper_tasks, propose
from tests.fakes import FakeModel
from tests.openai_server import KEY, ChatServer, Reply, chat_servers

IDEAS = Reply(json.dumps({"attributes": ["loud", "faint"], "sources": ["hall"]}))
PROMPTS = [Template.tspe("loud").text, Template.tspe(source="hall").text, Template.tspe("faint", "hall").text]


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PromptStore:
    """An empty store; no key in the environment."""
    monkeypatch.setenv("AUDIOPROMPT_STORE", str(tmp_path / "store"))
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return PromptStore()


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ChatServer]]:
    """Start a chat service that gives these replies in turn, and make it the environment's."""
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    with chat_servers() as start:

        def named(*replies: Reply) -> ChatServer:
            server = start(*replies)
            monkeypatch.setenv("OPENAI_API_KEY", KEY)
            monkeypatch.setenv("OPENAI_BASE_URL", server.url)
            return server

        yield named


def run(*arguments: str) -> Any:
    result = CliRunner().invoke(app, ["generate", *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def written(store: PromptStore) -> list[str]:
    """The ids of the packs in the folder, not of those that come along."""
    return sorted(path.stem for path in store.folder.glob("*.json"))


# --- offline ----------------------------------------------------------------------------------------------------------


def test_offline(store: PromptStore) -> None:
    result = run("--category", "instruments", "--labels", "violin, flute", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    assert (found["generator"], found["settings"], found["kept"]) == ("lexicon", {"seed": 0}, True)
    assert len(found["candidates"]) == 40 and found["notice"] is None
    pack = store.get(found["pack"])
    assert pack.id.startswith("instruments-20") and pack.category == "instruments" and not pack.approved
    assert [entry.template.text for entry in pack.entries] == [one["template"] for one in found["candidates"]]
    assert pack.label_presets == {"Labels": ("violin", "flute")}
    lexicon, task = OfflineLexicon(), Task("instruments", ("violin", "flute"))
    assert [entry.template for entry in pack.entries] == [*lexicon.candidates(task, lexicon.ideas(task))]


def test_the_seed_and_the_count(store: PromptStore) -> None:
    first, again, other = (
        json.loads(run("--count", "7", "--seed", seed, "--dry-run", "--json").stdout)["candidates"]
        for seed in ("1", "1", "2")
    )
    assert len(first) == 7 and first == again != other
    assert written(store) == []


def test_words_of_ones_own(store: PromptStore) -> None:
    result = run("--attributes", "loud, an eerie", "--sources", "the sea", "--id", "mine", "--title", "Mine")
    assert result.exit_code == 0
    texts = [entry.template.text for entry in store.get("mine").entries]
    assert set(texts) == {
        "A loud sound of {label}",
        "An eerie sound of {label}",
        "The sound of {label} coming from the sea",
        "A loud sound of {label} can be heard coming from the sea",
        "An eerie sound of {label} can be heard coming from the sea",
    }
    assert store.get("mine").title == "Mine"
    assert result.stderr.splitlines() == [
        "These words give 5 of 40 prompts: keep or add more of them.",
        "The 5 candidates are in the pack mine: curate them next.",
    ]


def test_for_people() -> None:
    result = run("--labels", "owl, loud bang", "--attributes", "loud bang", "--dry-run")
    shown = " ".join(result.stdout.split())
    assert "by lexicon (seed 0)" in shown and "A loud bang sound of {label}" in shown
    assert "names 'loud bang', which is a label itself" in shown
    assert "curate" not in result.stderr


def test_the_labels_of_a_data_set(store: PromptStore, tmp_path: Path) -> None:
    for name in ("low_hum", "whistle"):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "one.wav").write_bytes(name.encode())
    assert run("--data", str(tmp_path / "data"), "--count", "3", "--id", "mine").exit_code == 0
    assert store.get("mine").label_presets == {"Labels": ("low hum", "whistle")}


def test_a_category_that_does_not_fit_is_said() -> None:
    result = run("--category", "instruments", "--labels", "chainsaw, lawn mower", "--count", "1", "--dry-run")
    assert result.exit_code == 0
    assert result.stderr.splitlines()[0] == (
        "Musical instrument recognition does not seem to fit these labels (chainsaw, lawn mower). "
        "“Other sounds” may fit better."
    )


def test_too_many_words_are_refused() -> None:
    result = run("--attributes", ", ".join(f"loud{n}" for n in range(101)), "--dry-run")
    assert result.exit_code == 1 and "101 attributes are too many: keep it to 100." in result.stderr


def test_a_free_id_is_proposed(store: PromptStore) -> None:
    first, second = (json.loads(run("--count", "1", "--json").stdout)["pack"] for _ in range(2))
    assert second == f"{first}-2" and written(store) == [first, second]


def test_two_who_generate_at_once_both_keep_what_they_get(store: PromptStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(*given: Any) -> Any:
        monkeypatch.setattr("audioprompt.cli.generate._write", _write)
        assert run("--category", "instruments").exit_code == 0
        return _write(*given)

    monkeypatch.setattr("audioprompt.cli.generate._write", write)
    assert run("--category", "instruments", "--json").exit_code == 0
    first, second = written(store)
    assert second == f"{first}-2"


# --- a chat service ---------------------------------------------------------------------------------------------------


def test_a_service(store: PromptStore, serve: Callable[..., ChatServer]) -> None:
    server = serve(IDEAS, Reply(json.dumps({"prompts": [*PROMPTS, PROMPTS[0]]})))
    result = run("--service", "--model-name", "parrot", "--labels", "owl, rain", "--count", "3", "--id", "mine")
    assert result.exit_code == 0
    pack = store.get("mine")
    assert [entry.template.text for entry in pack.entries] == PROMPTS
    assert pack.provenance.generator == "chat service"
    assert pack.provenance.settings == {"model": "parrot", "base_url": server.url, "temperature": 0.7, "seed": 0}
    task = Task(None, ("owl", "rain"))
    asked = [request["messages"][0]["content"] for request in server.asked]
    assert asked == [ideas_request(task), candidates_request(task, Ideas(("loud", "faint"), ("hall",)), 3)]
    assert server.keys == [f"Bearer {KEY}"] * 2
    assert KEY not in pack.to_json() + result.output


def test_what_came_before_a_failure_is_kept(store: PromptStore, serve: Callable[..., ChatServer]) -> None:
    serve(IDEAS, Reply(json.dumps({"prompts": PROMPTS[:2]}).removesuffix("]}") + ",", end="drop"))
    result = run("--service", "--model-name", "parrot", "--id", "mine", "--json")
    assert result.exit_code == 1 and len(json.loads(result.stdout)["candidates"]) == 2
    assert [entry.template.text for entry in store.get("mine").entries] == PROMPTS[:2]
    assert "broke off" in result.stderr and len(result.stderr.splitlines()) == 1


def test_words_that_came_before_a_failure_are_kept_and_that_is_said(
    store: PromptStore, serve: Callable[..., ChatServer]
) -> None:
    serve(
        Reply(json.dumps({"attributes": ["loud", "faint"], "sources": ["hall"]}).removesuffix("]}") + ",", end="drop"),
        Reply(json.dumps({"prompts": PROMPTS})),
    )
    result = run("--service", "--model-name", "parrot", "--id", "mine", "--count", "3")
    assert result.exit_code == 0 and len(store.get("mine").entries) == 3
    assert "The words that came before are kept" in " ".join(result.stderr.split())


def test_a_service_that_gives_nothing_leaves_no_pack(store: PromptStore, serve: Callable[..., ChatServer]) -> None:
    serve(Reply("who are you", status=401))
    result = run("--service", "--model-name", "parrot")
    assert result.exit_code == 1 and "does not accept the key" in result.stderr and KEY not in result.output
    assert result.stdout == "" and written(store) == []


def test_the_request_is_shown_and_not_sent(store: PromptStore, serve: Callable[..., ChatServer]) -> None:
    server = serve(IDEAS)
    result = run("--service", "--show-request", "--labels", "owl, rain")
    assert result.stdout == ideas_request(Task(None, ("owl", "rain"))) + "\n"
    assert "give --attributes and --sources to see it" in result.stderr
    result = run("--show-request", "--attributes", "loud", "--sources", "hall", "--count", "9")
    assert result.stdout == candidates_request(Task(None), Ideas(("loud",), ("hall",)), 9) + "\n"
    assert server.asked == [] and written(store) == []


# --- the paper's recipe -----------------------------------------------------------------------------------------------

# Written by hand in the shape of OpenAI's answers, as the file says: for each category that for words, that for
# candidates, and where these were too few that for the rest.
ANSWERS = json.loads((Path(__file__).parents[1] / "openai_answers.json").read_text("utf-8"))["answers"]


def replay(*answers: Any) -> list[Reply]:
    return [Reply(raw=json.dumps(answer), kind="application/json") for answer in answers]


@pytest.fixture
def reads_at_once(monkeypatch: pytest.MonkeyPatch) -> FakeModel:
    """What checks candidates; the bundled model takes a while for five thousand prompts."""
    model = FakeModel()
    monkeypatch.setattr("audioprompt.models.registry.load", {CHECKED_WITH: model}.__getitem__)
    return model


def test_the_papers_recipe(store: PromptStore, serve: Callable[..., ChatServer], reads_at_once: FakeModel) -> None:
    server = serve(*replay(*(answer for answers in ANSWERS.values() for answer in answers)))
    server.model = "gpt-4"
    result = run("--recipe", "tspe", "--seed", "3", "--json")
    assert result.exit_code == 0, result.stderr
    assert KEY not in result.output
    found = json.loads(result.stdout)
    assert [one["category"] for one in found] == list(ANSWERS) == list(CATEGORIES)
    asked = iter(server.asked)
    for one, answers in zip(found, ANSWERS.values(), strict=True):
        pack, (task,) = store.get(one["pack"]), paper_tasks(one["category"])
        assert len(pack.entries) == 40 and len(pack.approved) == sum(c["proposed"] for c in one["candidates"]) == 20
        assert {entry.decided_by for entry in pack.entries if entry.status == "approved"} == {AUTO}
        assert not any(by_person(entry) for entry in pack.entries), "people and auto-curation may decide otherwise"
        assert sum(map(len, pack.label_presets.values())) >= len(task.labels) > 3
        settings = {"recipe": "tspe", "model": "gpt-4", "base_url": server.url, "temperature": 0.7, "seed": 3}
        assert pack.provenance.settings == settings
        kept = pack.provenance.exchanges
        assert kept and [exchange.model for exchange in kept] == ["gpt-4-0613"] * len(answers)
        assert kept[0].request == ideas_request(task)
        for exchange, answer in zip(kept, answers, strict=True):
            body = next(asked)
            assert exchange.request == body["messages"][0]["content"] and body["seed"] == 3
            assert exchange.answer == answer["choices"][0]["message"]["content"]
        assert read_pack((store.folder / f"{pack.id}.json").read_bytes(), "x.json") == pack
        assert KEY not in pack.to_json()
        assert step(pack, UNDO, "ada").approved == (), "the proposal is one change"
    assert server.asked[3]["messages"][0]["content"].count('"street"') == 1, "a label, and so no source"
    assert result.stderr.splitlines() == [
        "Left out of the words proposed: acoustic.",
        "Left out of the words proposed: street, park.",
        "Left out of the words proposed: headphones.",
        "1 of 41 was left out: 1 with words that were not given.",
        "1 of 41 was left out: 1 repeat.",
    ]


def test_the_recipe_for_labels_of_ones_own(
    store: PromptStore, serve: Callable[..., ChatServer], reads_at_once: FakeModel
) -> None:
    server = serve(Reply(json.dumps({"prompts": PROMPTS})))
    words = ("--attributes", "loud, faint", "--sources", "hall", "--count", "3")
    result = run("--recipe", "tspe", "--model-name", "parrot", "--labels", "owl, rain", "--id", "mine", *words)
    assert result.exit_code == 0 and "proposed" in result.stdout
    assert "The 3 candidates are in the pack mine, 3 of them proposed and approved: curate them next." in result.stderr
    pack = store.get("mine")
    assert pack.label_presets == {"Labels": ("owl", "rain")}
    (asked,) = (request["messages"][0]["content"] for request in server.asked)
    assert asked == candidates_request(Task(None, ("owl", "rain")), Ideas(("loud", "faint"), ("hall",)), 3)
    assert pack.provenance.exchanges and pack.provenance.exchanges[0].answer.startswith('{"prompts": [')


def test_a_recipe_ends_with_the_service(
    store: PromptStore, serve: Callable[..., ChatServer], reads_at_once: FakeModel
) -> None:
    serve(*replay(*ANSWERS["instruments"]), Reply("{}", status=500))
    result = run("--recipe", "tspe", "--model-name", "parrot")
    assert result.exit_code == 1 and len(written(store)) == 1 and written(store)[0].startswith("instruments")
    assert "is having problems (error 500" in result.stderr.splitlines()[-1]


def test_the_requests_of_a_recipe_are_shown(store: PromptStore) -> None:
    result = run("--recipe", "tspe", "--show-request")
    assert result.exit_code == 0 and result.stdout == "\n\n".join(map(ideas_request, paper_tasks())) + "\n"


# Twelve candidates: the first six of one format with one word, two of another format, four that are flagged.
PROPOSED = [Template.tspe("loud", f"place {n}") for n in range(6)] + [Template.tspe(f"kind {n}") for n in range(6)]


@pytest.mark.parametrize(
    ("count", "chosen"),
    [(4, [0, 1, 6, 7]), (8, [0, 1, 2, 3, 4, 5, 6, 7]), (9, [0, 1, 2, 3, 4, 5, 6, 7, 8]), (40, [*range(12)])],
)
def test_a_proposal_takes_the_unflagged_first_and_of_each_format(count: int, chosen: list[int]) -> None:
    flags = [() if n < 8 else (Flag("article", "why"),) * (n - 7) for n in range(12)]
    assert propose(PROPOSED, flags, count) == chosen


def test_a_proposal_uses_words_equally() -> None:
    templates = [Template.tspe(a, s) for a in ("loud", "soft") for s in ("hall", "room")]
    assert propose(templates, [()] * 4, 2) == [0, 3]


# --- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("--category birds", 2, "There is no category 'birds'; there are: instruments, "),
        ("--labels owl", 2, "give at least two labels"),
        ("--labels a,b --data here", 2, "Give --labels or --data, not both."),
        ("--data gone.csv", 1, "gone.csv is not there"),
        ("--model-name parrot", 2, "give --service too"),
        ("--temperature 1", 2, "give --service too"),
        ("--service", 2, "--model-name NAME"),
        ("--recipe soup", 2, "There is no recipe 'soup'. Choose one of: tspe."),
        ("--recipe tspe --generator lexicon", 2, "Give --recipe tspe or --generator lexicon, not both."),
        ("--recipe tspe --id mine", 2, "--id and --title name one pack: give --category too."),
        ("--recipe tspe", 1, "OpenAI requires a key"),
        ("--service --model-name parrot", 1, "OpenAI requires a key"),
        ("--service --model-name parrot --base-url nowhere", 1, "The address of the service cannot be used"),
        ("--id vanilla", 1, "A prompt pack is called 'vanilla' already: choose another --id"),
        ("--id ../up", 1, "must be small letters and digits joined by hyphens"),
        ("--attributes {}", 1, "the only braces allowed are the slot {label}"),
        ("--attributes ,", 1, "These words give 0 of 40 prompts"),
    ],
)
def test_mistakes_end_in_one_sentence(store: PromptStore, arguments: str, code: int, message: str) -> None:
    result = run(*arguments.split())
    assert result.exit_code == code and message in result.stderr
    assert len(result.stderr.splitlines()) == 1 and not result.stdout
    assert written(store) == []


def test_an_unfit_id_is_refused_before_the_service_is_asked(serve: Callable[..., ChatServer]) -> None:
    server = serve(IDEAS)
    assert run("--service", "--model-name", "parrot", "--id", "No Id").exit_code == 1
    assert server.asked == []

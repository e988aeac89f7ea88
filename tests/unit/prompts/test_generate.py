"""Who writes candidates: the offline lexicon, and chat services with everything that can go wrong with them."""

import doctest
import json
import logging
import traceback
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audioprompt.prompts.chat.requests import candidates_request, ideas_request
from audioprompt.prompts.generators import (
    COUNT,
    GENERATORS,
    GenerationError,
    Generator,
    GeneratorSettings,
    Ideas,
    OfflineLexicon,
    Task,
    as_pack,
    lexicon,
)
from audioprompt.prompts.generators.openai import STUCK_AFTER, ChatService
from audioprompt.prompts.pack import CATEGORIES, PackError, PromptPack
from audioprompt.prompts.template import FORMATS, Template, TemplateError
from tests.openai_server import KEY, ChatServer, Reply
from tests.plugins import install

VOICES = Task("vocal_sounds", ("cough", "sigh"))
IDEAS = Ideas(("loud", "hushed", "eager"), ("hall", "office", "the next room"))
ALL = [Template.tspe(a, s) for a in (None, *IDEAS.attributes) for s in (None, *IDEAS.sources) if a or s]
CATEGORY = st.sampled_from([*CATEGORIES, None])
WORDS = st.lists(st.from_regex(r"[a-z]{2,9}", fullmatch=True), max_size=9).map(tuple)


def prompts(*lines: Any) -> str:
    return json.dumps({"prompts": [line.text if isinstance(line, Template) else line for line in lines]})


def all_of(generator: Generator, count: int = COUNT, ideas: Ideas = IDEAS) -> tuple[list[Template], str | None]:
    """The candidates that came, and the error they ended with."""
    came: list[Template] = []
    try:
        for template in generator.candidates(VOICES, ideas, count):
            came.append(template)
    except GenerationError as error:
        return came, str(error)
    return came, None


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(lexicon).failed == 0


# --- tasks and ideas --------------------------------------------------------------------------------------------------


def test_task_tidies_labels() -> None:
    assert Task(None, (" dog\nbark", "", "owl", "owl")).labels == ("dog bark", "owl")


def test_ideas_tidy_words() -> None:
    ideas = Ideas(("loud", " a  loud", "Loud", "eager"), ("an office", "the sea", "office"))
    assert ideas == Ideas(("loud", "eager"), ("office", "the sea"))
    assert ideas.sources == ("office", "the sea")


@pytest.mark.parametrize("word", ["{label}", "", "x" * 301])
def test_ideas_refuse_words_that_fit_no_template(word: str) -> None:
    with pytest.raises(TemplateError):
        Ideas((word,))


# --- the offline lexicon ----------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(CATEGORY, st.integers(0, 5))
def test_lexicon_writes_forty_for_every_category(category: Any, seed: int) -> None:
    task, lexicon = Task(category), OfflineLexicon(seed)
    templates = list(lexicon.candidates(task, lexicon.ideas(task)))
    assert len(set(templates)) == COUNT
    assert lexicon.notice is None
    by_format = Counter(template.format for template in templates)
    assert by_format.keys() == FORMATS.keys()
    assert max(by_format.values()) - min(by_format.values()) <= 1
    assert templates == list(OfflineLexicon(seed).candidates(task, lexicon.ideas(task)))
    assert templates != list(OfflineLexicon(seed + 1).candidates(task, lexicon.ideas(task)))


@given(WORDS, WORDS, st.integers(0, 60), st.integers(0, 3))
def test_lexicon_uses_the_words_kept_and_no_others(
    attributes: tuple[str, ...], sources: tuple[str, ...], count: int, seed: int
) -> None:
    ideas, lexicon = Ideas(attributes, sources), OfflineLexicon(seed)
    templates = list(lexicon.candidates(VOICES, ideas, count))
    assert len(templates) == len(set(templates)) <= count
    assert {template.attribute for template in templates} <= {None, *ideas.attributes}
    assert {template.source for template in templates} <= {None, *ideas.sources}
    assert (len(templates) < count) == (lexicon.notice is not None)


def test_lexicon_uses_all_words_about_equally() -> None:
    ideas = Ideas(("loud", "soft", "sharp", "dull", "hushed"), ("hall", "office", "street", "garden"))
    templates = list(OfflineLexicon().candidates(VOICES, ideas, 28))
    for words in (Counter(t.attribute for t in templates), Counter(t.source for t in templates)):
        del words[None]
        assert max(words.values()) - min(words.values()) <= 1


def test_lexicon_gives_what_there_is_and_says_so() -> None:
    lexicon = OfflineLexicon()
    assert len(list(lexicon.candidates(VOICES, Ideas(("loud",), ("hall", "office"))))) == 5
    assert lexicon.notice == "These words give 5 of 40 prompts: keep or add more of them."
    assert list(lexicon.candidates(VOICES, Ideas())) == []


def test_lexicon_joins_no_words_that_clash() -> None:
    templates = list(OfflineLexicon().candidates(VOICES, Ideas(("distant", "live"), ("the distance", "live concert"))))
    assert {t.text for t in templates if t.format == "attribute_source"} == {
        Template.tspe("distant", "live concert").text,
        Template.tspe("live", "the distance").text,
    }


# --- packs ------------------------------------------------------------------------------------------------------------


def test_as_pack() -> None:
    lexicon = OfflineLexicon(seed=3)
    templates = list(lexicon.candidates(VOICES, IDEAS, 4))
    pack = as_pack(VOICES, templates, lexicon, "mine", "My voices", "Two voices", date(2026, 11, 21))
    assert [entry.template for entry in pack.entries] == templates
    assert {entry.status for entry in pack.entries} == {"candidate"}
    assert pack.provenance.generator == "lexicon"
    assert pack.provenance.settings == {"seed": 3}
    assert pack.provenance.written_on == date(2026, 11, 21)
    assert pack.category == "vocal_sounds"
    assert pack.label_presets == {"Two voices": ("cough", "sigh")}
    assert PromptPack.from_json(pack.to_json()) == pack


def test_as_pack_says_what_is_unfit() -> None:
    with pytest.raises(PackError, match="id must be small letters"):
        as_pack(VOICES, ALL[:1], OfflineLexicon(), "No Slug", "title")
    assert as_pack(Task(None), ALL[:1], OfflineLexicon(), "none", "title").label_presets == {}


# --- a chat service that does as it should ----------------------------------------------------------------------------


def test_ideas_come_from_the_service(serve: Any) -> None:
    words = {"attributes": ["loud", "a hushed", "Loud", "{x}", "", 7], "sources": ["hall", "the sea"]}
    service, server = serve(Reply(json.dumps(words)))
    assert service.ideas(VOICES) == Ideas(("loud", "hushed"), ("hall", "the sea"))
    (asked,) = server.asked
    assert asked["messages"] == [{"role": "user", "content": ideas_request(VOICES)}]
    assert (asked["model"], asked["temperature"], asked["seed"], asked["stream"]) == ("parrot", 0.7, 0, True)
    assert asked["response_format"]["json_schema"]["schema"]["required"] == ["attributes", "sources"]


def test_candidates_come_with_their_words_and_right_articles(serve: Any) -> None:
    service, server = serve(
        Reply(
            prompts(
                "A eager sound of {label}",
                "The sound of {label} coming from a office",
                "A Loud sound of {label} can be heard coming from the next room.",
                "The sound of a <label> coming from hall",
                "A hushed sound of {} coming from an office",
            )
        )
    )
    came, error = all_of(service, count=5)
    assert error is None
    assert came == [
        Template("An eager sound of {label}", "eager"),
        Template("The sound of {label} coming from an office", None, "office"),
        Template("A loud sound of {label} can be heard coming from the next room", "loud", "the next room"),
        Template("The sound of {label} coming from a hall", None, "hall"),
        Template("A hushed sound of {label} can be heard coming from an office", "hushed", "office"),
    ]
    assert all(template.format for template in came)
    assert service.notice is None
    assert server.asked[0]["messages"][0]["content"] == candidates_request(VOICES, IDEAS, 5)


def test_each_candidate_is_there_as_soon_as_it_is_written(serve: Any) -> None:
    service, _ = serve(Reply(prompts(*ALL[:3]).removesuffix("]}") + ', "A loud', end="hang"), timeout=0.3)
    candidates = service.candidates(VOICES, IDEAS)
    assert [next(candidates) for _ in range(3)] == ALL[:3]  # while the service still writes the fourth
    with pytest.raises(GenerationError, match=r"did not respond for 0\.3 s"):
        next(candidates)


def test_no_more_is_read_than_wanted(serve: Any) -> None:
    service, server = serve(Reply(prompts(*ALL[:4]).removesuffix("]}") + ",", refrain=" " * 1000))
    assert all_of(service, count=4) == (ALL[:4], None)
    assert server.hung_up.wait(600)
    assert len(server.asked) == 1


def test_the_exact_request_can_be_shown() -> None:
    text = candidates_request(Task("music_genre", ('a "b" $c', "{d}")), IDEAS, 7, ALL[:1])
    assert '"a \\"b\\" $c", "{d}"' in text
    assert "Write 7 different prompts" in text
    assert "Music genre classification" in text
    assert '"loud", "hushed", "eager"' in text
    assert f"write others:\n- {ALL[0].text}\n" in text
    for layout in FORMATS.values():
        assert layout.replace("<label>", "{label}") in text


def test_formats_are_asked_for_where_there_are_words() -> None:
    text = candidates_request(VOICES, Ideas(("loud",)))
    assert "- A <attribute> sound of {label}\n" in text
    assert "<source>" not in text
    assert "Sources: none\n" in text
    assert "Sounds to tell apart: any of this kind\n" in candidates_request(Task(None), IDEAS)


def test_settings_are_recorded_without_secrets(serve: Any) -> None:
    service, server = serve(Reply(), temperature=0.2, seed=9)
    assert service.settings == {"model": "parrot", "base_url": server.url, "temperature": 0.2, "seed": 9}
    assert KEY not in repr(service)


# --- answers that are not as they should be ---------------------------------------------------------------------------


def test_repeats_and_misfits_are_left_out_and_counted(serve: Any) -> None:
    service, _ = serve(
        Reply(
            prompts(
                ALL[0],
                ALL[0],
                "a HALL can be heard",
                "The sound of {label}",
                ALL[0].text + ".",
                "A melodious sound of {label}",
                5,
                ALL[1],
            )
        )
    )
    came, error = all_of(service, count=2)
    assert (came, error) == (ALL[:2], None)
    assert service.notice == (
        "5 of 7 were left out: 2 repeats, 1 without a place for the label, 1 in another format, "
        "1 with words that were not given."
    )


def test_one_left_out(serve: Any) -> None:
    service, _ = serve(Reply(prompts(ALL[0], ALL[0], ALL[1])))
    assert all_of(service, count=2) == (ALL[:2], None)
    assert service.notice == "1 of 3 was left out: 1 repeat."


def test_the_rest_is_asked_for_once(serve: Any) -> None:
    service, server = serve(Reply(prompts(*ALL[:3])), Reply(prompts(*ALL[2:5])))
    assert all_of(service, count=8) == (ALL[:5], None)
    assert [request["messages"][0]["content"] for request in server.asked] == [
        candidates_request(VOICES, IDEAS, 8),
        candidates_request(VOICES, IDEAS, 5, ALL[:3]),
    ]


def test_a_model_that_repeats_itself_is_stopped(serve: Any) -> None:
    refrain = json.dumps(ALL[0].text) + ", "
    service, server = serve(Reply('{"prompts": [', refrain=refrain))
    assert all_of(service) == ([ALL[0]], None)
    assert service.notice == (
        f"{STUCK_AFTER} of {STUCK_AFTER + 1} were left out: {STUCK_AFTER} repeats. "
        "The model wrote nothing new any more, so it was stopped."
    )
    assert server.hung_up.wait(600)
    assert len(server.asked) == 1


@pytest.mark.parametrize("start", ['{"prompts": [', '{"prompts": ["', "", "[" * 5_000, '{"prompts": [' + "[" * 5_000])
def test_an_endless_answer_is_cut(serve: Any, start: str) -> None:
    service, server = serve(Reply(start, refrain=" " * 1000))
    came, error = all_of(service)
    assert came == []
    assert error is not None
    assert server.hung_up.wait(600)


@pytest.mark.parametrize(
    "text",
    [
        "Sure, I can write prompts for you!",
        '{"prompts": 5}',
        "[1, 2, 3]",
        "```json\n{}\n```",
    ],
)
def test_another_format_is_an_error(serve: Any, text: str) -> None:
    service, _ = serve(Reply(text))
    assert all_of(service) == ([], FORMAT_ERROR)
    with pytest.raises(GenerationError, match="in the format asked for"):
        service.ideas(VOICES)


FORMAT_ERROR = "parrot did not answer in the format asked for: try again, or a model that follows instructions."


def test_json_among_other_text_is_found(serve: Any) -> None:
    service, _ = serve(Reply(f"Of course:\n```json\n{prompts(*ALL[:2])}\n```\nEnjoy {{label}}!"))
    assert all_of(service, count=2) == (ALL[:2], None)


def test_malformed_after_a_while(serve: Any) -> None:
    service, _ = serve(Reply(prompts(*ALL[:2]).replace("]", ", nonsense]")))
    assert all_of(service, count=2) == (ALL[:2], None)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(finish="length"), "was cut off by its token limit"),
        (Reply(finish="content_filter"), "declined to answer"),
        (Reply(refusal="I must not", finish="stop"), "declined to answer"),
        (Reply(end="drop"), "broke off"),
        (Reply(finish=None), "broke off"),
        (Reply(end="hang"), "did not respond for 0.3 s"),
        (Reply(error="upstream failed"), "is having problems (error 502: upstream failed)"),
    ],
)
def test_what_came_before_a_failure_is_kept(serve: Any, reply: Reply, message: str) -> None:
    reply.text = prompts(*ALL[:4]).removesuffix('"]}')
    service, _ = serve(reply, timeout=0.3)
    came, error = all_of(service)
    assert came == ALL[:3]
    assert error is not None
    assert message in error
    assert "\n" not in error


@pytest.mark.parametrize(
    "raw", ["", "<html>a login page</html>", "data: {not json\n\n", 'data: {"choices": null}\n\n', "data: 5\n\n"]
)
def test_a_server_that_is_no_chat_service(serve: Any, raw: str) -> None:
    service, _ = serve(Reply(raw=raw))
    came, error = all_of(service)
    assert came == []
    assert error is not None
    assert "check that its address is right" in error


# --- services that refuse ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "option"),
    [
        ("'response_format' of type json_schema is not supported", "response_format"),
        ("Structured outputs are not available for this model", "response_format"),
        ("Unsupported value: 'temperature' does not support 0.7", "temperature"),
        ("body.seed: extra fields not permitted", "seed"),
    ],
)
@pytest.mark.parametrize("status", [400, 422])
def test_an_option_that_is_refused_is_left_out(serve: Any, message: str, option: str, status: int) -> None:
    service, server = serve(Reply(message, status=status), Reply(prompts(*ALL[:2])))
    assert all_of(service, count=2) == (ALL[:2], None)
    first, second = server.asked
    assert first.keys() - second.keys() == {option}
    assert first["messages"] == second["messages"]
    assert service.settings.get(option) is None
    assert all_of(service, count=2) == (ALL[:2], None)
    assert option not in server.asked[2]  # it is remembered


def test_a_request_that_is_refused_for_good(serve: Any) -> None:
    service, server = serve(Reply("response_format, temperature and seed are all\nwrong", status=400))
    _, error = all_of(service)
    assert len(server.asked) == 4
    assert error is not None
    assert error.endswith(" refused the request: response_format, temperature and seed are all wrong.")


@pytest.mark.parametrize(
    ("reply", "asked", "message"),
    [
        (Reply("no", status=403), 1, "does not let this key use parrot"),
        (Reply("wait", status=429), 3, "is busy: try again in a minute."),
        (Reply("wait", status=429, headers={"Retry-After": "3600"}), 1, "is busy: try again in 3600 s."),
        (Reply("pay", status=429, code="insufficient_quota"), 3, "has no credit left"),
        (Reply("oops", status=500), 6, "is having problems (error 500: oops)"),  # thrice, then without options
        (Reply("Loading model", status=503), 3, "is having problems (error 503: Loading model)"),
        (Reply("short and stout", status=418), 1, "refused the request: short and stout"),
        (Reply(raw="", status=400), 4, "refused the request: it gave no reason"),
        (Reply("maximum context length is 512 tokens", status=400), 1, "maximum context length is 512 tokens"),
        (Reply("Your credit balance is too low: insufficient credits", status=402), 1, "has no credit left"),
        (Reply(raw="<html>gateway</html>", status=502), 3, "is having problems (error 502): try again later"),
        (Reply("wait", status=429, headers={"Retry-After": "99.5"}), 1, "is busy: try again in 100 s."),
        (Reply("no such model", status=404), 1, "does not know the model 'parrot'"),
        (
            Reply(raw='model "parrot" not found, try pulling it first', status=404),
            1,
            "does not know the model 'parrot'",
        ),
    ],
)
def test_a_refusal_is_one_plain_sentence(serve: Any, reply: Reply, asked: int, message: str) -> None:
    service, server = serve(reply)
    came, error = all_of(service)
    assert came == []
    assert error is not None
    assert message in error
    assert service.host in error
    assert len(server.asked) == asked


@pytest.mark.parametrize("status", [429, 500, 502])
def test_a_passing_failure_is_got_over(serve: Any, status: int) -> None:
    trouble = Reply("wait", status=status, headers={"Retry-After-Ms": "20"})
    service, server = serve(trouble, trouble, Reply(prompts(*ALL[:2])))
    assert all_of(service, count=2) == (ALL[:2], None)
    assert len(server.asked) == 3


def test_retry_after_is_waited_for(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("openai._base_client.time.sleep", waits.append)
    service, _ = serve(Reply("wait", status=429, headers={"Retry-After": "7"}), Reply(prompts(*ALL[:2])))
    assert all_of(service, count=2) == (ALL[:2], None)
    assert waits == [7]


def test_wrong_key(serve: Any) -> None:
    service, server = serve(Reply(), api_key="sk-another")
    assert all_of(service) == ([], f"{service.host} does not accept the key: check it.")
    assert len(server.asked) == 1


def test_unknown_model(serve: Any) -> None:
    service, server = serve(Reply(), model="cockatoo")
    _, error = all_of(service)
    assert (
        error == f"{service.host} does not know the model 'cockatoo' at {server.url}: check the name and the address."
    )


def test_nobody_there() -> None:
    server = ChatServer(Reply())
    server.close()
    service = ChatService("parrot", server.url, KEY)
    service._client.max_retries = 0
    assert all_of(service) == (
        [],
        f"{service.host} cannot be reached: check the address, and that the service runs.",
    )


def test_no_words() -> None:
    service = ChatService("parrot", "http://localhost:1/v1")
    assert all_of(service, ideas=Ideas()) == (
        [],
        "There are no words to write prompts with: keep or add attributes or sources.",
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": " "}, "No model is named"),
        ({"base_url": None}, "OpenAI requires a key"),
        ({"base_url": "localhost:11434"}, "The address of the service cannot be used"),
        ({"base_url": "ftp://host/v1"}, "The address of the service cannot be used"),
        ({"base_url": "http://"}, "The address of the service cannot be used"),
        ({"base_url": "http://user:se/cret@host/v1"}, "The address of the service cannot be used"),
        ({"base_url": "http://user:12/cret@host/v1"}, "The address of the service cannot be used"),
        ({"api_key": "sk-schlüssel"}, "The key contains characters that keys do not have"),
        ({"api_key": "sk-two\nlines"}, "The key contains characters that keys do not have"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(GenerationError, match=message) as caught:
        ChatService(**({"model": "parrot", "base_url": "http://localhost:1/v1"} | settings))
    assert "cret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("given_url", "kept"),
    [
        ("https://user:secret@host/v1/", "https://host/v1"),
        ("http://secret@localhost:8000", "http://localhost:8000"),
        ("http://[::1]:8000/v1?key=secret#secret", "http://[::1]:8000/v1"),
    ],
)
def test_the_address_is_kept_without_secrets(given_url: str, kept: str) -> None:
    service = ChatService("parrot", given_url)
    assert service.settings["base_url"] == service.base_url == kept
    assert "secret" not in str(service._client.base_url) + repr(vars(service))


# --- the key ----------------------------------------------------------------------------------------------------------


def test_the_key_of_the_environment_goes_to_the_address_of_the_environment(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\n")
    service, server = serve(Reply(prompts(*ALL[:1])), api_key=None)
    assert all_of(service, count=1)[1] == f"{service.host} requires a key: enter one."
    assert server.keys == ["Bearer none"]  # a stranger's address gets no key of ours
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    for base_url in (None, server.url + "/"):
        service = ChatService("parrot", base_url)
        assert all_of(service, count=1) == (ALL[:1], None)
    assert server.keys[1:] == [f"Bearer {KEY}"] * 2


def test_a_key_that_is_no_secret_takes_no_words_out(serve: Any) -> None:
    words = {"attributes": ["explosive", "none", "loud"], "sources": ["box"]}
    service = ChatService("parrot", "http://localhost:1/v1", api_key="x")
    assert service._without_key(json.dumps(words)) == json.dumps(words)


ECHO = f"Incorrect key {KEY}, sent as 'Bearer {KEY}' or {KEY[:12]}"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(prompts(*ALL[:2], f"A {KEY} sound of {{label}}", KEY)),
        Reply(json.dumps({"attributes": [KEY, "loud"], "sources": ["hall", f"{KEY}-hall"]})),
        Reply(ECHO, status=400),
        Reply(ECHO, status=400, code=KEY),
        Reply(ECHO, status=403),
        Reply(ECHO, status=404),
        Reply(ECHO, status=418),
        Reply(ECHO, status=429, headers={"Retry-After": "3600"}),
        Reply(ECHO, status=500),
        Reply(raw=ECHO, status=400),
        Reply(raw=f"data: {ECHO}\n\n"),
        Reply(ECHO),
        Reply(error=ECHO),
        Reply(refusal=ECHO),
        Reply(finish=KEY),
        Reply(end="drop"),
        Reply(end="hang"),
    ],
)
@pytest.mark.parametrize("right", [True, False])
@pytest.mark.slow
def test_the_key_is_nowhere_to_be_found(
    serve: Any, reply: Reply, right: bool, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("openai", "httpx2", "httpcore2", "httpx", "httpcore"):
        caplog.set_level(logging.DEBUG, name)
    key = KEY if right else KEY[::-1]
    service, server = serve(reply, api_key=key, timeout=0.2)
    seen: list[object] = []
    templates: list[Template] = []
    for act in (service.ideas, lambda task: templates.extend(service.candidates(task, Ideas(("loud", "soft"))))):
        try:
            seen.append(act(VOICES))
        except GenerationError as error:
            assert error.__cause__ is None
            assert error.__context__ is None
            seen += [str(error), repr(error), *traceback.format_exception(error)]
        seen += [service.notice, repr(service), str(service), json.dumps(service.settings), vars(service)]
    pack = as_pack(VOICES, dict.fromkeys(templates), service, "mine", "Mine")
    seen += [templates, pack.to_json(), repr(pack), candidates_request(VOICES, IDEAS, 9, templates)]
    records = [record for record in caplog.records if record.name.startswith(("openai", "http"))]
    assert len(records) > 3  # the libraries' loggers were listened to
    seen += [caplog.text, *(vars(record) for record in records), *capfd.readouterr()]
    assert server.keys[0] == f"Bearer {key}"
    text = " ".join(map(str, seen))
    for secret in (key, key[:12], key[-12:]):
        assert secret not in text


# --- generators of other packages -------------------------------------------------------------------------------------

PARROT = """
from audioprompt.prompts.generators import GeneratorKind, Ideas
from audioprompt.prompts.template import Template

class Parrot:
    name, settings, notice = "parrot", {}, None

    def ideas(self, task):
        return Ideas(("loud",))

    def candidates(self, task, ideas, count=40):
        yield Template.tspe(ideas.attributes[0])

PARROT = GeneratorKind("parrot", "Parrot", "Says what it hears.", "others:make")

def make(settings):
    return Parrot()
"""


def test_another_package_adds_a_generator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "audioprompt.generators", {"parrot": "others:PARROT"}, PARROT)
    GENERATORS.look_again()
    try:
        parrot = GENERATORS["parrot"].make(GeneratorSettings())
        assert [one.text for one in parrot.candidates(VOICES, parrot.ideas(VOICES))] == ["A loud sound of {label}"]
    finally:
        GENERATORS.look_again()

"""Chat services answer in many manners: each is understood, or one sentence names the true reason."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from openai._models import FinalRequestOptions

from audioprompt.prompts.chat.addresses import ServiceAddress
from audioprompt.prompts.chat.answers import FORGET, ListReader
from audioprompt.prompts.chat.events import events
from audioprompt.prompts.generators import GenerationError, Ideas, OfflineLexicon, Task
from audioprompt.prompts.generators.openai import ChatService
from audioprompt.prompts.template import Template
from tests.openai_server import KEY, Reply

TASK = Task("vocal_sounds", ("cough", "sigh"))
WORDS = {"attributes": ["loud", "hushed", "eager"], "sources": ["hall", "the next room"]}
IDEAS = Ideas(tuple(WORDS["attributes"]), tuple(WORDS["sources"]))
WANTED = [Template.tspe(a, s) for a in (None, "loud", "hushed") for s in (None, "hall", "the next room") if a or s]
TEXTS = [template.text for template in WANTED]
PROMPTS = {"prompts": TEXTS}
BROKEN_KEY = "sk-not-the-owners-9c1b"


def check_both_steps(serve: Any, reply: Callable[[Any], Reply]) -> None:
    """Words and prompts, each answered in this manner, come as they were meant."""
    service, _ = serve(reply(WORDS))
    assert service.ideas(TASK) == IDEAS
    service, _ = serve(reply(PROMPTS))
    assert list(service.candidates(TASK, IDEAS, len(WANTED))) == WANTED


# --- how the answer is written ----------------------------------------------------------------------------------------


def _each(value: dict[str, list[str]], change: Callable[[list[str]], Any]) -> dict[str, Any]:
    return {name: change(items) for name, items in value.items()}


def _draft(value: dict[str, list[str]]) -> str:
    return json.dumps(_each(value, lambda _: ["...", "melodious"]))


WRITTEN: dict[str, Callable[[dict[str, list[str]]], str]] = {
    "fence": lambda value: f"Sure! Here it is:\n```json\n{json.dumps(value, indent=1)}\n```\nHope this helps!",
    "draft in thoughts": lambda value: f"<think>They want {_draft(value)}. Well.</think>\n{json.dumps(value)}",
    "thoughts without a beginning": lambda value: f"They want {_draft(value)}.\n</think>\n{json.dumps(value)}",
    "thoughts in brackets": lambda value: f"[THINK]{_draft(value)}[/THINK]{json.dumps(value)}",
    "channels": lambda value: (
        f"<|channel|>analysis<|message|>{_draft(value)}<|end|><|start|>assistant<|channel|>final<|message|>"
        + json.dumps(value)
    ),
    "an empty draft": lambda value: f"As asked, {json.dumps(_each(value, lambda _: ['...']))}: {json.dumps(value)}",
    "a broken draft": lambda value: f"As {_draft(value).replace(', ', ', ..., ')}: {json.dumps(value)}".replace(
        '"melodious"', ""
    ),
    "objects": lambda value: json.dumps(_each(value, lambda items: [{"word": item, "why": 1} for item in items])),
    "numbered": lambda value: json.dumps(_each(value, lambda items: [f"{n}. {i}" for n, i in enumerate(items, 1)])),
    "by number": lambda value: json.dumps(_each(value, lambda items: {str(n): i for n, i in enumerate(items)})),
    "encoded twice": lambda value: json.dumps(_each(value, json.dumps)),
    "all encoded twice": lambda value: json.dumps(json.dumps(value)),
    "Python": str,
    "commas too many": lambda value: json.dumps(value).replace("]", ",]").replace("]}", "],}"),
    "inside": lambda value: json.dumps({"result": {"data": value}}),
    "a tool's arguments": lambda value: json.dumps({"name": "answer", "arguments": json.dumps(value)}),
    "bullets in a text": lambda value: json.dumps(_each(value, lambda items: "\n".join(f"- {item}" for item in items))),
    "Markdown": lambda value: "\n".join(
        f"**{name.title()}:**\n" + "\n".join(f"{n}) {item}" for n, item in enumerate(items, 1))
        for name, items in value.items()
    ),
    "no last bracket": lambda value: json.dumps(value).removesuffix("}") + "\n",
}


@pytest.mark.parametrize("manner", WRITTEN)
def test_both_steps_understand(serve: Any, manner: str) -> None:
    check_both_steps(serve, lambda value: Reply(WRITTEN[manner](value)))


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(TEXTS),
        json.dumps({"candidates": TEXTS}),
        json.dumps({"prompts": {"attribute": TEXTS[:3], "both": TEXTS[3:]}}),
        "\n".join(json.dumps({"prompt": text, "format": 1}) for text in TEXTS),
        "Here they are:\n" + "\n".join(f'{n}. "{text}"' for n, text in enumerate(TEXTS, 1)),
        "{\u201cprompts\u201d: [\u201c" + "\u201d, \u201c".join(TEXTS) + "\u201d]}",
        json.dumps({"prompts": [text.replace("{label}", "<label>") for text in TEXTS]}),
        json.dumps({"prompts": [text.replace("{label}", "[label]") for text in TEXTS]}),
        json.dumps({"prompts": [text.replace("{label}", '"{label}"') for text in TEXTS]}),
        json.dumps({"prompts": [text.replace("{label}", "{sound}") for text in TEXTS]}),
        json.dumps({"prompts": [text.replace("{label}", "**{{label}}**") for text in TEXTS]}),
    ],
)
def test_prompts_are_understood(serve: Any, text: str) -> None:
    service, server = serve(Reply(text))
    assert list(service.candidates(TASK, IDEAS, len(WANTED))) == WANTED
    assert len(server.asked) == 1 and service.notice is None


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"adjectives": WORDS["attributes"], "places": WORDS["sources"]}),
        json.dumps([WORDS["attributes"], WORDS["sources"]]),
        f"Attributes: {json.dumps(WORDS['attributes'])}\nSources: {json.dumps(WORDS['sources'])}",
        "Attributes: loud, hushed, eager\nSources: hall, the next room",
        json.dumps({"attributes": "loud, hushed, eager", "sources": "hall, the next room"}),
        json.dumps({"attributes": WORDS["attributes"]}) + "\n" + json.dumps({"sources": WORDS["sources"]}),
    ],
)
def test_words_are_understood(serve: Any, text: str) -> None:
    service, _ = serve(Reply(text))
    assert service.ideas(TASK) == IDEAS and service.notice is None


def test_apostrophes_among_single_quotes() -> None:
    reader = ListReader(["prompts"])
    assert list(reader.feed("{'prompts': ['the crowd's roar', 'it\\'s near', \"men's\"]}")) == []
    assert [text for _, text in reader.finish()] == ["the crowd's roar", "it's near", "men's"]


@pytest.mark.parametrize("size", [1, 2, 7, 50, 10_000])
@pytest.mark.parametrize("manner", ["draft in thoughts", "thoughts without a beginning", "channels", "fence"])
def test_it_does_not_matter_how_the_answer_is_cut_into_pieces(manner: str, size: int) -> None:
    text, reader = WRITTEN[manner](PROMPTS), ListReader(["prompts"])
    found: list[str] = []
    for start in range(0, len(text), size):
        for item in reader.feed(text[start : start + size]):
            found = [] if item == FORGET else [*found, item[1]]
    assert found == TEXTS and list(reader.finish()) == []


@pytest.mark.parametrize(
    "text",
    [
        "[" * 50_000,
        '{"prompts": [' + '["' * 20_000,
        '{"a' * 20_000,
        '["' * 20_000,
        "{'a':" * 20_000,
        "<" * 50_000,
        "[/*" * 20_000,
        '[" ' * 20_000,
        "- " * 20_000,
        '{"prompts": "' + "[" * 20_000 + '"}',
        "<think>" * 9_000,
    ],
)
def test_hostile_answers_hold_nothing(text: str) -> None:
    reader = ListReader(["prompts"])
    assert [*reader.feed(text), *reader.finish()] == []


# --- how the answer is sent -------------------------------------------------------------------------------------------


def _whole(message: dict[str, Any], **choice: Any) -> str:
    answer = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop", **choice}
    return json.dumps({"id": "1", "object": "chat.completion", "model": "parrot", "choices": [answer]})


SENT: dict[str, Callable[[str], Reply]] = {
    "no finish_reason": lambda text: Reply(text, finish=None),
    "an empty finish_reason": lambda text: Reply(text, finish=""),
    "nothing behind the answer": lambda text: Reply(text, finish=None, done=False),
    "parts": lambda text: Reply(
        deltas=[
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": text[:9] + '"..."]}'}]}]},
            {"content": [{"type": "text", "text": text}]},
        ]
    ),
    "reasoning beside it": lambda text: Reply(
        text,
        deltas=[{"content": None, "reasoning_content": '{"prompts": ["..."]}'}, {"content": "", "reasoning": "hm"}],
    ),
    "a tool's call": lambda text: Reply(
        deltas=[
            {"tool_calls": [{"index": 0, "function": {"name": "answer", "arguments": ""}}]},
            {"content": None, "tool_calls": [{"index": 0, "function": {"arguments": text[:5]}}]},
            {"tool_calls": [{"index": 0, "function": {"arguments": text[5:]}}]},
        ],
        finish="tool_calls",
    ),
    "comments": lambda text: Reply(text, comments=2),
    "JSON, not a stream": lambda text: Reply(raw=_whole({"content": text}), kind="application/json"),
    "JSON, indented": lambda text: Reply(raw=json.dumps(json.loads(_whole({"content": text})), indent=2)),
    "JSON with a tool's call": lambda text: Reply(
        raw=_whole({"content": None, "tool_calls": [{"function": {"name": "answer", "arguments": text}}]})
    ),
    "a stream called JSON": lambda text: Reply(text, kind="application/json"),
    "lines of JSON": lambda text: Reply(
        raw="".join(
            json.dumps({"model": "parrot", "message": {"role": "assistant", "content": piece}, "done": False}) + "\n"
            for piece in (text[:9], text[9:])
        )
        + json.dumps({"model": "parrot", "message": {"content": ""}, "done": True, "done_reason": "stop"}),
        kind="application/x-ndjson",
    ),
    "events without blank lines": lambda text: Reply(
        raw="".join(
            "data:" + json.dumps({"choices": [{"delta": {"content": piece}}]}) + "\r\n"
            for piece in (text[:9], text[9:])
        )
    ),
    "an event of many lines": lambda text: Reply(
        raw="event: message\nid: 1\n"
        + "".join(f"data: {line}\n" for line in json.dumps(json.loads(_whole({"content": text})), indent=1).split("\n"))
        + "\ndata: [DONE]\n\n"
    ),
    "a text, not a message": lambda text: Reply(raw=json.dumps({"choices": [{"text": text, "finish_reason": "stop"}]})),
}


@pytest.mark.parametrize("manner", SENT)
def test_both_steps_take(serve: Any, manner: str) -> None:
    check_both_steps(serve, lambda value: SENT[manner](json.dumps(value)))


THOUGHT = {"reasoning_content": 'We need {"prompts": ["A loud sound of {label}"]}', "content": None}


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(deltas=[THOUGHT], finish="length"), "cut off by its token limit before it had begun"),
        (Reply(deltas=[THOUGHT]), "parrot thought, but wrote no answer"),
        (Reply("<think>" + json.dumps(PROMPTS)), "parrot thought, but wrote no answer"),
        (Reply(raw=_whole({"content": None, "refusal": "I must not"})), "declined to answer"),
        (Reply(deltas=[{"content": [{"type": "refusal", "refusal": "no"}]}]), "declined to answer"),
        (Reply(raw=_whole({"content": ""}, finish_reason="SAFETY")), "declined to answer"),
        (Reply(raw='{"error": "the model crashed"}'), "refused the request: the model crashed"),
        (Reply(raw='{"object": "error", "message": "CUDA", "code": 500}'), "is having problems (error 500: CUDA)"),
        (
            Reply(raw='event: error\ndata: {"type": "overloaded_error", "message": "overloaded", "code": 529}\n\n'),
            "is having problems (error 529: overloaded)",
        ),
        (Reply(raw='{"detail": [{"loc": ["body"], "msg": "bad body"}]}'), "refused the request: bad body"),
        (Reply(raw='[{"error": {"code": 403, "message": "billing is off"}}]'), "has no credit left"),
        (Reply(raw='{"error": {"code": 429, "message": "slow down"}}'), "is busy: try again in a minute."),
        (
            Reply(
                raw='data: {"error": {"code": 502, "message": "Provider returned error", '
                '"metadata": {"raw": "{\\"error\\": {\\"message\\": \\"out of memory\\"}}"}}, "choices": []}\n\n'
            ),
            "is having problems (error 502: out of memory)",
        ),
        (
            Reply(raw='data: {"choices": [{"delta": {"content": ""}, "error": {"code": 401, "message": "no"}}]}\n\n'),
            "does not accept the key",
        ),
        (Reply(raw="<html>sign in</html>", kind="text/html"), "cannot be read: check that its address is right"),
        (Reply(raw='{"id": 1}'), "sent no answer"),
    ],
)
def test_the_true_reason_is_named(serve: Any, reply: Reply, message: str) -> None:
    service, _ = serve(reply)
    for step in (lambda: service.ideas(TASK), lambda: list(service.candidates(TASK, IDEAS))):
        with pytest.raises(GenerationError) as caught:
            step()
        assert message in str(caught.value)


def test_words_before_a_cut_are_kept(serve: Any) -> None:
    service, _ = serve(Reply('{"attributes": ["loud", "hushed", "eag', finish="length"))
    assert service.ideas(TASK) == Ideas(("loud", "hushed"))
    assert service.notice is not None and "cut off by its token limit" in service.notice


def test_more_words_than_prompts_are_written_with(serve: Any) -> None:
    service, _ = serve(Reply(json.dumps({"attributes": [f"loud{n}" for n in range(300)], "sources": ["hall"]})))
    assert len(service.ideas(TASK).attributes) == 100


def test_words_too_long_for_a_prompt_take_no_others_with_them(serve: Any) -> None:
    a_sentence = "place where " + "sounds come together " * 12
    service, _ = serve(Reply(json.dumps({"attributes": ["loud", "x" * 240], "sources": ["hall", a_sentence]})))
    assert service.ideas(TASK) == Ideas(("loud",), ("hall",))
    service, _ = serve(Reply(json.dumps({"attributes": ["x" * 120], "sources": ["y" * 120]})))
    assert len(list(OfflineLexicon().candidates(TASK, service.ideas(TASK)))) == 3


def test_no_prompts_at_all_is_said(serve: Any) -> None:
    service, _ = serve(Reply('{"prompts": []}'))
    with pytest.raises(GenerationError, match="did not answer in the format asked for"):
        list(service.candidates(TASK, IDEAS))


def test_a_service_that_only_keeps_the_connection_alive_is_given_up() -> None:
    with pytest.raises(TimeoutError):
        list(events((b": PROCESSING\n\n" for _ in range(10)), patience=-1))


# --- options that are refused -----------------------------------------------------------------------------------------


def _has(*names: str) -> Callable[[dict[str, Any]], bool]:
    return lambda body: not any(name in body for name in names)


@pytest.mark.parametrize(
    ("status", "error", "refused"),
    [
        (400, {"error": "'response_format.type' must be 'text'"}, ("response_format",)),
        (400, {"message": "The schema contains features not supported by xgrammar", "code": 400}, ("response_format",)),
        (400, {"error": {"message": "Bad request"}}, ("response_format",)),
        (400, {"error": {"message": "For this model json_schema is not available"}}, ("response_format",)),
        (404, {"error": {"message": "No endpoints found that can handle the parameters"}}, ("response_format", "seed")),
        (422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs"}]}, ("seed",)),
        (400, [{"error": {"code": 400, "message": 'Unknown name "seed": Cannot find field.'}}], ("seed",)),
        (500, {"error": {"code": 500, "message": "Failed to parse grammar"}}, ("response_format",)),
        (500, {"error": {"message": "Internal error"}}, ("response_format",)),
        (501, {"error": {"message": "not implemented"}}, ("response_format", "seed", "temperature")),
        (400, {"error": {"message": "`temperature` is deprecated for this model"}}, ("temperature",)),
    ],
)
def test_what_is_refused_in_any_words_is_left_out(
    serve: Any, status: int, error: Any, refused: tuple[str, ...]
) -> None:
    refusal = Reply(raw=json.dumps(error), status=status, unless=_has(*refused), answer=json.dumps(WORDS))
    service, server = serve(refusal)
    assert service.ideas(TASK) == IDEAS
    assert not set(refused) & server.asked[-1].keys()
    assert service.settings["seed"] == (None if "seed" in refused else 0)
    before = len(server.asked)
    assert service.ideas(TASK) == IDEAS and len(server.asked) == before + 1  # it is remembered


def test_a_stream_that_is_refused_is_not_asked_for(serve: Any) -> None:
    refusal = Reply(
        raw='{"error": {"message": "Your organization must be verified to stream this model"}}',
        status=400,
        unless=lambda body: body["stream"] is False,
        answer=json.dumps(WORDS),
    )
    service, server = serve(refusal)
    assert service.ideas(TASK) == IDEAS
    assert server.asked[-1].keys() == server.asked[0].keys()


def test_an_error_in_place_of_an_answer_is_a_refusal_too(serve: Any) -> None:
    error = {"error": {"code": 400, "message": "json_schema is not supported"}}
    service, _ = serve(Reply(raw=json.dumps(error), unless=_has("response_format"), answer=json.dumps(WORDS)))
    assert service.ideas(TASK) == IDEAS


def test_options_that_were_not_to_blame_are_kept(serve: Any) -> None:
    service, server = serve(Reply("bad request", status=400))
    with pytest.raises(GenerationError, match="refused the request: bad request"):
        service.ideas(TASK)
    assert service.settings["temperature"] == 0.7 and len(server.asked) == 4
    server.replies = [Reply(json.dumps(WORDS))]
    service.ideas(TASK)
    assert "response_format" in server.asked[-1]


# --- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tail", ["/v1", "/v1/", "/v1//", "/v1/chat/completions", "/v1/chat/completions/", "/v1/models"]
)
def test_an_address_pasted_whole(serve: Any, tail: str) -> None:
    _, server = serve(Reply(json.dumps(WORDS)))
    service = ChatService("parrot", f" {server.url.removesuffix('/v1')}{tail}\n", KEY)
    assert service.ideas(TASK) == IDEAS and server.paths == ["/v1/chat/completions"]
    assert service.base_url == server.url


@pytest.mark.parametrize("tail", ["", "/", "/api", "/api/chat", "/chat/completions"])
def test_a_service_is_found_at_v1(serve: Any, tail: str) -> None:
    _, server = serve(Reply(json.dumps(WORDS)))
    service = ChatService("parrot", server.url.removesuffix("/v1") + tail, KEY)
    assert service.ideas(TASK) == IDEAS
    assert service.settings["base_url"] == server.url  # the address that works is the one to keep


def test_one_that_says_so_with_success(serve: Any) -> None:
    """As LM Studio does for a path that it does not know."""
    _, server = serve(Reply(raw='{"error": "Unexpected endpoint or method. (POST /chat/completions)"}'))
    server.path = "/chat/completions"
    service = ChatService("parrot", server.url.removesuffix("/v1"), KEY)
    with pytest.raises(GenerationError, match="refused the request: Unexpected endpoint"):
        service.ideas(TASK)
    assert server.paths == ["/chat/completions", "/v1/chat/completions"]


def test_an_address_where_nothing_is(serve: Any) -> None:
    service, server = serve(Reply())
    server.path = "/elsewhere"
    with pytest.raises(GenerationError, match=r"has no chat service at .* check the address; most end in /v1"):
        service.ideas(TASK)


@pytest.mark.parametrize("tail", ["", "/", "/chat/completions"])
def test_azure(serve: Any, tail: str) -> None:
    _, server = serve(Reply(json.dumps(WORDS)))
    server.path = "/openai/deployments/parrot/chat/completions?api-version=2024-10-21"
    address = server.url.replace("/v1", f"/openai/deployments/parrot{tail}?api-version=2024-10-21&key=secret")
    service = ChatService("parrot", address, KEY)
    assert service.ideas(TASK) == IDEAS
    assert server.headers[0]["api-key"] == KEY
    assert str(service.settings["base_url"]).endswith("/openai/deployments/parrot?api-version=2024-10-21")


@pytest.mark.parametrize(
    ("url", "text", "openai", "azure"),
    [
        ("https://api.openai.com/v1/chat/completions", "https://api.openai.com/v1", True, False),
        ("HTTPS://API.OpenAI.com/v1", "https://api.openai.com/v1", True, False),
        ("http://api.openai.com/v1", "http://api.openai.com/v1", False, False),
        ("https://api.openai.com.evil.example/v1", "https://api.openai.com.evil.example/v1", False, False),
        ("https://api.openai.com@evil.example/v1", "https://evil.example/v1", False, False),
        ("'https://x.openai.azure.com/openai/v1/'", "https://x.openai.azure.com/openai/v1", False, True),
        ("https://host/v1?Key=secret&api-version=1", "https://host/v1?api-version=1", False, True),
    ],
)
def test_addresses(url: str, text: str, openai: bool, azure: bool) -> None:
    address = ServiceAddress.parse(url)
    assert (address.text, address.is_openai, address.is_azure) == (text, openai, azure)
    assert ServiceAddress.parse(text) == address


# --- what the environment says of an account --------------------------------------------------------------------------

ACCOUNT = {
    "OPENAI_ORG_ID": "org-4711",
    "OPENAI_PROJECT_ID": "proj-0815",
    "OPENAI_CUSTOM_HEADERS": "X-Team: sounds-77\nX-B: 1",
}


def _sent_by(service: ChatService) -> str:
    """All headers that a request to the service has."""
    return str(dict(service._client._build_headers(_options())))


def _options() -> Any:
    return FinalRequestOptions(method="post", url="/chat/completions")


def test_an_account_goes_to_openai_only(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ACCOUNT.items():
        monkeypatch.setenv(name, value)
    _, server = serve(Reply(json.dumps(WORDS)))
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for service in (ChatService("parrot"), ChatService("parrot", server.url, KEY)):
        assert service.ideas(TASK) == IDEAS
    assert server.keys == [f"Bearer {KEY}"] * 2
    assert not any(secret in str(server.headers) for secret in ("org-4711", "proj-0815", "sounds-77"))


def test_an_account_goes_with_its_own_key_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ACCOUNT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert all(secret in _sent_by(ChatService("gpt")) for secret in ("org-4711", "proj-0815", KEY))
    theirs = _sent_by(ChatService("gpt", api_key=BROKEN_KEY))
    assert BROKEN_KEY in theirs
    assert not any(secret in theirs for secret in ("org-4711", "proj-0815", "sounds-77", KEY))

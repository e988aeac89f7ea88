"""A Space goes to a hub on this machine: new, again, listed only, and refused in every way a hub refuses."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from audioprompt.space import SpaceError, push, pushed
from tests.hub import Hub, Worker, elsewhere

CARD = "---\ntitle: Rain\nsdk: gradio\ntags:\n- audioprompt\n---\n\n# Rain\n"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hub, Worker]]:
    hub = Hub(tmp_path_factory.mktemp("hub"))
    with elsewhere(hub.url, tmp_path_factory.mktemp("home")) as call:
        yield hub, call
    hub.close()


@pytest.fixture
def hub(machine: tuple[Hub, Worker]) -> Iterator[Hub]:
    yield machine[0]
    machine[0].fails.clear()


@pytest.fixture
def publish(machine: tuple[Hub, Worker]) -> Worker:
    """Pushes from a process that takes the hub of this machine for the real one."""
    return lambda name, folder, public=False, token="hf_secret": machine[1](push, name, folder, public, token)


@pytest.fixture
def space(tmp_path: Path) -> Path:
    """A Space that has run, so that there is more in its folder than belongs to it."""
    texts = {
        "README.md": CARD,
        "app.py": "print()",
        "requirements.txt": "gradio",
        "prompt_store/a.json": "{}",
        "heads/rain/head.safetensors": "numbers",
        ".gradio/certificate.pem": "",
        ".env": "SECRET=1",
        "audioprompt/__pycache__/x.pyc": "",
        "prompt_store/.a.lock": "",
    }
    for name, text in texts.items():
        (tmp_path / "space" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "space" / name).write_text(text)
    return tmp_path / "space"


OWN = {"README.md", "app.py", "requirements.txt", "prompt_store/a.json", "heads/rain/head.safetensors"}


def test_what_is_pushed_is_what_was_listed(hub: Hub, publish: Worker, space: Path) -> None:
    assert set(pushed(space)) == OWN and pushed(space)["app.py"] == len("print()")
    assert publish("me/rain", space) == f"{hub.url}/spaces/me/rain"
    held = hub.held("spaces/me/rain")
    assert set(held) == {*OWN, ".gitattributes"}
    assert held["heads/rain/head.safetensors"] == b"numbers" and held["README.md"].decode() == CARD
    made = hub.created["me/rain"]
    assert (made["type"], made["sdk"], made["private"]) == ("space", "gradio", True)
    assert not any(b"hf_secret" in content for content in held.values())


def test_a_second_push_brings_it_up_to_date(hub: Hub, publish: Worker, space: Path) -> None:
    publish("me/again", space)
    created = hub.requests.count("POST create")
    (space / "prompt_store/a.json").unlink()
    (space / "prompt_store/b.json").write_text("[]")
    (space / "heads/rain/head.safetensors").write_text("other numbers")
    publish("me/again", space)
    held = hub.held("spaces/me/again")
    assert set(held) == {*OWN, ".gitattributes", "prompt_store/b.json"} - {"prompt_store/a.json"}
    assert held["heads/rain/head.safetensors"] == b"other numbers"
    assert hub.requests.count("POST create") == created


def test_public_only_where_it_was_asked_for(hub: Hub, publish: Worker, space: Path) -> None:
    publish("me/open", space, True)
    assert hub.created["me/open"]["private"] is False


def test_somebody_elses_files_are_not_replaced(hub: Hub, publish: Worker, space: Path) -> None:
    other = hub.folder / "spaces/me/precious"
    other.mkdir(parents=True)
    (other / "README.md").write_text("---\ntitle: Mine\nsdk: gradio\n---\n")
    (other / "app.py").write_text("precious")
    with pytest.raises(SpaceError, match="me/precious is there already and was not made with audioprompt"):
        publish("me/precious", space)
    assert hub.held("spaces/me/precious")["app.py"] == b"precious"


@pytest.mark.parametrize(
    ("step", "status", "message"),
    [
        ("create", 401, "does not accept the token: make one with the right to write"),
        ("create", 403, "does not let you write to me/failing: take one"),
        ("create", 404, "no such user or organisation for me/failing"),
        ("create", 409, "changed by somebody else at the same time: push again"),
        ("preupload", 500, "having problems (500). Try again later."),
        ("batch", 403, "does not let you write"),
        ("store", 413, "a file is too large for the hub"),
        ("commit", 400, "refuses me/failing (error 400): as the test wants it"),
        ("commit", 409, "push again"),
        ("commit", 429, "too many requests: wait some minutes"),
        ("commit", 503, "problems (503). Try again later."),
    ],
)
def test_what_a_hub_refuses(hub: Hub, publish: Worker, space: Path, step: str, status: int, message: str) -> None:
    hub.fails[step] = status
    # a name of its own, and content that the hub does not hold yet
    (space / "heads/rain/head.safetensors").write_text(f"{step} {status}")
    name = f"me/failing-{step}-{status}"
    with pytest.raises(SpaceError) as refused:
        publish(name, space)
    assert message in str(refused.value).replace(name, "me/failing")
    assert "hf_secret" not in str(refused.value) and "\n" not in str(refused.value)
    hub.fails.clear()
    assert publish(name, space), "the next try goes on from there"


def test_a_wrong_token(hub: Hub, publish: Worker, space: Path) -> None:
    with pytest.raises(SpaceError, match="does not accept the token"):
        publish("me/wrong", space, False, "hf_other")


def test_other_peoples_names(hub: Hub, publish: Worker, space: Path) -> None:
    with pytest.raises(SpaceError, match="does not let you write to they/rain"):
        publish("they/rain", space)


@pytest.mark.parametrize("name", ["rain", "me/ra in", "me/rain/more", "../rain", "me/" + "x" * 200, "me/<b>"])
def test_names_that_are_none(hub: Hub, publish: Worker, space: Path, name: str) -> None:
    with pytest.raises(SpaceError, match="is not a valid name for a Space: give USER/NAME"):
        publish(name, space)


@pytest.mark.parametrize("token", ["hf_one\nhf_two", "hf_anöther", "hf with blanks"])
def test_what_is_no_token_goes_nowhere_and_is_not_repeated(token: str, hub: Hub, publish: Worker, space: Path) -> None:
    with pytest.raises(SpaceError, match="Not a Hub token: copy it again") as raised:
        publish("me/rain", space, token=token)
    assert token not in str(raised.value)


def test_without_a_token(hub: Hub, publish: Worker, space: Path) -> None:
    with pytest.raises(SpaceError, match="Set HF_TOKEN to a token with write access"):
        publish("me/rain", space, False, None)


def test_without_a_network(space: Path, tmp_path: Path) -> None:
    with elsewhere("http://127.0.0.1:9", tmp_path) as call, pytest.raises(SpaceError, match="cannot be reached"):
        call(push, "me/rain", space, False, "hf_secret")


def test_without_a_space(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match="there is no Space"):
        pushed(tmp_path)

"""What a chat service sends, as JSON: an event stream, lines of JSON, or one document, whatever it was asked for.

Services that speak OpenAI's chat API differ in where they put the answer, their thoughts and their errors.
"""

from __future__ import annotations

import codecs
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

MAX_BYTES = 50_000_000  # of one answer with all that is around it


def events(chunks: Iterable[bytes], patience: float = 600.0) -> Iterator[Any]:
    """Yield the JSON values in the body of a response, each as soon as it is there.

    Args:
        chunks: of the body.
        patience: seconds without an event, after which comments that keep the connection alive are not a sign any more.

    Raises:
        ValueError: it is not JSON.
        TimeoutError: nothing but comments came for too long.
    """
    data: list[str] = []
    document: list[str] = []
    last = time.monotonic()
    for line in _lines(chunks):
        said = line.removeprefix("data:").strip() if line.startswith("data:") else ""
        if said and said != "null":
            data.append(said)
            if data[0].startswith("[DONE]"):
                return
            value = _parse("\n".join(data))
        elif data and not line:
            raise ValueError("an event that is not JSON")
        elif not line or line.startswith((":", "data:", "event:", "id:", "retry:")):
            if time.monotonic() - last > patience:
                raise TimeoutError
            continue
        else:
            document.append(line)
            value = _parse(line) if len(document) == 1 else None
        if value is not None:
            last = time.monotonic()
            data.clear()
            document.clear()
            yield value
    if data or document:
        value = _parse("\n".join(data or document))
        if value is None:
            raise ValueError("a body that is not JSON")
        yield value


def _parse(text: str) -> Any:
    """Parse the JSON value that a text is, None where it is none, or none yet."""
    if text[:1] not in ("{", "["):
        return json.loads(text) if text[:1].isdigit() else None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield the lines of a body, without their ends; not more of them than are worth reading."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    rest, length = "", 0
    for chunk in chunks:
        length += len(chunk)
        first, *more = decoder.decode(chunk).split("\n")
        rest += first
        for line in more:
            yield rest.removesuffix("\r")
            rest = line
        if length > MAX_BYTES:
            return
    if rest.strip():
        yield rest


# --- what an event says -----------------------------------------------------------------------------------------------


def messages(event: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield the messages, or pieces of one, in an event, each with why it ended; empty if it has not."""
    choices = event.get("choices")
    if not isinstance(choices, list):  # the event may be a choice itself
        choices = [event] if event.keys() & {"message", "response", "text"} else []
    for choice in choices:
        if not isinstance(choice, Mapping):
            raise ValueError("a choice that is not an object")
        message = choice.get("delta") or choice.get("message")
        if not isinstance(message, Mapping):
            message = {"content": choice.get("text") or choice.get("response")}
        ended = choice.get("finish_reason") or choice.get("done_reason")
        yield message, ended.lower() if isinstance(ended, str) else ""


def text_of(message: Mapping[str, Any]) -> str:
    """Return the answer in a message or a piece of one: its content, in parts or not, or what a tool is called with."""
    text = "".join(_parts(message.get("content"), ("text", "output_text", "")))
    calls = message.get("tool_calls")
    calls = calls if isinstance(calls, list) else [{"function": message.get("function_call")}]
    return text or "".join(_arguments(call) for call in calls)


def model_of(event: Mapping[str, Any]) -> str:
    """Return the model that an event says it is of, empty if it does not."""
    model = event.get("model")
    return model if isinstance(model, str) else ""


def thinks(message: Mapping[str, Any]) -> bool:
    """Whether there are thoughts in it, which are not part of the answer."""
    thoughts = (message.get(name) for name in ("reasoning_content", "reasoning", "thinking"))
    return any(thoughts) or any(_parts(message.get("content"), ("thinking", "reasoning")))


def refuses(message: Mapping[str, Any]) -> bool:
    """Whether the model declines to answer."""
    return bool(message.get("refusal")) or any(_parts(message.get("content"), ("refusal",)))


def error_in(event: Any) -> Any:
    """Find the error that an event reports, None if it reports none."""
    if isinstance(event, list):  # as Google's service wraps its errors
        return next(filter(None, map(error_in, event)), None)
    if not isinstance(event, Mapping):
        return None
    if event.get("error"):
        return event["error"]
    if event.get("object") == "error" or ("choices" not in event and (event.get("detail") or event.get("errors"))):
        return event
    if "choices" not in event and isinstance(event.get("message"), str) and event.keys() & {"type", "code", "status"}:
        return event
    choices = event.get("choices")
    return (
        next((one["error"] for one in choices if isinstance(one, Mapping) and one.get("error")), None)
        if isinstance(choices, list)
        else None
    )


def reason_of(error: Any, depth: int = 0) -> str:
    """Tell what an error says, in the words of whoever knows best; empty if it says nothing that people can read."""
    if depth > 5:
        return ""
    if isinstance(error, str):
        inner = _parse(error.strip()) if error.lstrip()[:1] in ("{", "[") else None
        return reason_of(inner, depth + 1) if inner else "" if error.lstrip().startswith("<") else error
    if isinstance(error, list):
        return "; ".join(filter(None, (reason_of(one, depth + 1) for one in error[:3])))
    if not isinstance(error, Mapping):
        return ""
    metadata = error.get("metadata")
    if isinstance(metadata, Mapping) and (raw := reason_of(metadata.get("raw"), depth + 1)):
        return raw  # what the provider behind a router said
    return next((said for name in _REASONS if name in error and (said := reason_of(error[name], depth + 1))), "")


_REASONS = ("message", "msg", "detail", "error", "errors", "reason", "code")


def _parts(content: Any, kinds: tuple[str, ...]) -> Iterator[str]:
    """Yield the texts of these kinds in a message's content, which may be a text, a part or a list of parts."""
    if isinstance(content, str):
        if "" in kinds:
            yield content
    elif isinstance(content, list):
        for part in content:
            yield from _parts(part, kinds)
    elif isinstance(content, Mapping) and content.get("type", "") in kinds:
        held = next((content[name] for name in ("text", "thinking", "refusal", "content") if content.get(name)), "")
        yield from _parts(held, ("", *kinds, "text"))


def _arguments(call: Any) -> str:
    function = call.get("function") if isinstance(call, Mapping) else None
    arguments = function.get("arguments") if isinstance(function, Mapping) else None
    return arguments if isinstance(arguments, str) else json.dumps(arguments) if arguments else ""

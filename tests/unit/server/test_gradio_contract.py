"""What is relied on of Gradio's private parts: one test each, which fails when Gradio changes underneath."""

import inspect
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio import (
    blocks,
    context,
    processing_utils,
    queueing,
    route_utils,
    routes,
    server_messages,
    state_holder,
    utils,
)

from audioprompt.server.gradio_patches import assets, calls, files, pages
from audioprompt.server.gradio_patches.late_tools import GradioMCPServer


def parameters(function: Callable[..., Any]) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "self"]


@pytest.mark.slow
def test_gradio_is_imported_without_stubs_and_without_mcp() -> None:
    code = (
        "import audioprompt.server\n"
        "from gradio import component_meta\n"
        "from gradio import events\n"
        "from audioprompt.server.gradio_patches.importing import write_no_docstring, write_no_stub\n"
        "import sys\n"
        "assert 'mcp' not in sys.modules\n"
        "from audioprompt.server.gradio_patches import tools\n"
        "assert tools.Tools.types and tools.Tools.StreamableHTTPSessionManager\n"
        "assert component_meta.create_or_modify_pyi is write_no_stub\n"
        "assert events.EventListener.set_doc is write_no_docstring\n"
        "assert 'set_doc' in component_meta.ComponentMeta.__new__.__code__.co_names\n"
        "assert 'create_or_modify_pyi' in component_meta.ComponentMeta.__new__.__code__.co_names\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_addresses_are_fetched_by_one_function_found_by_its_name() -> None:
    assert parameters(processing_utils.async_ssrf_protected_download) == ["url", "cache_dir"]
    users = (blocks, processing_utils)
    assert all("async_ssrf_protected_download" in inspect.getsource(module) for module in users)


def test_uploads_arrive_in_a_file_that_one_function_opens() -> None:
    assert "NamedTemporaryFile" in route_utils.GradioMultiPartParser.on_headers_finished.__code__.co_names


def test_the_folder_of_uploads_can_be_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    kept = files.keep(b"a", "a.csv")
    assert files.folder() == tmp_path and files.holds(kept) and kept.read_bytes() == b"a"
    (tmp_path / "link").symlink_to("/")
    assert not files.holds(tmp_path / ".." / "a.csv") and not files.holds(tmp_path / "link" / "a.csv")


def test_what_is_put_there_is_whole_also_while_others_put_the_same_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    sound, copies, copy = tmp_path / "rain.wav", [], shutil.copyfile
    sound.write_bytes(b"RIFF and so on")

    def halfway(source: Path, target: Path) -> None:
        target.write_bytes(b"RIFF")
        monkeypatch.setattr(shutil, "copyfile", copy)
        copies.append(files.copied(sound).read_bytes())
        copy(source, target)

    monkeypatch.setattr(shutil, "copyfile", halfway)
    copies.append(files.copied(sound).read_bytes())
    assert copies == [b"RIFF and so on"] * 2
    kept = files.keep(b"a", "a.csv")
    with kept.open("rb") as handed_out:
        assert files.keep(b"a", "a.csv") == kept and handed_out.read() == b"a"
    assert not list((tmp_path / "gradio").glob("*/.*"))


def test_the_request_at_hand_is_in_a_context_variable() -> None:
    assert isinstance(context.LocalContext.request, ContextVar)
    assert calls.current_request() is None


def test_calls_set_up_no_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utils, "MatplotlibBackendMananger", utils.MatplotlibBackendMananger)  # put back afterwards
    calls.draw_without_matplotlib()
    assert "with utils.MatplotlibBackendMananger():" in inspect.getsource(route_utils.call_process_api)
    with utils.MatplotlibBackendMananger():
        pass


def test_what_is_given_to_a_call_is_read_by_one_method() -> None:
    assert parameters(inspect.unwrap(gr.Blocks.preprocess_data))[:2] == ["block_fn", "inputs"]
    assert "await self.preprocess_data(" in inspect.getsource(blocks)


def test_answers_are_taken_in_by_one_method_and_sent_by_another() -> None:
    assert parameters(inspect.unwrap(gr.Blocks.postprocess_data)) == ["block_fn", "predictions", "state"]
    assert "data = await self.postprocess_data(" in inspect.getsource(blocks)
    assert parameters(queueing.Queue.send_message) == ["event", "event_message"]
    for message in (server_messages.ProcessGeneratingMessage, server_messages.ProcessCompletedMessage):
        assert message(output={"data": []}, success=True).output == {"data": []}


def test_lists_take_what_is_gone_and_nothing_but_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    for component in (gr.Dropdown, gr.CheckboxGroup):
        monkeypatch.setattr(component, "preprocess", component.preprocess)  # put back afterwards
    calls.take_what_is_gone()
    one, some = gr.Dropdown(["a"]), gr.CheckboxGroup(["a"])
    assert one.preprocess("gone") == "gone"
    assert one.preprocess(None) is None
    assert some.preprocess(["a", "gone"]) == ["a", "gone"]
    wrong: list[tuple[Any, Any]] = [(one, ["a", "gone"]), (one, 7), (some, "gone"), (some, [["a"]])]
    for component, payload in wrong:
        with pytest.raises(gr.Error, match="not in the list of choices"):
            component.preprocess(payload)


def test_endpoints_can_be_described() -> None:
    def double(number: int) -> int:
        """Double it.

        Args:
            number: to be doubled.

        Returns:
            Twice the number.
        """
        return 2 * number

    with gr.Blocks(analytics_enabled=False) as page:
        wired = gr.api(double, api_name="double")
        calls.describe(page, wired["id"], double)
    described = page.get_api_info()["named_endpoints"]["/double"]
    assert "to be doubled" in described["parameters"][0]["type"]["additional_description"]
    assert described["returns"][0]["type"]["description"] == "Twice the number."


def test_pages_are_templates_with_a_head() -> None:
    loader = routes.templates.env.loader
    assert loader is not None
    for name in pages.TEMPLATES:
        assert loader.get_source(routes.templates.env, name)[0].count("<head>") == 1


def test_an_app_is_made_at_launch_whether_or_not_there_was_one() -> None:
    for made in (blocks.Blocks.queue, blocks.Blocks.__exit__, blocks.Blocks.launch):
        assert "create_app" in made.__code__.co_names
    with pages.laid_out(), gr.Blocks(analytics_enabled=False) as page:
        page.queue()
    assert page.app is None and page.config == {}
    try:
        app, _, _ = page.launch(prevent_thread_lock=True, quiet=True)
        assert page.app is app is not None and page.config["dependencies"] == []
    finally:
        page.close()


def test_the_scripts_for_the_browser_have_the_faults_that_are_mended() -> None:
    mended = assets.mended_assets(assets.ASSETS)
    assert {re.split(r"[.-]", name)[0] for name in mended} == {"Walkthrough", "Blocks", "index"}
    mends = {fault: mend for script in assets.MENDS.values() for fault, mend in script.items()}
    scripts = "".join(mended.values())
    assert not any(fault in scripts for fault in mends)
    assert all(mend in scripts for mend in mends.values())


def test_scripts_without_the_faults_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "Walkthrough-1.js").write_text(f"t[s]{assets.ENDLESS}", "utf-8")
    (tmp_path / "Walkthrough-2.js").write_text("nothing", "utf-8")
    (tmp_path / "Blocks-1.js").write_text(f"{assets.ALL_AGAIN};{assets.ALL_AGAIN}", "utf-8")
    assert assets.mended_assets(tmp_path) == {
        "Walkthrough-1.js": f"t[s]{assets.ENDING}",
        "Blocks-1.js": f"{assets.IT_AGAIN};{assets.IT_AGAIN}",
    }


def test_the_queue_has_the_parts_that_are_replaced() -> None:
    assert "Queue" in blocks.Blocks.queue.__code__.co_names
    queue = queueing.Queue
    assert parameters(queue.push) == ["body", "request", "username"]
    assert parameters(queue.process_events)[0] == "events"
    assert parameters(queue.clean_events) == ["session_hash", "event_id"]
    assert parameters(queue.start) == parameters(queue.get_events) == []
    with gr.Blocks(analytics_enabled=False) as page:
        page.queue()
    parts = {
        "event_queue_per_concurrency_id",
        "event_ids_to_events",
        "pending_event_ids_session",
        "pending_messages_per_session",
        "event_analytics",
        "active_jobs",
        "max_size",
        "sleep_when_free",
        "stopped",
    }
    assert parts <= set(vars(page._queue))
    assert {"queue", "concurrency_limit", "current_concurrency"} <= set(vars(queueing.EventQueue("x", 1)))


def test_states_of_sessions_can_be_forgotten() -> None:
    holder = state_holder.StateHolder()
    assert {"session_data", "time_last_used"} <= set(vars(holder))
    assert parameters(holder.delete_state)[0] == "session_id"
    assert parameters(state_holder.SessionState.__init__) == ["blocks"]


def test_the_server_of_tools_has_the_parts_that_are_replaced() -> None:
    server: Any = GradioMCPServer
    assert parameters(server.get_tool_to_endpoint) == []
    assert isinstance(server._file_data_tool_description, property)
    assert parameters(server.get_input_schema) == ["tool_name", "parameters"]
    assert parameters(server.convert_strings_to_filedata) == ["value", "filedata_positions"]
    assert parameters(server._execute_tool_without_progress) == ["job"]
    assert parameters(server._execute_tool_with_progress) == ["job", "progress_token"]
    calls = inspect.getsource(server.create_mcp_server)
    assert "client = await run_sync(self._get_or_create_client)" in calls and "job = client.submit(" in calls
    assert parameters(server._get_or_create_client) == [] and parameters(server._format_progress_message) == ["update"]
    assert parameters(server.get_block_fn_from_endpoint_name) == ["endpoint_name"]
    assert parameters(server.postprocess_output_data) == ["data", "root_url"]
    assert "GradioMCPServer" in inspect.getsource(routes.App.setup_mcp_server)
    assert parameters(server.launch_mcp_on_sse) == ["app", "subpath", "root_path"]
    assert callable(processing_utils.add_root_url) and callable(utils.run_coro_in_background)

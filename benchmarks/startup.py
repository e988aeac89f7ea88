"""How long a newcomer waits: from `make app` to a page that has answered: ``python -m benchmarks.startup``.

Once in this checkout, whose environment is made, and with ``--fresh`` also in a new clone, where `make app` makes it
first. Each time ends when Chromium shows the first example's answer. One line of JSON for each figure.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
WARM_SECONDS, FRESH_SECONDS = 8.0, 300.0


def seconds_to_an_answer(folder: Path, page: Page) -> float:
    """Run `make app` in a checkout until the page answers, in seconds; the app is stopped then."""
    began = time.monotonic()
    app = subprocess.Popen(
        ["make", "app"], cwd=folder, stdout=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "BROWSER": "true"},
    )  # fmt: skip
    try:
        assert app.stdout is not None
        address = next(found[0] for line in app.stdout if (found := re.search(r"http://\S+", line)))
        page.goto(address)
        page.wait_for_selector("#verdict .words", timeout=1000 * FRESH_SECONDS)
        return time.monotonic() - began
    finally:
        os.killpg(app.pid, signal.SIGTERM)
        app.wait()


def report(name: str, seconds: float, target: float) -> None:
    figure = {
        "name": name,
        "value": round(seconds, 1),
        "unit": "s",
        "target": f"<= {target:g}",
        "ok": seconds <= target,
    }
    print(json.dumps(figure), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fresh", action="store_true", help="also in a new clone without an environment")
    fresh = parser.parse_args().fresh
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        if fresh:
            with tempfile.TemporaryDirectory() as folder:
                subprocess.run(["git", "clone", "--quiet", str(ROOT), folder], check=True)
                report(
                    "make app in a fresh clone", seconds_to_an_answer(Path(folder), browser.new_page()), FRESH_SECONDS
                )
        report("make app in a made environment", seconds_to_an_answer(ROOT, browser.new_page()), WARM_SECONDS)
        browser.close()


if __name__ == "__main__":
    main()

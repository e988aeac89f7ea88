"""How long a newcomer waits from `make app` to a usable page: ``python -m benchmarks.startup``.

Once in this checkout, whose environment is made, and with ``--fresh`` also in a new clone, where `make app` makes it
first. A page is usable when Chromium shows its controls; a second figure says when it shows the answer to the first
example, which it asks for by itself while the model is still being loaded. One line of JSON for each figure.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tools.chromium import CHROMIUM

ROOT = Path(__file__).resolve().parents[1]
WARM_SECONDS, FRESH_SECONDS = 4.0, 300.0  # until a page is usable
ANSWER_SECONDS = 7.0  # until the first example is answered, in a made environment


def seconds_to_the_page(folder: Path, page: Page) -> tuple[float, float]:
    """Run `make app` in a checkout: seconds until the page is usable, and until it has answered; then stop it."""
    began = time.monotonic()
    app = subprocess.Popen(
        ["make", "app"],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "BROWSER": "true"},
    )
    try:
        assert app.stdout is not None
        address = next(found[1] for line in app.stdout if (found := re.search(r" is at (http://\S+)", line)))
        page.goto(address)
        page.wait_for_selector("#classify")
        usable = time.monotonic() - began
        page.wait_for_selector("#verdict .words", timeout=1000 * FRESH_SECONDS)
        return usable, time.monotonic() - began
    finally:
        os.killpg(app.pid, signal.SIGTERM)
        app.wait()


def report(where: str, usable: float, answered: float, target: float, answer_target: float | None = None) -> None:
    """Print the two figures of one start."""
    for name, seconds, most in [("first answer", answered, answer_target), ("usable page", usable, target)]:
        figure = {
            "name": f"{name}, {where}",
            "value": round(seconds, 1),
            "unit": "s",
            "target": most and f"<= {most:g}",
            "ok": most is None or seconds <= most,
        }
        print(json.dumps(figure), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fresh", action="store_true", help="also in a new clone without an environment")
    fresh = parser.parse_args().fresh
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        if fresh:
            with tempfile.TemporaryDirectory() as folder:
                subprocess.run(["git", "clone", "--quiet", str(ROOT), folder], check=True)
                report("fresh clone", *seconds_to_the_page(Path(folder), browser.new_page()), FRESH_SECONDS)
        report("made environment", *seconds_to_the_page(ROOT, browser.new_page()), WARM_SECONDS, ANSWER_SECONDS)
        browser.close()


if __name__ == "__main__":
    main()

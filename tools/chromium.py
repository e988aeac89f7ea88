"""Where Chromium is that `make browser` installs."""

import shutil

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser")  # the first draws pages alone, and sooner
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)

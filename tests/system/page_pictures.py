"""``python -m tests.system.page_pictures docs/pictures``: pictures of the RCS page, light and dark, for the docs."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from tests.system.page_airflow import RUN_ID, PageSystem, page_system
from tests.system.page_browser import choose_theme, frame_of, visiting

VIEWS = {
    "campaigns": "/plugin/rcs",
    "campaign": "/rcs/campaigns/spring/a",
    "in-doubt": "/rcs/campaigns/flash-sale",
    "health": "/rcs/status",
    "run": f"/dags/shop_spring/runs/{RUN_ID}/plugin/rcs-run",
    "other-run": "/rcs/runs/another_dag/manual__1",
}
_COLOURS = 256


def take(system: PageSystem, page: Page, folder: Path) -> None:
    """Take a picture of each view in each theme."""
    for theme in ("light", "dark"):
        choose_theme(page, theme)
        for name, path in VIEWS.items():
            page.goto(f"{system.url}{path.replace('+', '%2B')}")
            if "/plugin/" in path:
                frame_of(page)
            page.wait_for_load_state("networkidle")
            file = folder / f"{name}-{theme}.png"
            page.screenshot(path=file, full_page=name.startswith(("campaign", "in-")) and "/plugin/" not in path)
            # A third of the size, and the same to the eye.
            Image.open(file).quantize(_COLOURS).save(file, optimize=True)


def main() -> None:
    """Run Airflow with a filled store, and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or "chromium"
    with (
        tempfile.TemporaryDirectory() as home,
        page_system(Path(home)) as system,
        visiting(system, chromium, "/") as page,
    ):
        page.set_viewport_size({"width": 1280, "height": 800})
        take(system, page, folder)


if __name__ == "__main__":
    main()

from __future__ import annotations

import re
from importlib.resources import files

from tests.unit.ui.visitors import Site


def test_a_file_with_the_version_of_its_content_is_kept_by_browsers_for_a_year(site: Site) -> None:
    [address] = re.findall(r'href="/rcs(/assets/rcs.css\?v=\w+)"', site.get("/").text)

    response = site.get(address)

    assert response.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert response.headers["content-type"] == "text/css; charset=utf-8"


def test_a_file_with_another_version_or_none_is_asked_for_each_time(site: Site) -> None:
    old, unversioned = site.get("/assets/rcs.js?v=old"), site.get("/assets/icon.svg")

    assert {each.headers["cache-control"] for each in (old, unversioned)} == {"private, no-cache"}


def test_a_file_that_the_browser_has_is_not_sent_again(site: Site) -> None:
    known = site.get("/assets/icon.svg").headers["etag"]

    response = site.get("/assets/icon.svg", headers={"if-none-match": known})

    assert (response.status_code, response.content) == (304, b"")


def test_no_other_file_can_be_asked_for(site: Site) -> None:
    assert site.get("/assets/..%2Fapp.py").status_code == 404
    assert site.get("/assets/none.css").status_code == 404


def test_the_chart_library_comes_with_its_licence() -> None:
    assets = files("airflow_provider_rcs.ui") / "assets"

    assert "uPlot" in (assets / "uplot.js").read_text(encoding="utf-8")[:80]
    assert "The MIT License" in (assets / "uplot.LICENSE.txt").read_text(encoding="utf-8")

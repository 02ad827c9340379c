"""The examples, made as their READMEs say, outside the repository, in a browser."""

from __future__ import annotations

import json
import mimetypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from .api import Api
from .running import REPOSITORY, Stack

EXAMPLES = REPOSITORY / "examples"
PACKAGE = REPOSITORY / "services/web-client/dist/feed-client/aviso-feed.tgz"
BUILT = ("react", "vue", "svelte")
INSTALL_TIMEOUT_S = 240


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="en-GB")
    tab = context.new_page()
    faults: list[str] = []
    tab.on("pageerror", lambda error: faults.append(str(error)))
    yield tab
    context.close()
    assert faults == []


@pytest.fixture(scope="module")
def built(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of them, installed together: what they share is fetched and unpacked once."""
    folder = tmp_path_factory.mktemp("examples")
    for name in BUILT:
        shutil.copytree(EXAMPLES / name, folder / name, ignore=leave_out_what_was_made)
    workspaces = {"private": True, "workspaces": list(BUILT)}
    (folder / "package.json").write_text(json.dumps(workspaces))
    npm(folder, "install", "--workspaces", "--include-workspace-root", str(PACKAGE))
    build = ["run", "build", "--workspaces", "--", "--base=/example/"]
    npm(folder, *build, url=stack.url)
    return folder


@pytest.mark.parametrize("name", BUILT)
def test_an_example_is_installed_built_and_live(
    stack: Stack, api: Api, feed: str, tab: Page, built: Path, name: str
) -> None:
    api.write(feed, {"item": "from before"})

    show(tab, f"{stack.url}/example/", built / name / "dist", query=f"?feed={feed}")

    expect(tab.get_by_role("status")).to_have_text("live")
    expect(tab.locator("li")).to_have_text(["from before"])
    record = api.write(feed, {"item": "just now"})
    expect(tab.locator("li")).to_have_text(["just now", "from before"])
    api.call("DELETE", f"feeds/{feed}/records/{record['id']}/")
    expect(tab.locator("li")).to_have_text(["from before"])


def test_the_page_in_plain_html_is_live(
    stack: Stack, api: Api, feed: str, tab: Page, tmp_path: Path
) -> None:
    written = (EXAMPLES / "plain-html/index.html").read_text()
    page = written.replace("http://localhost:8080", stack.url).replace("demo", feed)
    (tmp_path / "index.html").write_text(page)
    api.write(feed, {"item": "from before"})

    show(tab, f"{stack.url}/example/", tmp_path)

    expect(tab.get_by_role("status").first).to_have_text("live")
    lines, element = tab.locator("body > ol > li"), tab.locator("record-feed")
    expect(lines).to_have_text(['{"item":"from before"}'])
    record = api.write(feed, {"item": "just now"})
    expect(lines).to_have_text(['{"item":"just now"}', '{"item":"from before"}'])
    expect(element.get_by_text("just now")).to_be_visible(timeout=40_000)
    api.call("DELETE", f"feeds/{feed}/records/{record['id']}/")
    expect(lines).to_have_text(['{"item":"from before"}'])


def test_the_types_of_the_react_example_hold(built: Path) -> None:
    npm(built / "react", "exec", "tsc")


def leave_out_what_was_made(_folder: str, names: list[str]) -> set[str]:
    return {"node_modules", "dist", "package-lock.json"} & set(names)


def npm(project: Path, *command: str, url: str = "") -> None:
    """What the workspace has installed already, npm takes from its cache."""
    outcome = subprocess.run(
        ["npm", "--prefer-offline", "--no-audit", "--no-fund", *command],
        cwd=project,
        env={**os.environ, "VITE_AVISO_URL": url},
        capture_output=True,
        text=True,
        timeout=INSTALL_TIMEOUT_S,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def show(tab: Page, address: str, folder: Path, query: str = "") -> None:
    """Open what is in the folder as if the stack's own server handed it out."""

    def give(route: Route) -> None:
        name = route.request.url.removeprefix(address).split("?")[0] or "index.html"
        kind, _ = mimetypes.guess_type(name)
        route.fulfill(path=folder / name, content_type=kind or "text/plain")

    tab.route(f"{address}**", give)
    tab.goto(f"{address}{query}")

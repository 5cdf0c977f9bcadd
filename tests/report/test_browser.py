"""The page in a real browser: what a reader sees, clicks and prints."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from chromium import CHROMIUM, FLAGS, needs_chromium
from hand_made import make_run, make_trial
from invented_runs import invented_run

from lcsearch import report
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.report.compare import render_comparison

EVIL = '<img src=x onerror="window.boom=1"><b>bold</b>'

pytestmark = [pytest.mark.browser, needs_chromium]

# Where a trial's point of the front plot is on the screen.
POINT = """(n) => {
  const plot = document.getElementById('plot-front'), layout = plot._fullLayout;
  const trace = plot.data.find((t) => t.customdata && t.customdata.includes(n));
  const i = trace.customdata.indexOf(n), box = plot.getBoundingClientRect();
  const at = (axis, v) => axis._offset + axis.d2p(v);
  return [box.left + at(layout.xaxis, trace.x[i]), box.top + at(layout.yaxis, trace.y[i])];
}"""


def wait(page: Any, expression: str, seconds: float = 120) -> None:
    """Wait until an expression holds; Playwright's own way needs eval, which the page's policy forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never held: {expression}"
        page.wait_for_timeout(50)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    report.write(invented_run(60), path)
    return path


@pytest.fixture
def visit(browser):
    """Opens a file and fails the test on any console message, error or request that leaves the page."""
    contexts, problems = [], []

    def open_page(path: Path, **options: Any) -> Any:
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
        context.set_default_timeout(120_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: problems.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "request",
            lambda r: None if r.url.startswith(("file:", "data:", "blob:")) else problems.append(r.url),
        )
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-drawn=all]", state="attached")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def test_the_verdict_and_every_plot_are_there(visit, page_file):
    page = visit(page_file)
    assert "Provisional: best of" in page.inner_text("#verdict h2")
    assert "the search needs" in page.inner_text("#verdict")
    assert page.locator(".plot .main-svg").count() > 0
    drawn = page.evaluate("[...document.querySelectorAll('.plot')].map((p) => p.data.length)")
    assert len(drawn) == 7 and all(drawn)


def test_a_click_shows_the_layers_of_the_point(visit, page_file):
    page = visit(page_file)
    before = page.inner_text("#panel h3 >> nth=0")
    number = next(t.number for t in invented_run(60).trials if t.label == "uniform alpha 1/4")
    page.locator("#plot-front").scroll_into_view_if_needed()
    page.mouse.click(*page.evaluate(POINT, number))
    wait(page, f"document.querySelector('#panel h3').textContent !== {before!r}")
    panel = page.inner_text("#panel")
    assert f"trial {number}: uniform alpha 1/4" in panel
    row = page.locator("#panel tbody tr", has_text="features.25").inner_text().split()
    # Plain 512 x 512 x 9 + 512; kept 128 x 512 x 9 + 384 x 128 + 512.
    assert row == ["features.25", "2.36M", "639k", "1/4", "full"]
    assert f"lcsearch export runs/example --trial {number} --format conv -o trial{number}.pt2" in panel
    assert page.url.endswith(f"#trial={number}")


def test_a_command_is_copied(visit, page_file):
    page = visit(page_file, permissions=["clipboard-read", "clipboard-write"])
    page.locator(".command button").first.click()
    wait(page, "document.querySelector('.command button').textContent === 'copied'")
    assert page.evaluate("navigator.clipboard.readText()").startswith("lcsearch export runs/example --trial")


def test_the_front_table_selects_too(visit, page_file):
    page = visit(page_file)
    button = page.locator("#front-table button").first
    button.click()
    assert page.inner_text("#panel h3 >> nth=0").startswith(f"trial {button.get_attribute('data-trial')}")


def test_switch_to_macs(visit, page_file):
    page = visit(page_file)
    old = page.evaluate("document.getElementById('plot-front').data.map((t) => t.x)")
    page.get_by_role("button", name="MACs").click()
    wait(page, "document.querySelector('#plot-front .xtitle').textContent.startsWith('multiply')")
    assert page.evaluate("document.getElementById('plot-front').data.map((t) => t.x)") != old


def test_the_legend_hides_and_shows(visit, page_file):
    page = visit(page_file)
    button = (
        page.locator("#plot-front").locator("xpath=../..").locator(".legend button", has_text="uniform alpha")
    )
    button.click()
    hidden = "document.getElementById('plot-front').data.filter((t) => t.visible === 'legendonly').length"
    assert page.evaluate(hidden) == 1
    button.click()
    assert page.evaluate(hidden) == 0


def test_dragging_over_an_axis_picks_trials(visit, page_file):
    page = visit(page_file)
    page.locator("#plot-parallel").scroll_into_view_if_needed()
    x, top, height = page.evaluate("""() => {
      const plot = document.getElementById('plot-parallel'), l = plot._fullLayout;
      const box = plot.getBoundingClientRect();
      const last = Math.max(...plot.data[0].x.filter((v) => v !== null));
      return [box.left + l.xaxis._offset + l.xaxis.d2p(last), box.top + l.yaxis._offset, l.yaxis._length];
    }""")
    page.mouse.move(x - 12, top + 0.05 * height)
    page.mouse.down()
    page.mouse.move(x + 3, top + 0.2 * height, steps=4)
    page.mouse.move(x + 12, top + 0.3 * height, steps=4)
    page.mouse.up()
    wait(page, "document.getElementById('plot-parallel').data[0].opacity < 0.2")
    run = invented_run(60)
    expected = {t.number for t in run.complete if (t.accuracy - 87.0) / (93.31 - 87.0) >= 0.748}
    picked = page.evaluate("[...boxes.find((b) => b.name === 'parallel').picked]")
    assert set(picked) <= expected and len(picked) > 1
    page.mouse.dblclick(x - 200, top + 0.5 * height)
    wait(page, "document.getElementById('plot-parallel').data[0].opacity > 0.2")


@pytest.mark.long
@pytest.mark.parametrize(("scheme", "ink"), [("dark", "rgb(228, 231, 235)"), ("light", "rgb(28, 33, 40)")])
def test_light_and_dark(visit, page_file, scheme, ink):
    page = visit(page_file, color_scheme=scheme)
    assert page.evaluate("getComputedStyle(document.body).color") == ink
    title = "getComputedStyle(document.querySelector('#plot-front .xtitle')).fill"
    assert page.evaluate(title) == ink
    page.click("#theme")
    wait(page, f"{title} !== '{ink}'")


@pytest.mark.long
def test_a_phone(visit, page_file):
    page = visit(page_file, viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#plot-front").scroll_into_view_if_needed()
    number = page.evaluate(
        "document.getElementById('plot-front').data.find((t) => t.meta === 'front').customdata[1]"
    )
    page.touchscreen.tap(*page.evaluate(POINT, number))
    wait(page, f"document.querySelector('#panel h3').textContent.startsWith('trial {number}')")


@pytest.mark.long
def test_print(visit, page_file):
    page = visit(page_file, color_scheme="dark")
    page.emulate_media(media="print")
    wait(page, "document.getElementById('plot-front').offsetWidth > 0")
    wait(page, "document.querySelector('#plot-front .main-svg').getBoundingClientRect().width <= 700")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(28, 33, 40)"
    assert page.pdf().startswith(b"%PDF")


def test_markup_in_names_stays_text(visit, tmp_path):
    run = make_run(
        make_trial(0, 93.0, 9000, "baseline", counts=((EVIL, 100), ("b", 100)), label=EVIL),
        make_trial(1, 92.0, 900, layers={EVIL: LinearSpec(0.5)}, counts=((EVIL, 50),), label=EVIL),
        make_trial(2, None, state="failed", reason=EVIL, worker=EVIL, epochs=(50.0,)),
    )
    report.write(replace(run, path=Path(f"runs/{EVIL[:20]}")), tmp_path / "evil.html")
    page = visit(tmp_path / "evil.html")
    page.locator("#plot-front").scroll_into_view_if_needed()
    x, y = page.evaluate(POINT, 1)
    page.mouse.move(x, y)
    page.wait_for_selector("#plot-front .hovertext")
    assert "<img src=x" in page.text_content("#plot-front .hovertext")
    page.mouse.click(x, y)
    wait(page, "document.querySelector('#panel h3').textContent.startsWith('trial 1')")
    assert EVIL in page.inner_text("#panel tbody")
    assert page.evaluate("window.boom === undefined && !document.querySelector('main img')")


def test_a_live_page_loads_itself_again(browser, page_file, tmp_path):
    path = tmp_path / "live.html"
    report.write(invented_run(30), path, live=1)
    page = browser.new_page()
    page.goto(path.as_uri() + "#trial=3")
    report.write(invented_run(40), path)
    page.get_by_text("best of 14 trials").wait_for()
    assert page.inner_text("#panel h3 >> nth=0").startswith("trial 3")
    page.close()


@pytest.mark.long
def test_comparison(visit, tmp_path):
    path = tmp_path / "compare.html"
    runs = [invented_run(n, name=f"runs/{n}") for n in (20, 60)]
    path.write_text(render_comparison(runs), encoding="utf-8")
    page = visit(path)
    assert page.evaluate("document.getElementById('plot-compare').data.length") == 4
    page.get_by_role("button", name="MACs").click()
    wait(page, "document.querySelector('#plot-compare .xtitle').textContent.startsWith('multiply')")

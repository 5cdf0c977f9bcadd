"""How large the report of a 2,000-trial run is, how long it takes to write, and how fast it opens.

What is measured: `lcsearch.report.render` on an invented run of vgg11 (9 layers, 4 epochs, a sampler
that gets better), then the page in headless Chromium from a file: until the front can be clicked,
and until every plot is drawn, and how long the page's main thread computed for it, which a busy
machine stretches less. Three times each, the median is printed.

    python scripts/bench_report.py [TRIALS]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from chromium import CHROMIUM, FLAGS
from invented_runs import invented_run

REPEATS = 3
MOST_BYTES = 8_000_000
MOST_SECONDS = 3.0


def open_seconds(page_file: Path) -> tuple[float, float, float]:
    """Seconds until the front is drawn, until everything is, and of the main thread's computing."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        devtools = page.context.new_cdp_session(page)
        devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
        start = time.perf_counter()
        page.goto(page_file.as_uri(), wait_until="commit")
        page.wait_for_selector("#plot-front .scatterlayer .point", state="attached")
        first = time.perf_counter() - start
        page.wait_for_selector("html[data-drawn=all]", state="attached")
        last = time.perf_counter() - start
        metrics = {m["name"]: m["value"] for m in devtools.send("Performance.getMetrics")["metrics"]}
        browser.close()
    return first, last, metrics["ThreadTime"]


def main() -> int:
    from lcsearch.report.page import render

    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    run = invented_run(trials)
    writing, opening = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        for _ in range(REPEATS):
            start = time.perf_counter()
            path.write_text(render(run), encoding="utf-8")
            writing.append(time.perf_counter() - start)
            opening.append(open_seconds(path))
        size = path.stat().st_size
    first, last, computing = (statistics.median(column) for column in zip(*opening, strict=True))
    print(f"{trials} trials: {size / 1e6:.2f} MB, written in {statistics.median(writing):.1f} s")
    print(f"opens in {first:.2f} s (front drawn), {last:.2f} s (everything drawn)")
    print(f"the page's main thread computed {computing:.2f} s")
    return 0 if size < MOST_BYTES and last < MOST_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())

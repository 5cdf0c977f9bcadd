from __future__ import annotations

from hand_made import make_run, make_trial

from lcsearch.report.live import follow


def test_it_follows_a_run_to_its_end(tmp_path):
    running = make_trial(1, None, state="running")
    states = [
        make_run(make_trial(0, None, state="running")),
        make_run(make_trial(0, 93.0), running),
        make_run(make_trial(0, 93.0), make_trial(1, 92.0, 500)),
    ]
    looks, pages, said = [0], [], []
    path = tmp_path / "report.html"

    def read():
        looks[0] += 1
        return states[min(looks[0] - 1, 2)]

    def sleep(seconds):
        pages.append(path.read_text() if path.exists() else "")

    follow(read, path, said.append, sleep)
    assert pages[0] == ""
    assert '"live":5' in pages[1]
    assert '"live":null' in path.read_text()
    assert said[0] == "waiting for the first epoch"
    assert looks[0] == 5


def test_ctrl_c_leaves_a_page_that_stays(tmp_path):
    path = tmp_path / "report.html"

    def sleep(seconds):
        raise KeyboardInterrupt

    follow(
        lambda: make_run(make_trial(0, 93.0), make_trial(1, None, state="running")), path, [].append, sleep
    )
    assert '"live":null' in path.read_text()

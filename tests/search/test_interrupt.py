"""Ctrl-C, as the system sends it."""

from __future__ import annotations

import signal
import threading

import pytest

from lcsearch.search.interrupt import ctrl_c


class Work:
    interrupted = False

    def interrupt(self) -> None:
        self.interrupted = True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_finishes_and_the_second_stops(number: signal.Signals) -> None:
    work, said = Work(), list[str]()
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), ctrl_c(work, said.append):
        signal.raise_signal(number)
        assert work.interrupted
        assert said == ["finishing the running epochs; Ctrl-C again stops at once"]
        signal.raise_signal(number)
    assert len(said) == 1
    assert signal.getsignal(number) is before


def test_only_the_main_thread_hears_it() -> None:
    before, inside = signal.getsignal(signal.SIGINT), list[object]()

    def other() -> None:
        with ctrl_c(Work(), lambda line: None):
            inside.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert inside == [before]

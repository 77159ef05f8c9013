"""The watchdog ends a worker that stands still, and leaves a working one alone."""

import subprocess
import sys
import threading

from pipeline.streaming.watchdog import EXIT_STALLED, Watchdog, end_after


def test_a_worker_that_stands_still_is_ended() -> None:
    ended: list[int] = []
    done = threading.Event()

    def end(status: int) -> None:
        ended.append(status)
        done.set()

    watchdog = Watchdog(stalled_s=lambda: 1.0, limit_s=0.05, end=end)
    watchdog.start()

    assert done.wait(60)
    assert ended == [EXIT_STALLED]


def test_a_worker_that_advances_is_left_alone() -> None:
    ended: list[int] = []
    looked = threading.Semaphore(0)

    def stalled_s() -> float:
        looked.release()
        return 0.0

    watchdog = Watchdog(stalled_s=stalled_s, limit_s=0.05, end=ended.append)
    watchdog.start()
    for _ in range(3):
        assert looked.acquire(timeout=60)
    watchdog.stop()

    assert ended == []


def test_a_stop_has_its_limit_whatever_blocks_the_event_loop() -> None:
    done = threading.Event()
    end_after(0.05, done.set)
    assert done.wait(60)


def test_a_thread_that_does_not_end_does_not_keep_the_process() -> None:
    program = (
        "import os, threading, time; from pipeline.streaming.watchdog import end_after;"
        "end_after(0.2, lambda: os._exit(7));"
        "threading.Thread(target=time.sleep, args=[300]).start()"
    )
    ended = subprocess.run([sys.executable, "-c", program], check=False, timeout=60)  # noqa: S603
    assert ended.returncode == 7

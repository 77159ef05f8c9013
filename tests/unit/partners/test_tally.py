import threading

from pipeline.partners.tally import Tally


def test_what_several_threads_count_at_once_is_all_counted() -> None:
    tally = Tally()

    def count() -> None:
        for _ in range(2_000):
            tally.add("one")
            tally.add_all({"two": 2, "none": 0})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert tally.counts() == {"one": 8_000, "two": 16_000}
    assert tally.total() == 24_000

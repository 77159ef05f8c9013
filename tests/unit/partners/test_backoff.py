from pipeline.partners.backoff import Backoff


def test_pauses_double_up_to_five_seconds() -> None:
    backoff = Backoff()
    pauses = [backoff.next_s() for _ in range(8)]

    for pause, longest in zip(pauses, [0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5], strict=True):
        assert longest / 2 <= pause <= longest


def test_success_starts_from_the_shortest_pause_again() -> None:
    backoff = Backoff()
    for _ in range(8):
        backoff.next_s()
    backoff.reset()

    assert backoff.next_s() <= 0.2

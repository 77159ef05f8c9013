from pipeline import topics
from pipeline.erasure.retention import BROKER_MS, compacted_from, gone_by, tombstone_until
from pipeline.topics import DAY_MS


def test_a_log_is_gone_a_segment_and_the_retention_after_it_was_written() -> None:
    config = topics.SCORE_CHANGES.config()
    assert gone_by(config, 1_000) == 1_000 + 91 * DAY_MS + BROKER_MS


def test_kafkas_own_segments_of_a_week_are_reckoned_with() -> None:
    assert gone_by({"retention.ms": str(DAY_MS)}, 0) == 8 * DAY_MS + BROKER_MS


def test_what_is_kept_without_end_is_never_gone() -> None:
    assert gone_by(topics.CONSENTS.config(), 1_000) is None


def test_compaction_comes_a_day_after_and_leaves_the_tombstone_for_a_while() -> None:
    assert compacted_from(topics.SCORES.config(), 1_000) == 1_000 + DAY_MS
    assert tombstone_until(topics.SCORES.config(), 1_000) == 1_000 + DAY_MS
    partner = topics.partner_scores("rental").config()
    assert tombstone_until(partner, 1_000) == 1_000 + topics.PARTNER_TOMBSTONE_MS

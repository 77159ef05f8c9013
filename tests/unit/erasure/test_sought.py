import numpy as np

from pipeline import topics
from pipeline.codec.encode import encode_records
from pipeline.codec.registry import FileRegistry
from pipeline.erasure.sought import NAMED, OTHERS_LINKS, Hit, Sought, changelogs
from pipeline.factors import links
from pipeline.gateway import changelog as gateway
from pipeline.gateway.rows import GRANT_ROW, GRANT_ROW_LAYOUT
from pipeline.streaming import changelog as state
from pipeline.topics import Topic

REGISTRY = FileRegistry()
SUBJECT = b"s" * 40


def look(sought: Sought, topic: Topic, key: bytes, value: bytes | None) -> Hit | None:
    searches = [*sought.states([topics.CHANGELOG]), *sought.logs()]
    (match,) = [search.match for search in searches if search.topic.name == topic.name]
    return match(key, value)


def linked(*others: str) -> bytes:
    made = {other: links.Link(1, links.Own.CONFIRMED) for other in others}
    return state.LINK_LISTS.write(links.pack(made))


def grant(subject: bytes) -> bytes:
    row = np.zeros((), GRANT_ROW)
    row["layout"], row["subject"] = GRANT_ROW_LAYOUT, subject
    return bytes(row.tobytes())


def test_rows_are_found_by_kind_and_person_and_no_others() -> None:
    sought = Sought("ann", REGISTRY)
    assert look(sought, topics.CHANGELOG, b"rann", b"x") == Hit("factor row", b"x")
    assert look(sought, topics.CHANGELOG, b"lann", None) == Hit("ledger", None)
    for key in (b"rannie", b"rbob", b"p", b"", b"xann"):
        assert look(sought, topics.CHANGELOG, key, b"ann") is None


def test_a_friends_list_concerns_the_person_while_it_names_them_and_when_it_stops() -> None:
    sought = Sought("ann", REGISTRY)
    value = linked("ann", "eve")
    assert look(sought, topics.CHANGELOG, b"kdan", linked("eve")) is None
    assert look(sought, topics.CHANGELOG, b"kbob", value) == Hit(OTHERS_LINKS, value, others=True)
    gone = Hit(OTHERS_LINKS, None, others=True)
    assert look(sought, topics.CHANGELOG, b"kbob", linked("eve")) == gone
    assert look(sought, topics.CHANGELOG, b"kbob", None) == gone
    assert look(sought, topics.CHANGELOG, b"keve", linked("annie")) is None


def test_a_grants_subject_is_searched_for_from_then_on() -> None:
    sought = Sought("ann", REGISTRY)
    assert look(sought, topics.GATEWAY_INBOX, SUBJECT, b"x") is None
    others = gateway.GRANT + b"rental\0MICROLOAN\0bob"
    assert look(sought, topics.GATEWAY_CHANGELOG, others, grant(b"t" * 40)) is None
    key = gateway.GRANT + b"rental\0MICROLOAN\0ann"
    assert look(sought, topics.GATEWAY_CHANGELOG, key, grant(SUBJECT)) is not None
    assert sought.subjects == {SUBJECT}
    for topic in (topics.GATEWAY_INBOX, topics.DEAD_LETTERS, topics.partner_scores("rental")):
        assert look(sought, topic, SUBJECT, b"x") is not None


def test_somebody_whose_id_holds_the_separator_is_found() -> None:
    sought = Sought("an\0n", REGISTRY)
    key = gateway.GRANT + b"rental\0MICROLOAN\0an\0n"
    assert look(sought, topics.GATEWAY_CHANGELOG, key, grant(SUBJECT)) is not None
    assert look(Sought("n", REGISTRY), topics.GATEWAY_CHANGELOG, key, grant(SUBJECT)) is None


def test_a_signal_to_a_friend_names_the_person() -> None:
    sought = Sought("ann", REGISTRY)
    fields = {"event_id": "e", "user_id": "bob", "occurred_at": 1, "other_user_id": "ann"}
    fields |= {"active": False, "base_score": None, "wants_reply": False, "erased": True}
    (value,) = encode_records(topics.PEER_SIGNALS.subject, [fields], REGISTRY)
    hit = look(sought, topics.PEER_SIGNALS, b"bob", value)
    assert hit == Hit(NAMED, value, others=True)
    assert look(sought, topics.PEER_SIGNALS, b"bob", b"some ann or other") is None


def test_a_dead_letter_without_a_value_is_one_all_the_same() -> None:
    assert look(Sought("ann", REGISTRY), topics.DEAD_LETTERS, b"ann", None) == Hit(
        "dead letter", b""
    )


def test_all_generations_of_the_state_are_looked_through() -> None:
    stem = topics.CHANGELOG.name
    names = {f"{stem}.g10", f"{stem}.g2", stem, "scores", f"{stem}.gone"}
    assert [topic.name for topic in changelogs(names)] == [stem, f"{stem}.g2", f"{stem}.g10"]

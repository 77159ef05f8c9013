from pipeline.factors import links
from pipeline.factors.layout import LINKS_MAX
from pipeline.factors.links import Link, Own


def test_packed_links_come_back_the_same_and_ordered_by_id() -> None:
    kept = {
        "zoë": Link(5, Own.CONFIRMED, peer_active=True, peer_base=950),
        "bob": Link(2**60, Own.REMOVED),
        "漢" * 128: Link(0, Own.SILENT, peer_active=True, peer_base=links.UNSCORED),
    }
    packed = links.pack(kept)
    assert links.unpack(packed) == kept
    assert list(links.unpack(packed)) == ["bob", "zoë", "漢" * 128]
    assert links.pack(dict(reversed(kept.items()))) == packed


def test_no_links_are_no_bytes() -> None:
    assert links.pack({}) == b""
    assert links.unpack(b"") == {}


def test_those_to_whom_the_own_side_is_confirmed_are_told_without_unpacking() -> None:
    entries = {
        "bob": Link(5, Own.CONFIRMED),
        "eve": Link(6, Own.REMOVED, peer_active=True),
        "zoë": Link(7, Own.CONFIRMED, peer_active=True, peer_base=600),
        "dan": Link(peer_active=True),
    }
    assert links.confirmed(links.pack(entries)) == ["bob", "zoë"]
    assert links.confirmed(b"") == []


def test_over_the_bound_removals_go_first_then_strangers_then_the_oldest_confirmation() -> None:
    kept = {f"friend{i:02}": Link(100 + i, Own.CONFIRMED) for i in range(LINKS_MAX)}
    kept["removed"] = Link(999, Own.REMOVED)
    kept["stranger"] = Link(peer_active=True)
    assert links.enforce_bound(kept) == []
    assert len(kept) == LINKS_MAX
    assert not {"removed", "stranger"} & set(kept)
    kept["new"] = Link(200, Own.CONFIRMED)
    assert links.enforce_bound(kept) == ["friend00"]
    assert "new" in kept


def test_a_removal_is_kept_until_no_older_confirmation_can_come() -> None:
    kept = {"bob": Link(10_000, Own.REMOVED), "eve": Link(9_999, Own.REMOVED, peer_active=True)}
    links.forget_removals(kept, before_s=9)
    assert len(kept) == 2
    links.forget_removals(kept, before_s=10)
    assert kept == {"bob": Link(10_000, Own.REMOVED), "eve": Link(peer_active=True)}
    links.forget_removals(kept, before_s=11)
    assert list(kept) == ["eve"]

"""From what the topics hold once all is applied to the receipt."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pipeline import topics
from pipeline.erasure import retention
from pipeline.erasure.names import is_compacted
from pipeline.erasure.receipt import (
    VERSION,
    Keeping,
    Receipt,
    Remainder,
    Removal,
    Unseen,
    Withdrawal,
    key_digest,
)
from pipeline.erasure.sought import ENROLMENT, OTHERS_LINKS, memory_until_ms
from pipeline.erasure.survey import Found, Partition
from pipeline.erasure.trace import Trace
from pipeline.errors import SesameError
from pipeline.topics import Topic

_NOT_OURS = frozenset({ENROLMENT, OTHERS_LINKS})


def what_is_kept(found: Found) -> list[tuple[Partition, Trace]]:
    """What an erasure removes: rows, scores, grants, what partners are shown."""
    return [
        (partition, trace)
        for partition, trace in found.each()
        if is_compacted(partition[0]) and trace.table not in _NOT_OURS and trace.is_there
    ]


def what_waits(
    found: Found, changelogs: Sequence[Topic], withdrawals: Iterable[Withdrawal]
) -> str | None:
    """What has not applied the withdrawals yet, in words; None: everything has.

    A gateway that never ran here has nothing to take back. Then the peers' lanes: their people
    forget the person when the signals of the erasure are applied.
    """
    names = [topic.name for topic in changelogs]
    watched = names[0] not in found.unseen
    for each in withdrawals:
        what = f"the withdrawal at {each.partition}@{each.offset}"
        applied = found.applied(names, each.partition, each.topic)
        if watched and (applied is None or applied < each.offset):
            return _not_applied(names[0], each.partition, what, "worker")
        gateway = topics.GATEWAY_CHANGELOG.name
        applied = found.applied([gateway], each.partition, each.topic)
        if applied is not None and applied < each.offset:
            return _not_applied(gateway, each.partition, what, "gateway")
    for number, last in _signals(found).items():
        applied = found.applied(names, number, topics.PEER_SIGNALS.name)
        if watched and (applied is None or applied < last):
            what = f"what friends are told, {topics.PEER_SIGNALS.name} {number}@{last}"
            return _not_applied(names[0], number, what, "worker")
    for number, trace in found.of(topics.SCORES):
        if not watched and trace.is_there:
            return f"{topics.SCORES.name}, partition {number}, still holds a score"
    return None


def _not_applied(changelog: str, partition: int, what: str, program: str) -> str:
    return f"{what} is not applied by {changelog}, partition {partition}: does a {program} run?"


def make_receipt(  # noqa: PLR0913 - what a receipt is made of
    found: Found,
    user: str,
    withdrawals: tuple[Withdrawal, ...],
    configs: Mapping[str, retention.Config],
    salt: str,
    now_ms: int,
) -> Receipt:
    """The receipt of what is removed and of what remains.

    Args:
        found: All that the topics hold, everything applied.
        user: The person.
        withdrawals: What ended it.
        configs: Of each topic that was found to hold something.
        salt: The receipt's own, see `new_salt`.
        now_ms: When ``found`` was read.

    Raises:
        SesameError: Something stands that should be removed.
    """
    removed: list[Removal] = []
    remaining: list[Remainder] = []
    for partition, trace in found.each():
        config = configs[partition[0]]
        if trace.whose is None:
            continue
        if is_compacted(partition[0]) and not trace.is_there:
            removed.append(_removal(partition, trace, config, salt))
        else:
            remaining.append(_remainder(found, partition, trace, withdrawals, config, salt, now_ms))
    remaining += _others(found, configs, now_ms)
    return Receipt(
        version=VERSION,
        salt=salt,
        person=key_digest(salt, user.encode()),
        withdrawals=withdrawals,
        completed_at=now_ms,
        removed=tuple(removed),
        remaining=tuple(remaining),
        unseen=tuple(Unseen(topic=t, reason=r) for t, r in sorted(found.unseen.items())),
    )


def _removal(partition: Partition, trace: Trace, config: retention.Config, salt: str) -> Removal:
    at_ms = trace.tombstone_ms
    return Removal(
        topic=partition[0],
        partition=partition[1],
        table=trace.table,
        key=key_digest(salt, trace.key),
        records=trace.records,
        tombstone=-1 if trace.tombstone is None else trace.tombstone,
        tombstone_at=at_ms,
        compacted_from=retention.compacted_from(config, at_ms),
        tombstone_until=retention.tombstone_until(config, at_ms),
    )


def _remainder(  # noqa: PLR0913 - what decides how long something remains
    found: Found,
    partition: Partition,
    trace: Trace,
    withdrawals: tuple[Withdrawal, ...],
    config: retention.Config,
    salt: str,
    now_ms: int,
) -> Remainder:
    name, number = partition
    keeping, until_ms = Keeping.RETENTION, None
    if name == topics.CONSENTS.name:
        keeping = Keeping.LEDGER
    elif not is_compacted(name):
        until_ms = retention.gone_by(config, now_ms)
    elif trace.table == ENROLMENT and trace.newest is not None:
        keeping = Keeping.MEMORY
        until_ms = memory_until_ms(trace.newest) + retention.BROKER_MS
    elif topics.generation_of(name) and _is_behind(found, partition, withdrawals):
        keeping = Keeping.GENERATION
    else:
        raise SesameError(
            f"{name}, partition {number}, still holds a {trace.table} at offset {trace.last}, "
            "though the withdrawal is applied: was a grant given after it?"
        )
    return _rest(partition, trace.table, keeping, key_digest(salt, trace.key), [trace], until_ms)


def _others(
    found: Found, configs: Mapping[str, retention.Config], now_ms: int
) -> Iterator[Remainder]:
    """Records of other people that name the person: counted, without saying whose."""
    for partition in sorted(found.traces):
        name = partition[0]
        theirs = [t for t in found.traces[partition].values() if t.whose is None]
        if is_compacted(name):
            named = [trace for trace in theirs if trace.is_there]
            if named:
                yield _rest(partition, OTHERS_LINKS, Keeping.OTHERS, None, named, None)
        elif theirs:
            until_ms = retention.gone_by(configs[name], now_ms)
            yield _rest(partition, theirs[0].table, Keeping.RETENTION, None, theirs, until_ms)


def _rest(  # noqa: PLR0913 - the fields of a remainder
    partition: Partition,
    table: str,
    keeping: Keeping,
    key: str | None,
    traces: Sequence[Trace],
    until_ms: int | None,
) -> Remainder:
    one_each = keeping in {Keeping.MEMORY, Keeping.GENERATION, Keeping.OTHERS}
    return Remainder(
        topic=partition[0],
        partition=partition[1],
        table=table,
        keeping=keeping,
        key=key,
        records=len(traces) if one_each else sum(trace.records for trace in traces),
        first=min(trace.first for trace in traces),
        last=max(trace.last for trace in traces),
        gone_by=until_ms,
    )


def _is_behind(found: Found, partition: Partition, withdrawals: Iterable[Withdrawal]) -> bool:
    """Whether a generation of the state has not seen the withdrawal: it is not the live one."""
    name, number = partition
    due = [each.offset for each in withdrawals if each.partition == number]
    applied = found.applied([name], number, topics.CONSENTS.name)
    return applied is None or any(applied < offset for offset in due)


def _signals(found: Found) -> dict[int, int]:
    """The last signal about the person in each partition."""
    last: dict[int, int] = {}
    for number, trace in found.of(topics.PEER_SIGNALS):
        if trace.whose is None:
            last[number] = max(last.get(number, -1), trace.last)
    return last

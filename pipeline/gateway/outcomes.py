"""What partners report, at the person's lane: outcomes become obligations, enquiries count."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
from xxhash import xxh3_64_intdigest

from pipeline.codec.reasons import Reason
from pipeline.deadletters.letter import carried
from pipeline.factors.columns import Int64
from pipeline.gateway.changes import Changes, Told
from pipeline.gateway.context import GatewayContext
from pipeline.gateway.letters import NOT_GRANTED, Origin, refuse
from pipeline.gateway.limits import count_enquiry, is_frozen
from pipeline.gateway.reports import good, report_of
from pipeline.gateway.rows import KEEP_MS
from pipeline.gateway.showing import Moment, unseen_ends
from pipeline.gateway.state import GatewayState
from pipeline.gateway.vocabulary import PURPOSES, Cause, Kind
from pipeline.streaming.records import Record

CONTRACTS_MAX = 64
"""Open contracts kept of a grant; the oldest go."""
_CLOSING = frozenset({"FULFILLED", "DISPUTE_UPHELD", "DISPUTE_REJECTED"})
_NOBODY = -1


def is_doubtful(state: GatewayState, records: Iterable[Record], now_ms: int) -> bool:
    """Whether any of the forwarded records is about somebody without a grant in force."""
    known = state.grants.known_as([record.key or b"" for record in records])
    if (known < 0).any() or len(unseen_ends(state, known, now_ms)):
        return True
    return bool((state.grants.rows["ended_seen_ms"][known] != 0).any())


def ended_unseen(state: GatewayState, records: Iterable[Record], now_ms: int) -> Int64:
    """The grants of forwarded records that time has ended and that were not looked at since.

    After a restore, and when very many end at once, an outcome may come before its grant's turn.
    """
    known = state.grants.known_as([record.key or b"" for record in records])
    return unseen_ends(state, np.unique(known[known >= 0]), now_ms)


def settle(
    state: GatewayState,
    records: Iterable[Record],
    context: GatewayContext,
    moment: Moment,
    changes: Changes,
) -> None:
    """Apply forwarded reports, in order within each partner's topic.

    Args:
        state: Changed in place; grants have been ended as of the moment.
        records: Of `gateway-inbox`.
        context: Decodes and refuses.
        moment: The time, and how often may be asked.
        changes: Takes obligations, disclosures and refusals.
    """
    by_topic: dict[str, list[Origin]] = defaultdict(list)
    for record in records:
        origin = _origin(record)
        by_topic[origin.topic].append(origin)
    for topic, origins in by_topic.items():
        partner_id, kind = report_of(topic) or ("", "")
        for origin, row in good(topic, origins, context, changes):
            slot = _grant_of(state, row["subject"], partner_id)
            if kind == "enquiries":
                wrong = _enquire(state, slot, row, moment, changes)
            else:
                wrong = _conclude(state, slot, row, partner_id, moment, changes)
            if wrong:
                refuse(origin, Reason.INVALID, NOT_GRANTED + wrong, context, changes)
            else:
                changes.counts.records[kind, "applied"] += 1


def _origin(record: Record) -> Origin:
    headers = dict(record.headers)
    return Origin(
        topic=headers["origin.topic"].decode(),
        partition=int(headers["origin.partition"]),
        offset=int(headers["origin.offset"]),
        timestamp_ms=int(headers["origin.timestamp"]),
        key=record.key,
        value=record.value,
        carried=carried(record.headers),
    )


def _grant_of(state: GatewayState, subject: str, partner_id: str) -> int:
    grants = state.grants
    slot = grants.subject_slots.get(subject.encode(), _NOBODY)
    if slot != _NOBODY and grants.partner_ids[grants.partner[slot]] != partner_id:
        return _NOBODY
    return slot


def _conclude(  # noqa: PLR0913 - an outcome and what it is held against
    state: GatewayState,
    slot: int,
    row: dict[str, Any],
    partner_id: str,
    moment: Moment,
    changes: Changes,
) -> str:
    """Turn an outcome into an obligation; what is wrong with it, or nothing."""
    if slot == _NOBODY:
        return "nobody is known by this subject here"
    grants = state.grants
    grant = grants.rows[slot]
    contract = xxh3_64_intdigest(row["contract_id"].encode())
    contracts = grants.contracts.get(slot, [])
    if grant["ended_seen_ms"] and contract not in contracts:
        if row["status"] != "OPENED":
            return "the grant has ended, and no such contract was open"
        late = moment.now_ms > grant["ended_seen_ms"] + KEEP_MS
        if late or row["occurred_at"] >= grant["ended_at_ms"]:
            return "the grant had ended when the contract was opened"
    _track(state, slot, contract, row["status"] in _CLOSING, changes)
    user = state.people.user_at[int(grants.user[slot])]
    fields = {name: value for name, value in row.items() if name != "subject"}
    changes.obligations.append(fields | {"user_id": user, "partner_id": partner_id})
    return ""


def _track(
    state: GatewayState,
    slot: int,
    contract: int,
    closed: bool,  # noqa: FBT001 - what the status says
    changes: Changes,
) -> None:
    """Remember which contracts are open: their outcomes are taken after the grant's end too."""
    grants = state.grants
    former = grants.contracts.get(slot, [])
    if closed:
        contracts = [known for known in former if known != contract]
    elif contract in former:
        return
    else:
        contracts = [*former, contract][-CONTRACTS_MAX:]
    if contracts == former:
        return
    if contracts:
        grants.contracts[slot] = contracts
    else:
        del grants.contracts[slot]
    grants.rows["contracts_open"][slot] = len(contracts)
    changes.contracts.add(slot)
    _changed(slot, changes)


def _enquire(
    state: GatewayState, slot: int, row: dict[str, Any], moment: Moment, changes: Changes
) -> str:
    """Count an enquiry and tell the person; what is wrong with it, or nothing."""
    if slot == _NOBODY:
        return "nobody is known by this subject here"
    grants = state.grants
    if row["purpose"] != PURPOSES[grants.purpose[slot]]:
        return "the subject is of another purpose"
    told_of_it = bool(is_frozen(grants.rows[[slot]], moment.day)[0])
    too_often = count_enquiry(grants.rows[slot], moment.day, moment.limits)
    if not told_of_it:
        _tell(state, slot, Kind.ASKED, changes)
    if too_often:
        _tell(state, slot, Kind.FROZEN, changes)
    _changed(slot, changes)
    return ""


def _tell(state: GatewayState, slot: int, kind: Kind, changes: Changes) -> None:
    grants, one = state.grants, np.array([slot])
    told = Told(
        users=state.people.users(grants.user[one]),
        partner=grants.partner[one],
        purpose=grants.purpose[one],
        subject=grants.rows["subject"][one],
        kind=kind,
        cause=np.array([Cause.ENQUIRY], np.uint8),
    )
    changes.tell(told)


def _changed(slot: int, changes: Changes) -> None:
    one = np.array([slot], np.int64)
    changes.grants.append(one)
    changes.touch(one, Cause.ENQUIRY)

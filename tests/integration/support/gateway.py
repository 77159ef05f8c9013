"""A stream that is shared with partners: a registry, gateways, and what partners see."""

import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import TopicPartition

from pipeline import provision, topics
from pipeline.gateway.keyring import KeyRing
from pipeline.streaming.position import Position
from tests.integration.support.events import fields_of
from tests.integration.support.records import NOW_MS, record, value_of
from tests.integration.support.stream import Input, Stream
from tests.integration.support.worker import WorkerProcess

KEY = "a key for tests, of no use elsewhere"
BANDS = ((700, "EXCELLENT"), (650, "VERY_GOOD"), (600, "GOOD"), (550, "FAIR"), (350, "POOR"))


class Registered(NamedTuple):
    """One partner with one purpose."""

    purpose: str
    threshold: int
    disclosure: str = "SCORE"


RENTAL = Registered("CAR_RENTAL_DEPOSIT", 650)
LOAN = Registered("MICROLOAN", 600)
TWO = {"rental": RENTAL, "loan": LOAN}


class SharedStream(Stream):
    """Topics under a prefix with two partners, and the gateways between."""

    def __init__(self, bootstrap: str, prefix: str, folder: Path, partitions: int) -> None:
        super().__init__(bootstrap, prefix, folder, partitions)
        self.registry = folder / f"{prefix}partners.toml"
        self.partners: dict[str, Registered] = {}
        self.variables |= {
            "SESAME_PARTNERS_FILE": str(self.registry),
            "SESAME_PSEUDONYM_KEY": KEY,
        }
        self._keyring = KeyRing.of([KEY])
        self.register(TWO)

    def register(self, partners: Mapping[str, Registered]) -> None:
        """Write the partner registry."""
        self.partners = dict(partners)
        self.registry.write_text("".join(_entry(*entry) for entry in partners.items()))

    def create_topics(self) -> "SharedStream":
        provision.ensure_topics(self.settings, list(self.partners))
        return self

    def gateway(self, **variables: str) -> WorkerProcess:
        """Start one more gateway; it is ready some seconds later."""
        return self.start("gateway", variables)

    def subject(self, user: str, partner: str) -> str:
        """What a partner knows a person by, for its one purpose."""
        return self._keyring.subject(user, partner, self.partners[partner].purpose)

    # Producing

    def enrolled(self, users: Iterable[str]) -> list[Input]:
        """Consents to be scored, and to be shown to every partner."""
        return [each for user in users for each in (scoring(user), *self.granted(user))]

    def granted(self, user: str, **changes: Any) -> list[Input]:
        """Grants of the most to every partner."""
        return [grant(user, partner, terms, **changes) for partner, terms in self.partners.items()]

    # What gateways have done

    def gateways_applied(self) -> dict[int, dict[str, int]]:
        """How far each partition's position has got in what others write, by topic."""
        latest: dict[int, Position] = {}
        for r in self.read(topics.GATEWAY_CHANGELOG):
            if r.key == b"p" and r.value:
                latest[r.partition] = Position.decode(r.value)
        inbox = topics.GATEWAY_INBOX.name
        return {
            number: {name: offset for name, offset in position.applied.items() if name != inbox}
            for number, position in latest.items()
        }

    def until_scores_are_seen(self) -> None:
        """Return when gateways know every score that is published by now."""
        last = {r.partition: r.offset for r in self.read(topics.SCORES)}

        def seen() -> bool:
            applied = self.gateways_applied()
            return all(
                applied.get(number, {}).get(topics.SCORES.name, -1) >= offset
                for number, offset in last.items()
            )

        self.until(seen)

    # What partners see

    def _parts(self) -> list[TopicPartition]:
        return [
            *super()._parts(),
            *(
                TopicPartition(self.prefix + topic.name, number)
                for topic in topics.for_partners(list(self.partners))
                for number in range(self.partitions)
            ),
        ]

    def shown(self, partner: str) -> dict[str, list[dict[str, Any] | None]]:
        """Every record of each subject in its order; None where it is a tombstone."""
        records: dict[str, list[dict[str, Any] | None]] = {}
        for r in self.read(topics.partner_scores(partner)):
            seen = None if r.value is None else fields_of("PartnerScore", r.value)
            records.setdefault((r.key or b"").decode(), []).append(seen)
        return records

    def scores_shown(self, partner: str) -> dict[str, int | None]:
        """The latest score each subject has at a partner; None where it has none."""
        latest = {r.key or b"": r.value for r in self.read(topics.partner_scores(partner))}
        return {
            key.decode(): None if value is None else fields_of("PartnerScore", value)["score"]
            for key, value in latest.items()
        }


def scoring(user: str, **changes: Any) -> Input:
    """A consent to be scored."""
    return record(topics.CONSENTS, user, NOW_MS, scope="SCORING", **changes)


def grant(user: str, partner: str, terms: Registered, **changes: Any) -> Input:
    """A consent to be shown to a partner."""
    shown = {"partner_id": partner, "purpose": terms.purpose, "disclosure": terms.disclosure}
    return record(topics.CONSENTS, user, NOW_MS, **{"scope": "PARTNER", **shown, **changes})


def score(user: str, points: int, sequence: int = 1) -> Input:
    """A score as the pipeline publishes it."""
    fields = {
        "user_id": user,
        "status": "SCORED",
        "score": points,
        "band": next(band for least, band in BANDS if points >= least),
        "base_score": points,
        "probability_of_default": 0.01,
        "factors": [],
        "reasons": ["NO_REPAYMENTS"],
        "missing": [],
        "model": "default@1",
        "as_of": NOW_MS,
        "computed_at": NOW_MS,
        "sequence": sequence,
    }
    return Input(topics.SCORES, user.encode(), value_of(topics.SCORES, fields))


def outcome(partner: str, subject: str, contract: str, **changes: Any) -> Input:
    """What a partner reports of a contract."""
    topic = topics.partner_outcomes(partner)
    fields = {
        "event_id": uuid.uuid4().hex,
        "subject": subject,
        "occurred_at": NOW_MS,
        "contract_id": contract,
        "kind": "RENTAL",
        "status": "OPENED",
        "amount_minor": 10_000,
        "due_at": None,
        "evidence": None,
    }
    return Input(topic, subject.encode(), value_of(topic, fields | changes))


def _entry(partner: str, terms: Registered) -> str:
    return f"""\
[partners.{partner}]
name = "{partner.title()}"
disclosure = "{terms.disclosure}"
fallback = "DEPOSIT"
legal_basis = "CONSENT"

[partners.{partner}.purposes.{terms.purpose}]
threshold = {terms.threshold}

"""

"""``sesame consent``: a person grants or withdraws, one record a scope."""

import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline import settings
from pipeline.cli.output import Json, complain, print_json, print_table
from pipeline.errors import RefusedError, SesameError
from pipeline.factors.vocabulary import ConsentAction, Scope
from pipeline.partners.registry import Policy, load_registry
from pipeline.partners.vocabulary import Disclosure, Purpose
from pipeline.resources import partners_file
from pipeline.topics import CONSENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(help="Grant or withdraw consent for a person.", no_args_is_help=True)

SCOPES = tuple(scope.name for scope in Scope)
USER_ID_CHARACTERS_MAX = 128

User = Annotated[str, typer.Argument(metavar="USER", help="The person's id.")]
Scopes = Annotated[
    list[str] | None,
    typer.Option(
        "--scope",
        metavar="SCOPE",
        help=f"What it covers, of {', '.join(SCOPES)}; may be given several times.",
    ),
]
PartnerId = Annotated[str | None, typer.Option("--partner", help="The partner, as registered.")]
ForPurpose = Annotated[
    Purpose | None, typer.Option(help="What the partner may use it for; needed if it has several.")
]
Notice = Annotated[str, typer.Option(help="Version of the notice the person was shown.")]


@app.command()
def grant(
    user: User,
    *,
    scope: Scopes = None,
    partner: PartnerId = None,
    purpose: ForPurpose = None,
    disclosure: Annotated[
        Disclosure | None, typer.Option(help="The most the partner may see; ADMIT if not given.")
    ] = None,
    expires: Annotated[
        datetime | None, typer.Option(help="When it ends (UTC); without, when withdrawn.")
    ] = None,
    notice_version: Notice = "1",
    as_json: Json = False,
) -> None:
    """Grant consent: to scoring, to each factor, or to a partner for a purpose."""
    current = settings.load()
    expires_ms = None if expires is None else _in_future_ms(expires)
    policy = None if partner is None else _policy(current, partner, purpose)
    shown = _disclosure(policy, disclosure)
    records = [
        record_of(user, ConsentAction.GRANT, name, notice_version)
        | {"expires_at": expires_ms}
        | (_for_partner(policy) | {"disclosure": shown} if name == "PARTNER" and policy else {})
        for name in _scopes(scope, policy)
    ]
    _send(current, user, records, as_json=as_json)


@app.command()
def withdraw(
    user: User,
    *,
    scope: Scopes = None,
    partner: PartnerId = None,
    purpose: ForPurpose = None,
    notice_version: Notice = "1",
    as_json: Json = False,
) -> None:
    """Withdraw consent. Withdrawing SCORING erases the person's score and its state."""
    current = settings.load()
    policy = None if partner is None else _policy(current, partner, purpose)
    records = [
        record_of(user, ConsentAction.WITHDRAW, name, notice_version)
        | (_for_partner(policy) if name == "PARTNER" and policy else {})
        for name in _scopes(scope, policy)
    ]
    _send(current, user, records, as_json=as_json)


def _scopes(given: "Sequence[str] | None", policy: Policy | None) -> list[str]:
    scopes = list(dict.fromkeys(name.upper() for name in given or ()))
    unknown = [name for name in scopes if name not in SCOPES]
    if unknown:
        raise RefusedError(f"--scope is {unknown[0]}, must be one of {', '.join(SCOPES)}")
    if policy is not None and "PARTNER" not in scopes:
        scopes.append("PARTNER")
    if policy is None and "PARTNER" in scopes:
        raise RefusedError("--scope PARTNER needs --partner")
    if not scopes:
        raise RefusedError(f"--scope is missing, must be one of {', '.join(SCOPES)}")
    return scopes


def _policy(current: settings.Settings, partner: str, purpose: Purpose | None) -> Policy:
    registry = load_registry(current.partners_file or partners_file())
    return registry.policy(partner, purpose)


def _disclosure(policy: Policy | None, asked: Disclosure | None) -> str | None:
    if policy is None:
        if asked is not None:
            raise RefusedError("--disclosure needs --partner")
        return None
    disclosure = asked or Disclosure.ADMIT
    if disclosure.rank > policy.disclosure.rank:
        raise RefusedError(
            f"--disclosure is {disclosure}, {policy.partner_id} may see {policy.disclosure} at most"
        )
    return str(disclosure)


def _in_future_ms(moment: datetime) -> int:
    expires_ms = int(moment.replace(tzinfo=UTC).timestamp() * 1_000)
    if expires_ms <= _now_ms():
        raise RefusedError(f"--expires is {moment.isoformat()}, must be ahead of now")
    return expires_ms


def record_of(user: str, action: ConsentAction, scope: str, notice_version: str) -> dict[str, Any]:
    """The fields of a consent of now.

    Raises:
        RefusedError: The person's id is too short or too long.
    """
    if not 0 < len(user) <= USER_ID_CHARACTERS_MAX:
        raise RefusedError(f"USER must have 1-{USER_ID_CHARACTERS_MAX} characters")
    return {
        "event_id": str(uuid.uuid4()),
        "user_id": user,
        "occurred_at": _now_ms(),
        "action": action.name,
        "scope": scope,
        "partner_id": None,
        "purpose": None,
        "disclosure": None,
        "expires_at": None,
        "notice_version": notice_version,
    }


def _for_partner(policy: Policy) -> dict[str, Any]:
    return {"partner_id": policy.partner_id, "purpose": str(policy.purpose)}


def _send(
    current: settings.Settings, user: str, records: list[dict[str, Any]], *, as_json: bool
) -> None:
    subject = _subject(current, user, records)
    placed = [
        record | {"subject": subject if record["scope"] == Scope.PARTNER.name else None}
        for record in produce(current, user, records)
    ]
    if as_json:
        topic = current.topic(CONSENTS.name)
        print_json({"user_id": user, "subject": subject, "topic": topic, "consents": placed})
        return
    _show(user, placed)
    if subject is not None:
        typer.echo(f"The partner knows {user} as {subject}")


def _subject(current: settings.Settings, user: str, records: list[dict[str, Any]]) -> str | None:
    """What the partner concerned knows the person by; None without a partner or a key."""
    from pipeline.gateway.keyfile import load_keyring  # noqa: PLC0415 - help stays quick

    concerned = next((record for record in records if record["partner_id"]), None)
    if concerned is None:
        return None
    try:
        keyring = load_keyring(current)
    except RefusedError as error:
        # The consent counts all the same: a withdrawal must not want for a key.
        complain(f"No subject can be told: {error}")
        return None
    return keyring.subject(user, concerned["partner_id"], concerned["purpose"])


def _show(user: str, placed: list[dict[str, Any]]) -> None:
    print_table(
        ("Scope", "Action", "Partner", "Purpose", "Sees", "Until", "Record"),
        [
            (
                record["scope"],
                record["action"],
                record["partner_id"],
                record["purpose"],
                record["disclosure"],
                _day(record["expires_at"]),
                f"{record['partition']}@{record['offset']}",
            )
            for record in placed
        ],
        title=f"Consent of {user}",
    )


def produce(
    current: settings.Settings,
    user: str,
    records: list[dict[str, Any]],
    partition: int | None = None,
) -> list[dict[str, Any]]:
    """Write consents, and wait until the brokers have them.

    Args:
        current: Where Kafka is.
        user: The person.
        records: The consents' fields.
        partition: Where they go; None: where the default partitioner puts the person.

    Returns:
        The fields with the ``partition`` and ``offset`` each one lies at.

    Raises:
        SesameError: The topic did not take them.
    """
    from kafka import KafkaProducer  # noqa: PLC0415 - help stays quick
    from kafka.errors import KafkaError  # noqa: PLC0415

    from pipeline.codec.encode import encode_records  # noqa: PLC0415
    from pipeline.codec.open import open_registry  # noqa: PLC0415
    from pipeline.connection import check_connection  # noqa: PLC0415
    from pipeline.errors import KafkaUnreachableError  # noqa: PLC0415
    from pipeline.kafka import kafka_python_config  # noqa: PLC0415

    values = encode_records(CONSENTS.subject, records, open_registry(current))
    check_connection(current)
    topic, timeout_s = current.topic(CONSENTS.name), current.request_timeout_s
    config = kafka_python_config(current)
    patience_ms = config["request_timeout_ms"]
    try:
        producer = KafkaProducer(
            **config, acks="all", bootstrap_timeout_ms=patience_ms, max_block_ms=patience_ms
        )
    except (KafkaError, OSError) as error:
        raise KafkaUnreachableError(current.bootstrap, str(error)) from error
    try:
        sent = [
            producer.send(topic, key=user.encode(), value=value, partition=partition)
            for value in values
        ]
        kept = [future.get(timeout=timeout_s) for future in sent]
    except KafkaError as error:
        raise SesameError(f"{topic} did not take the consent: {error}") from error
    finally:
        producer.close(timeout=timeout_s)
    return [
        record | {"partition": at.partition, "offset": at.offset}
        for record, at in zip(records, kept, strict=True)
    ]


def _day(expires_ms: int | None) -> str:
    return "" if expires_ms is None else datetime.fromtimestamp(expires_ms / 1_000, UTC).isoformat()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

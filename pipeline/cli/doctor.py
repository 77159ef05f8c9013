"""``sesame doctor``: what is missing or wrong around the pipeline, and what would help."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import typer

from pipeline import access, authorizer, provision, settings, topics
from pipeline.cli.output import Json, print_json, print_table
from pipeline.codec.open import open_registry
from pipeline.codec.registry import UnknownSchemaError
from pipeline.errors import SesameError
from pipeline.partners.registry import Registry, load_registry
from pipeline.resources import partners_file
from pipeline.scoring.model import load_model
from pipeline.settings import Settings

app = typer.Typer()


class State(StrEnum):
    """How a check ended; only a failure makes the command exit 1."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, and what would help where it is not well."""

    check: str
    state: State
    detail: str
    advice: str = ""


Check = Callable[[Settings], Iterator[Finding]]


@app.command()
def doctor(*, as_json: Json = False) -> None:
    """Check settings, Kafka, topics, access, schemas, model, partners, web port and Java."""
    current = settings.load()
    findings = list(examine(current))
    if as_json:
        print_json({"healthy": _healthy(findings), "checks": findings})
    else:
        rows = [(f.check, f.state, f.detail, f.advice) for f in findings]
        print_table(("Check", "State", "Found", "What helps"), rows)
    if not _healthy(findings):
        raise typer.Exit(1)


def examine(current: Settings) -> Iterator[Finding]:
    """Run every check; one that cannot be made is itself a failure."""
    for name, check in CHECKS.items():
        try:
            yield from check(current)
        except SesameError as error:
            yield Finding(name, State.FAILURE, str(error))


def _settings(_: Settings) -> Iterator[Finding]:
    unknown = settings.unknown_variables()
    if unknown:
        detail = f"{', '.join(unknown)} set, but no such setting"
        yield Finding("settings", State.WARNING, detail, "sesame settings")
    else:
        yield Finding("settings", State.OK, "every SESAME_ variable is known")


def _kafka(current: Settings) -> Iterator[Finding]:
    with provision.admin(current) as client:
        brokers = len(client.describe_cluster()["brokers"])
        yield Finding("kafka", State.OK, f"{brokers} brokers at {current.bootstrap}")
        if brokers < current.replication_factor:
            detail = f"{current.replication_factor} copies wanted, {brokers} brokers"
            advice = settings.variable("replication_factor")
            yield Finding("kafka", State.FAILURE, detail, advice)
        should = provision.wanted(current, list(_partners(current).partners))
        differences = provision.plan(should, provision.found(client, should))
    if not differences:
        yield Finding("topics", State.OK, f"all {len(should)} are as they should be")
    for difference in differences:
        refused = difference.action is provision.Action.REFUSE
        advice = "delete and recreate it by hand" if refused else "sesame topics apply"
        yield Finding("topics", State.FAILURE, f"{difference.topic} {difference.reason}", advice)


def _access(current: Settings) -> Iterator[Finding]:
    wanted = access.wanted(current, list(_partners(current).partners))
    with provision.admin(current) as client:
        present = authorizer.found(client)
    if present is None:
        detail = "the broker has no authorizer: whoever reaches it may read and write everything"
        yield Finding("access", State.WARNING, detail, "fit for one's own machine only")
        return
    actions = [difference.action for difference in access.plan(current, wanted, present)]
    if not actions:
        detail = f"all {len(wanted)} access rules are as they should be"
        yield Finding("access", State.OK, detail)
    for action, meaning, state, advice in (
        (access.Action.ADD, "are missing", State.FAILURE, "sesame topics apply"),
        (access.Action.REMOVE, "too many", State.FAILURE, "sesame topics apply"),
        (access.Action.REVIEW, "to be judged by hand", State.WARNING, "sesame topics plan"),
    ):
        if number := actions.count(action):
            of = f" of {len(wanted)}" if action is access.Action.ADD else ""
            yield Finding("access", state, f"{number}{of} access rules {meaning}", advice)


def _schemas(current: Settings) -> Iterator[Finding]:
    registry = open_registry(current)
    where = str(current.registry_url or "the built-in registry")
    known = (*topics.ALL, *topics.for_partners(list(_partners(current).partners)))
    subjects = [topic.subject for topic in known if topic.record is not None]
    missing = []
    for subject in subjects:
        try:
            registry.id_of(subject)
        except UnknownSchemaError:
            missing.append(subject)
    if missing:
        detail = f"{where} lacks {', '.join(missing)}"
        yield Finding("schemas", State.FAILURE, detail, "sesame schemas register")
    else:
        yield Finding("schemas", State.OK, f"{where} knows all {len(subjects)} subjects")


def _model(current: Settings) -> Iterator[Finding]:
    model = load_model(current.model)
    yield Finding("model", State.OK, f"{model.name}, {len(model.characteristics)} characteristics")


def _registry_of_partners(current: Settings) -> Iterator[Finding]:
    yield Finding("partners", State.OK, ", ".join(_partners(current).partners))


def _web_port(current: Settings) -> Iterator[Finding]:
    address = f"{current.web_bind}:{current.web_port}"
    try:
        with socket.create_server((current.web_bind, current.web_port)):
            yield Finding("web port", State.OK, f"{address} is free")
    except OSError as error:
        detail = f"{address}: {error.strerror}; a worker may be running there"
        yield Finding("web port", State.WARNING, detail, settings.variable("web_port"))


def _java(_: Settings) -> Iterator[Finding]:
    from pipeline.dev.broker.java import find_java  # noqa: PLC0415 - an optional group

    try:
        java = find_java()
    except SesameError as error:
        yield Finding("java", State.WARNING, str(error), "only a Kafka of one's own needs it")
    else:
        yield Finding("java", State.OK, f"{java.version} at {java.executable}")


CHECKS: dict[str, Check] = {
    "settings": _settings,
    "kafka": _kafka,
    "access": _access,
    "schemas": _schemas,
    "model": _model,
    "partners": _registry_of_partners,
    "web port": _web_port,
    "java": _java,
}


def _partners(current: Settings) -> Registry:
    return load_registry(current.partners_file or partners_file())


def _healthy(findings: list[Finding]) -> bool:
    return all(finding.state is not State.FAILURE for finding in findings)

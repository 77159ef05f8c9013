"""``sesame erase``: removes a person everywhere, and gives a receipt that can be checked."""

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline import settings
from pipeline.cli.output import Json, print_json, print_table
from pipeline.errors import RefusedError, SesameError

if TYPE_CHECKING:
    from pipeline.erasure.judge import Finding
    from pipeline.erasure.ledger import Word
    from pipeline.erasure.receipt import Receipt, Withdrawal
    from pipeline.erasure.survey import Found, Survey

app = typer.Typer()

RECEIPT_BYTES_MAX = 16 * 1024 * 1024
_LOOK_S = 0.5
_NOTICE = "erase"

User = Annotated[
    str | None, typer.Argument(metavar="[USER]", help="The person's id.", show_default=False)
]
Check = Annotated[
    Path | None,
    typer.Option("--check", metavar="FILE", help="Check a receipt against the topics instead."),
]


@app.command()
def erase(
    user: User = None,
    *,
    check: Check = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    timeout: Annotated[
        float, typer.Option(min=1, max=3_600, help="Seconds to wait until all have applied it.")
    ] = 60.0,
    as_json: Json = False,
) -> None:
    """Erase a person everywhere, and print the receipt; or check one.

    Withdraws the consent to be scored, waits until the pipeline, the gateway and the friends'
    lists have removed the person, and says what was removed where, what remains and until when.
    """
    current = settings.load()
    if check is not None:
        _check(current, check, user, as_json=as_json)
        return
    if not user:
        raise RefusedError("USER is missing: whom to erase, or --check FILE")
    if as_json and not yes:
        raise RefusedError("--json asks nothing: add --yes")
    _erase(current, user, timeout, yes=yes, as_json=as_json)


def _erase(
    current: settings.Settings, user: str, timeout_s: float, *, yes: bool, as_json: bool
) -> None:
    from pipeline.codec.open import open_registry  # noqa: PLC0415 - help stays quick
    from pipeline.erasure import issue, ledger  # noqa: PLC0415
    from pipeline.erasure.survey import Survey  # noqa: PLC0415
    from pipeline.reading import open_reader  # noqa: PLC0415
    from pipeline.topics import CONSENTS  # noqa: PLC0415

    registry = open_registry(current)
    with open_reader(current) as reader:
        survey = Survey(reader, registry, user)
        found = survey.read()
        said = ledger.words(found.of(CONSENTS), registry)
        withdrawals = ledger.last_withdrawals(said)
        # Grants may be there that are not applied yet, or whose rows may not be looked at.
        if issue.what_is_kept(found) or ledger.grants_anything(said):
            if not as_json:
                _show_kept(user, found)
            if not yes:
                typer.confirm(f"Erase {user}? This cannot be undone", abort=True)
            withdrawals = _withdraw(current, survey, said)
            _wait(survey, withdrawals, timeout_s)
            found = survey.read()
        elif not withdrawals:
            _tell_nothing(user, found, as_json=as_json)
            return
    receipt = _receipt(current, user, found, withdrawals)
    _print(receipt, user, as_json=as_json)


def _withdraw(
    current: settings.Settings, survey: "Survey", said: "Sequence[Word]"
) -> "tuple[Withdrawal, ...]":
    """Withdraw SCORING in every partition the person lives in."""
    from pipeline.cli.consent import produce, record_of  # noqa: PLC0415 - help stays quick
    from pipeline.erasure.ledger import withdrawn_at_ms  # noqa: PLC0415
    from pipeline.erasure.receipt import Withdrawal  # noqa: PLC0415
    from pipeline.factors.vocabulary import ConsentAction, Scope  # noqa: PLC0415
    from pipeline.topics import CONSENTS  # noqa: PLC0415

    user = survey.sought.user
    record = record_of(user, ConsentAction.WITHDRAW, Scope.SCORING.name, _NOTICE)
    record["occurred_at"] = withdrawn_at_ms(said, record["occurred_at"])
    placed = [
        each for partition in survey.homes for each in produce(current, user, [record], partition)
    ]
    return tuple(
        Withdrawal(
            topic=CONSENTS.name,
            partition=each["partition"],
            offset=each["offset"],
            occurred_at=each["occurred_at"],
        )
        for each in placed
    )


def _wait(survey: "Survey", withdrawals: "Iterable[Withdrawal]", timeout_s: float) -> None:
    from pipeline.erasure.issue import what_waits  # noqa: PLC0415 - help stays quick

    deadline = time.monotonic() + timeout_s
    while waits := what_waits(survey.read_erasure(), survey.changelogs, withdrawals):
        if time.monotonic() > deadline:
            raise SesameError(
                f"consent is withdrawn, but after {timeout_s:g} s {waits} "
                "Run the command again once it does, for the receipt"
            )
        time.sleep(_LOOK_S)


def _receipt(
    current: settings.Settings,
    user: str,
    found: "Found",
    withdrawals: "tuple[Withdrawal, ...]",
) -> "Receipt":
    from pipeline.erasure import issue, names, receipt  # noqa: PLC0415 - help stays quick

    configs = names.read_configs(current, {name for (name, _), _ in found.each()})
    now_ms = time.time_ns() // 1_000_000
    return issue.make_receipt(found, user, withdrawals, configs, receipt.new_salt(), now_ms)


def _print(receipt: "Receipt", user: str, *, as_json: bool) -> None:
    from pipeline.erasure.receipt import encode  # noqa: PLC0415 - help stays quick

    encoded = encode(receipt)
    if as_json:
        print_json({"receipt": encoded})
        return
    print_table(
        ("Topic", "Partition", "Table", "Records", "Tombstone", "Compaction from"),
        [
            (
                entry.topic,
                entry.partition,
                entry.table,
                entry.records,
                entry.tombstone,
                _moment(entry.compacted_from),
            )
            for entry in receipt.removed
        ],
        title=f"Removed of {user}",
    )
    print_table(
        ("Topic", "Partition", "What", "Records", "From", "To", "Why", "Gone by"),
        [
            (
                entry.topic,
                entry.partition,
                entry.table,
                entry.records,
                entry.first,
                entry.last,
                entry.keeping,
                "no end" if entry.gone_by is None else _moment(entry.gone_by),
            )
            for entry in receipt.remaining
        ],
        title="Remains for now",
    )
    for unseen in receipt.unseen:
        typer.echo(f"Not looked at: {unseen.topic}, {unseen.reason}")
    typer.echo(f"Digest {encoded['digest']}; --json prints the receipt for --check")


def _show_kept(user: str, found: "Found") -> None:
    print_table(
        ("Topic", "Partition", "What", "Records"),
        [
            (name, number, trace.table, trace.records)
            for (name, number), trace in found.each()
            if trace.whose is not None and trace.records
        ],
        title=f"Kept of {user}",
    )


def _tell_nothing(user: str, found: "Found", *, as_json: bool) -> None:
    """Of somebody who never enrolled nothing is to be removed."""
    logs = [
        {"topic": name, "partition": number, "table": trace.table, "records": trace.records}
        for (name, number), trace in found.each()
        if trace.records
    ]
    if as_json:
        print_json({"receipt": None, "kept": logs, "unseen": found.unseen})
        return
    typer.echo(f"Nothing is kept of {user}: never enrolled, and no consent was withdrawn")
    for each in logs:
        typer.echo(
            f"{each['topic']} holds {each['records']} records of others about {user}, "
            "until retention removes them"
        )


def _check(current: settings.Settings, file: Path, user: str | None, *, as_json: bool) -> None:
    from pipeline.codec.open import open_registry  # noqa: PLC0415 - help stays quick
    from pipeline.erasure import evidence, judge  # noqa: PLC0415
    from pipeline.erasure.receipt import decode  # noqa: PLC0415
    from pipeline.reading import open_reader  # noqa: PLC0415

    receipt = decode(_read(file))
    if user is not None and not receipt.is_of(user):
        raise RefusedError(f"{file} is not about {user}")
    with open_reader(current) as reader:
        seen = evidence.gather(reader, receipt, open_registry(current))
    findings = judge.judge(receipt, seen, time.time_ns() // 1_000_000)
    wrong = judge.contradictions(findings)
    if as_json:
        told = [_as_json(finding) for finding in findings]
        print_json({"holds": not wrong, "findings": told})
    else:
        _show_findings(findings)
        typer.echo("The receipt does not hold" if wrong else "The receipt holds")
    if wrong:
        raise typer.Exit(1)


def _read(file: Path) -> dict[str, Any]:
    import orjson  # noqa: PLC0415 - help stays quick

    try:
        if file.stat().st_size > RECEIPT_BYTES_MAX:
            raise RefusedError(f"{file} is too large for a receipt")
        content = orjson.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise RefusedError(f"{file} cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise RefusedError(f"{file} is no receipt of an erasure")
    return content


def _as_json(finding: "Finding") -> dict[str, Any]:
    return {
        "topic": finding.topic,
        "partition": finding.partition,
        "table": finding.table,
        "state": finding.state.name,
        "text": finding.text,
    }


def _show_findings(findings: "Iterable[Finding]") -> None:
    print_table(
        ("Topic", "Partition", "What", "State", "Because"),
        [
            (each.topic, max(each.partition, 0), each.table, each.state, each.text)
            for each in findings
        ],
    )


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat(" ", "seconds")

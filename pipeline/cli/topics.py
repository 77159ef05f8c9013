"""``sesame topics``: show what differs on the broker, and put it right."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import kafka
import typer

from pipeline import access, authorizer, provision, settings
from pipeline.cli.output import Json, complain, print_json, print_table
from pipeline.partners.registry import load_registry
from pipeline.provision import Action, Difference
from pipeline.resources import partners_file

app = typer.Typer(help="Plan or apply the topics and access rules.", no_args_is_help=True)


@app.command()
def plan(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 when something differs.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show which topics and access rules are missing or different; change nothing."""
    current = settings.load()
    partners = partner_ids(current)
    should = provision.wanted(current, partners)
    rules = access.wanted(current, partners)
    with provision.admin(current) as client:
        should |= provision.of_generations(client, current)
        differences = provision.plan(should, provision.found(client, should))
        acls = _acls(client, current, rules)
    _show(differences, len(should), acls, len(rules), as_json=as_json, verb="to do")
    if check and (differences or acls):
        raise typer.Exit(1)


@app.command()
def apply(*, as_json: Json = False) -> None:
    """Create missing topics, set their configuration and access rules; deletes no topic."""
    current = settings.load()
    partners = partner_ids(current)
    should = provision.wanted(current, partners)
    rules = access.wanted(current, partners)
    with provision.admin(current) as client:
        should |= provision.of_generations(client, current)
        differences = provision.plan(should, provision.found(client, should))
        acls = _acls(client, current, rules)
        provision.apply(client, current, differences)
        authorizer.apply(client, acls or ())
        provision.wait_for_leaders(client, should)
    _show(differences, len(should), acls, len(rules), as_json=as_json, verb="done")
    if any(d.action is Action.REFUSE for d in differences):
        complain("a partition count cannot be changed: delete and recreate the topic by hand")
        raise typer.Exit(1)


def partner_ids(current: settings.Settings) -> list[str]:
    """The partners of the registry in force."""
    return list(load_registry(current.partners_file or partners_file()).partners)


def _acls(
    client: kafka.KafkaAdminClient, current: settings.Settings, rules: Sequence[access.Rule]
) -> list[access.Difference] | None:
    """What differs of the access rules; None where the broker has no authorizer."""
    present = authorizer.found(client)
    return None if present is None else access.plan(current, rules, present)


def _show(
    differences: list[Difference],
    total: int,
    acls: list[access.Difference] | None,
    rules: int,
    *,
    as_json: bool,
    verb: str,
) -> None:
    if as_json:
        rows = [
            {"topic": d.topic, "action": d.action, "reason": d.reason, "config": dict(d.config)}
            for d in differences
        ]
        print_json({"topics": total, "differences": rows, "acls": _acls_json(acls, rules)})
        return
    if differences:
        rows_ = [(d.topic, d.action, d.reason) for d in differences]
        print_table(("Topic", "Action", "Why"), rows_)
        typer.echo(f"{len(differences)} of {total} topics {verb}")
    else:
        typer.echo(f"all {total} topics are as they should be")
    _show_acls(acls, rules, verb)


def _show_acls(acls: list[access.Difference] | None, rules: int, verb: str) -> None:
    if acls is None:
        typer.echo("the broker has no authorizer: access rules are not enforced")
        return
    if not acls:
        typer.echo(f"all {rules} access rules are as they should be")
        return
    rows = [
        (
            d.rule.principal,
            d.action,
            f"{d.rule.permission} {d.rule.operation}",
            _on(d.rule),
            d.reason,
        )
        for d in acls
    ]
    print_table(("Principal", "Action", "Rule", "On", "Why"), rows)
    by_hand = sum(d.action is access.Action.REVIEW for d in acls)
    typer.echo(f"{len(acls) - by_hand} access rules {verb}, {rules} wanted")
    if by_hand:
        complain(f"{by_hand} access rules were made by hand and are to be judged by hand")


def _on(rule: access.Rule) -> str:
    wide = "*" if rule.pattern is access.Pattern.PREFIXED else ""
    host = "" if rule.host == access.EVERYWHERE else f" from {rule.host}"
    return f"{rule.resource} {rule.name}{wide}{host}"


def _acls_json(acls: list[access.Difference] | None, rules: int) -> dict[str, Any]:
    return {
        "wanted": rules,
        "enforced": acls is not None,
        "differences": [
            {"action": d.action, "reason": d.reason, **asdict(d.rule)} for d in acls or ()
        ],
    }

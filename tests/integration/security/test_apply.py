"""`sesame topics` brings the broker's access rules to what the project needs, and no further."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from pipeline import access, authorizer, provision
from pipeline.access import Action, Difference, Pattern, Resource, Rule
from pipeline.cli.main import app
from tests.integration.security.cluster import ADMIN, Command, SecuredKafka

ONE_PARTNER = """
[partners.microloan]
name = "Microloan"
disclosure = "SCORE"
fallback = "HUMAN_REVIEW"
legal_basis = "CONSENT"

[partners.microloan.purposes.MICROLOAN]
threshold = 600
"""


class Administrator:
    """Runs `sesame` under a prefix of its own, and looks after the rules by hand."""

    def __init__(self, secured: SecuredKafka) -> None:
        self.prefix = f"test-{uuid4().hex[:10]}."
        self._secured = secured
        self.settings = secured.settings(ADMIN, topic_prefix=self.prefix)

    def sesame(self, *arguments: str, **changes: Any) -> Command:
        return self._secured.sesame(ADMIN, *arguments, topic_prefix=self.prefix, **changes)

    def add(self, *rules: Rule) -> None:
        with provision.admin(self.settings) as client:
            authorizer.apply(client, [Difference(rule, Action.ADD, "") for rule in rules])

    def rules(self) -> set[Rule]:
        """What the broker goes by for names under the prefix."""
        with provision.admin(self.settings) as client:
            found = authorizer.found(client)
        assert found is not None
        return {rule for rule in found if rule.name.startswith(self.prefix)}


@pytest.fixture
def administrator(secured: SecuredKafka) -> Administrator:
    return Administrator(secured)


def test_a_plan_changes_nothing_and_an_applied_plan_leaves_nothing_to_do(
    administrator: Administrator,
) -> None:
    planned = administrator.sesame("topics", "plan", "--check", "--json")
    assert planned.status == 1
    acls = planned.told["acls"]
    assert acls["enforced"] is True
    wanted = access.wanted(administrator.settings, ["car-rental", "microloan"])
    assert len(acls["differences"]) == acls["wanted"] == len(wanted)
    assert {row["action"] for row in acls["differences"]} == {"add"}
    assert administrator.rules() == set()

    applied = administrator.sesame("topics", "apply", "--json")
    assert applied.told["acls"] == acls
    assert administrator.rules() == set(wanted)
    again = administrator.sesame("topics", "plan", "--check")
    assert again.status == 0
    assert f"all {len(wanted)} access rules are as they should be" in again.output


def test_a_plan_names_who_may_do_what_where(administrator: Administrator) -> None:
    rows = administrator.sesame("topics", "plan", "--json").told["acls"]["differences"]
    assert {
        "action": "add",
        "reason": "is missing",
        "principal": "User:sesame-partner-microloan",
        "resource": "topic",
        "name": f"{administrator.prefix}partner.microloan.scores",
        "operation": "read",
        "pattern": "literal",
        "permission": "allow",
        "host": "*",
    } in rows


def test_a_partner_that_leaves_the_registry_loses_its_rights_and_others_keep_theirs(
    administrator: Administrator, tmp_path: Path
) -> None:
    administrator.sesame("topics", "apply")
    scores = f"{administrator.prefix}partner.car-rental.scores"
    auditor = Rule("User:auditor", Resource.TOPIC, scores, "read")
    administrator.add(auditor)
    registry = tmp_path / "partners.toml"
    registry.write_text(ONE_PARTNER)

    checked = administrator.sesame("topics", "plan", "--check", partners_file=registry)
    assert checked.status == 1
    assert "User:sesame-partner-car-rental" in checked.output
    assert "User:auditor" not in checked.output
    assert administrator.sesame("topics", "apply", partners_file=registry).status == 0
    left = {rule for rule in administrator.rules() if "car-rental" in rule.name}
    assert left == {auditor}
    assert administrator.sesame("topics", "plan", "--check", partners_file=registry).status == 0


def test_rights_nobody_needs_are_taken_away_and_wide_ones_and_denials_only_told(
    administrator: Administrator,
) -> None:
    administrator.sesame("topics", "apply")
    prefix = administrator.prefix
    partner = "User:sesame-partner-car-rental"
    more = Rule(partner, Resource.TOPIC, f"{prefix}scores", "read")
    wide = replace(more, name=f"{prefix}partner.", pattern=Pattern.PREFIXED)
    deny = replace(more, name=f"{prefix}consents", permission=access.Permission.DENY)
    administrator.add(more, wide, deny)

    applied = administrator.sesame("topics", "apply", "--json").told["acls"]["differences"]
    told = {(row["action"], row["name"], row["pattern"]) for row in applied}
    assert told == {
        ("remove", more.name, "literal"),
        ("review", wide.name, "prefixed"),
        ("review", deny.name, "literal"),
    }
    assert administrator.rules() & {more, wide, deny} == {wide, deny}
    by_hand = administrator.sesame("topics", "plan", "--check")
    assert by_hand.status == 1
    assert "2 access rules were made by hand" in by_hand.errors


def test_the_users_of_another_name_have_rules_of_their_own(administrator: Administrator) -> None:
    administrator.sesame("topics", "apply", principal="CN={role},O=Sesame")
    users = {rule.principal for rule in administrator.rules()}
    assert "User:CN=partner-microloan,O=Sesame" in users
    assert len(users) == 7


def test_who_may_not_see_the_rules_is_told_so_in_a_line(secured: SecuredKafka, prefix: str) -> None:
    refused = secured.sesame("sesame-pipeline", "topics", "plan", topic_prefix=prefix)
    assert refused.status == 1
    assert "the Kafka user may not" in refused.errors
    assert "Traceback" not in refused.errors


def checks(told: Command) -> dict[str, dict[str, str]]:
    return {row["check"]: row for row in told.told["checks"]}


def test_the_doctor_sees_rules_that_are_missing(administrator: Administrator) -> None:
    before = checks(administrator.sesame("doctor", "--json"))["access"]
    assert (before["state"], before["advice"]) == ("failure", "sesame topics apply")
    wanted = len(access.wanted(administrator.settings, ["car-rental", "microloan"]))
    assert f"{wanted} of {wanted} access rules are missing" in before["detail"]
    administrator.sesame("topics", "apply")
    after = checks(administrator.sesame("doctor", "--json"))["access"]
    assert (after["state"], after["detail"]) == (
        "ok",
        f"all {wanted} access rules are as they should be",
    )


def test_a_broker_without_an_authorizer_is_no_error(kafka: str, topic_prefix: str) -> None:
    env = {"SESAME_BOOTSTRAP": kafka, "SESAME_TOPIC_PREFIX": topic_prefix, "SESAME_PARTITIONS": "1"}
    applied = CliRunner().invoke(app, ["topics", "apply"], env=env)
    assert applied.exit_code == 0
    assert "the broker has no authorizer: access rules are not enforced" in applied.stdout
    checked = CliRunner().invoke(app, ["topics", "plan", "--check"], env=env)
    assert checked.exit_code == 0

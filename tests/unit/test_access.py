from dataclasses import replace

import pytest

from pipeline import topics
from pipeline.access import Action, Difference, Pattern, Permission, Resource, Rule, plan, wanted
from pipeline.settings import Settings

PARTNERS = ["car-rental", "microloan"]
SETTINGS = Settings(topic_prefix="blue.", partitions=2)
SHOULD = wanted(SETTINGS, PARTNERS)
RENTAL_READS = Rule(
    "User:sesame-partner-car-rental", Resource.TOPIC, "blue.partner.car-rental.scores", "read"
)


def rights(role: str, operation: str, resource: Resource = Resource.TOPIC) -> set[str]:
    """The names a role may do this to, prefix left out."""
    rules = {rule for rule in SHOULD if rule.principal == f"User:sesame-{role}"}
    assert all(rule.name.startswith("blue.") for rule in rules)
    return {
        rule.name.removeprefix("blue.")
        for rule in rules
        if (rule.resource, rule.operation) == (resource, operation)
    }


@pytest.mark.parametrize(
    ("role", "reads", "writes"),
    [
        (
            "person",
            {"consents", "scores", "score-changes", "disclosures"},
            {"consents", "relationships"},
        ),
        ("producer", set(), {"payments", "consumption", "obligations", "profiles"}),
        (
            "pipeline",
            {
                *("consents", "payments", "consumption", "obligations", "profiles"),
                *("relationships", "peer-signals"),
                *("factor-state-changelog", "factor-state-journal", "factor-state-generations"),
                *("factor-state-changelog.g", "scores"),
            },
            {
                *("scores", "score-changes", "dead-letters"),
                *("peer-signals", "factor-state-changelog", "factor-state-journal"),
                *("factor-state-generations", "factor-state-changelog.g"),
            },
        ),
        (
            "gateway",
            {
                *("consents", "scores", "gateway-inbox", "gateway-changelog"),
                *("partner.car-rental.outcomes", "partner.car-rental.enquiries"),
                *("partner.microloan.outcomes", "partner.microloan.enquiries"),
            },
            {
                *("partner.car-rental.scores", "partner.microloan.scores", "obligations"),
                *("disclosures", "dead-letters", "gateway-inbox", "gateway-changelog"),
            },
        ),
        (
            "operator",
            {"dead-letters", "dead-letter-redrives"},
            {
                *("consents", "payments", "consumption", "obligations", "profiles"),
                *("relationships", "dead-letter-redrives"),
                *("partner.car-rental.outcomes", "partner.car-rental.enquiries"),
                *("partner.microloan.outcomes", "partner.microloan.enquiries"),
            },
        ),
        (
            "partner-car-rental",
            {"partner.car-rental.scores"},
            {"partner.car-rental.outcomes", "partner.car-rental.enquiries"},
        ),
        (
            "partner-microloan",
            {"partner.microloan.scores"},
            {"partner.microloan.outcomes", "partner.microloan.enquiries"},
        ),
    ],
)
def test_a_role_may_read_and_write_these_topics(
    role: str, reads: set[str], writes: set[str]
) -> None:
    assert rights(role, "read") == reads
    assert rights(role, "write") == writes


@pytest.mark.parametrize(
    ("role", "group", "transactional_ids"),
    [
        ("person", set(), set()),
        ("producer", set(), set()),
        ("partner-car-rental", set(), set()),
        (
            "pipeline",
            {"sesame"},
            {"sesame-0", "sesame-1", "sesame-replay-0", "sesame~"},
        ),
        ("gateway", {"gateway"}, {"gateway-0", "gateway-1", "gateway~"}),
        ("operator", set(), {"dead-letter-redrives-0", "dead-letter-redrives-1"}),
    ],
)
def test_only_workers_have_a_group_and_only_who_writes_in_transactions_has_their_ids(
    role: str, group: set[str], transactional_ids: set[str]
) -> None:
    assert rights(role, "read", Resource.GROUP) == group
    assert rights(role, "write", Resource.TRANSACTIONAL_ID) == transactional_ids


def test_only_later_changelogs_and_joint_producers_have_rules_for_more_than_one_name() -> None:
    wide = [rule for rule in SHOULD if rule.pattern is Pattern.PREFIXED]
    assert {(rule.resource, rule.name) for rule in wide} == {
        (Resource.TOPIC, "blue.factor-state-changelog.g"),
        (Resource.TRANSACTIONAL_ID, "blue.sesame~"),
        (Resource.TRANSACTIONAL_ID, "blue.gateway~"),
    }
    assert {rule.principal for rule in wide} == {"User:sesame-pipeline", "User:sesame-gateway"}
    operations = {rule.operation for rule in SHOULD}
    assert operations == {"read", "write", "create", "delete", "describe_configs"}
    assert {rule.permission for rule in SHOULD} == {Permission.ALLOW}
    assert not any("*" in rule.name + rule.principal for rule in SHOULD)
    assert len(set(SHOULD)) == len(SHOULD)


def test_every_topic_has_someone_who_writes_and_someone_who_reads_it() -> None:
    every = {f"blue.{t.name}" for t in (*topics.ALL, *topics.for_partners(PARTNERS))}
    for operation in ("read", "write"):
        named = {r.name for r in SHOULD if (r.resource, r.operation) == ("topic", operation)}
        assert named - {"blue.factor-state-changelog.g"} == every


def test_only_the_pipeline_makes_deletes_and_describes_topics_and_only_changelogs() -> None:
    for operation in ("create", "delete", "describe_configs"):
        rules = [rule for rule in SHOULD if rule.operation == operation]
        assert {rule.principal for rule in rules} == {"User:sesame-pipeline"}
        assert {(rule.name, rule.pattern) for rule in rules} == {
            ("blue.factor-state-changelog", Pattern.LITERAL),
            ("blue.factor-state-changelog.g", Pattern.PREFIXED),
        }


def test_principals_follow_the_template_of_the_settings() -> None:
    by_certificate = Settings(principal="CN={role},O=Sesame")
    users = {rule.principal for rule in wanted(by_certificate, ["microloan"])}
    assert users == {
        f"User:CN={role},O=Sesame"
        for role in ("person", "producer", "pipeline", "gateway", "operator", "partner-microloan")
    }


def test_rules_that_are_there_need_nothing_and_missing_ones_are_added() -> None:
    assert plan(SETTINGS, SHOULD, SHOULD) == []
    assert plan(SETTINGS, SHOULD, []) == [
        Difference(rule, Action.ADD, "is missing") for rule in SHOULD
    ]


def test_all_rules_of_a_partner_no_longer_registered_are_removed_and_nobody_elses() -> None:
    differences = plan(SETTINGS, wanted(SETTINGS, ["microloan"]), SHOULD)
    assert {d.action for d in differences} == {Action.REMOVE}
    assert {(d.rule.principal, d.rule.name) for d in differences} == {
        (user, f"blue.partner.car-rental.{topic}")
        for user in ("User:sesame-partner-car-rental", "User:sesame-gateway")
        for topic in ("scores", "outcomes", "enquiries")
    } | {
        ("User:sesame-operator", f"blue.partner.car-rental.{topic}")
        for topic in ("outcomes", "enquiries")
    }


@pytest.mark.parametrize(
    "more",
    [
        replace(RENTAL_READS, name="blue.scores"),
        replace(RENTAL_READS, name="blue.partner.microloan.scores"),
        replace(RENTAL_READS, operation="all"),
        replace(RENTAL_READS, operation="alter"),
        replace(RENTAL_READS, resource=Resource.GROUP, name="blue.sesame"),
        Rule("User:sesame-pipeline", Resource.TRANSACTIONAL_ID, "blue.gateway-0", "write"),
        Rule("User:sesame-producer", Resource.TOPIC, "blue.payments", "read"),
        Rule("User:sesame-pipeline", Resource.TOPIC, "blue.dead-letters", "read"),
        Rule("User:sesame-operator", Resource.TOPIC, "blue.scores", "read"),
    ],
)
def test_a_right_that_a_role_does_not_need_is_removed(more: Rule) -> None:
    assert plan(SETTINGS, SHOULD, [*SHOULD, more]) == [
        Difference(more, Action.REMOVE, "is not wanted")
    ]


@pytest.mark.parametrize(
    "others",
    [
        Rule("User:analyst", Resource.TOPIC, "blue.scores", "read"),
        Rule("User:sesame", Resource.TOPIC, "blue.scores", "read"),
        Rule("User:sesame-auditor", Resource.TOPIC, "blue.scores", "read"),
        Rule("User:not-sesame-partner-x", Resource.TOPIC, "blue.scores", "read"),
        Rule("User:sesame-pipeline", Resource.TOPIC, "green.scores", "read"),
        Rule("User:sesame-pipeline", Resource.TOPIC, "scores", "read"),
        Rule("User:sesame-pipeline", Resource.TOPIC, "green.", "read", Pattern.PREFIXED),
        Rule("User:sesame-pipeline", Resource.GROUP, "blue.elsewhere", "read"),
        Rule("User:sesame-pipeline", Resource.TRANSACTIONAL_ID, "blue.sesame-2", "write"),
        Rule("User:*", Resource.TOPIC, "*", "describe"),
    ],
)
def test_rules_of_others_are_left_alone(others: Rule) -> None:
    assert plan(SETTINGS, SHOULD, [*SHOULD, others]) == []


@pytest.mark.parametrize(
    "by_hand",
    [
        replace(RENTAL_READS, name="blue.partner.", pattern=Pattern.PREFIXED),
        replace(RENTAL_READS, name="*"),
        replace(RENTAL_READS, resource=Resource.GROUP, name="b", pattern=Pattern.PREFIXED),
        replace(RENTAL_READS, permission=Permission.DENY),
    ],
)
def test_a_rule_that_reaches_further_or_forbids_is_told_and_left_to_its_maker(
    by_hand: Rule,
) -> None:
    (difference,) = plan(SETTINGS, SHOULD, [*SHOULD, by_hand])
    assert (difference.rule, difference.action) == (by_hand, Action.REVIEW)

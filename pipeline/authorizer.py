"""Read and change the access rules that a broker's authorizer holds."""

import time
from collections.abc import Sequence

import kafka
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)
from kafka.errors import NoError, SecurityDisabledError

from pipeline.access import Action, Difference, Pattern, Permission, Resource, Rule
from pipeline.errors import SesameError

_AT_ONCE = 1_000
"""Rules in one request; the controller takes 10,000 changes in one."""
_EFFECT_S = 30.0
_POLL_S = 0.1


def found(client: kafka.KafkaAdminClient) -> set[Rule] | None:
    """The rules for topics, groups and transactional ids; None where there is no authorizer.

    Raises:
        KafkaError: The broker refuses, as to users who may not describe the cluster.
    """
    rules: set[Rule] = set()
    for resource in Resource:
        every = ResourcePatternFilter(ResourceType[resource.name], None, ACLResourcePatternType.ANY)
        try:
            acls, _ = client.describe_acls(
                ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, every)
            )
        except SecurityDisabledError:
            return None
        rules.update(_rule(acl) for acl in acls)
    return rules


def apply(client: kafka.KafkaAdminClient, differences: Sequence[Difference]) -> None:
    """Add what is missing, then remove what is not wanted: nobody is shut out in between.

    Returns when the broker that answers us goes by the new rules.

    Raises:
        KafkaError: The broker refuses all of it.
        SesameError: The broker refuses single rules, or does not go by them in time.
    """
    missing = [_acl(d.rule) for d in differences if d.action is Action.ADD]
    for start in range(0, len(missing), _AT_ONCE):
        failed = client.create_acls(missing[start : start + _AT_ONCE])["failed"]
        if failed:
            raise SesameError(
                f"{len(failed)} access rules were refused, the first with {failed[0].__name__}"
            )
    unwanted = [_acl(d.rule) for d in differences if d.action is Action.REMOVE]
    for start in range(0, len(unwanted), _AT_ONCE):
        # A rule in full is a filter that matches it alone.
        answers = client.delete_acls(unwanted[start : start + _AT_ONCE])
        refused = [f"{acl}: {error.__name__}" for acl, _, error in answers if error is not NoError]
        if refused:
            raise SesameError("\n".join(refused))
    _wait_for(client, differences)


def _wait_for(client: kafka.KafkaAdminClient, differences: Sequence[Difference]) -> None:
    """The controller keeps them at once; a broker busy with new topics learns of them later."""
    added = {d.rule for d in differences if d.action is Action.ADD}
    removed = {d.rule for d in differences if d.action is Action.REMOVE}
    deadline = time.monotonic() + _EFFECT_S
    while added | removed:
        present = found(client) or set()
        if added <= present and present.isdisjoint(removed):
            return
        if time.monotonic() > deadline:
            raise SesameError(f"the broker does not go by new access rules after {_EFFECT_S:.0f} s")
        time.sleep(_POLL_S)


def _acl(rule: Rule) -> ACL:
    return ACL(
        rule.principal,
        rule.host,
        ACLOperation[rule.operation.upper()],
        ACLPermissionType[rule.permission.name],
        ResourcePattern(
            ResourceType[rule.resource.name],
            rule.name,
            ACLResourcePatternType[rule.pattern.name],
        ),
    )


def _rule(acl: ACL) -> Rule:
    pattern = acl.resource_pattern
    return Rule(
        principal=acl.principal,
        resource=Resource(pattern.resource_type.name.lower()),
        name=pattern.resource_name,
        operation=acl.operation.name.lower(),
        pattern=Pattern(pattern.pattern_type.name.lower()),
        permission=Permission(acl.permission_type.name.lower()),
        host=acl.host,
    )

"""``sesame gateway``: show partners what they were granted, and nothing else."""

import typer

from pipeline import failpoints, logs, settings
from pipeline.codec.open import open_warm

app = typer.Typer()


@app.command()
def gateway() -> None:
    """Run a worker of the gateway until it is told to end (SIGTERM, SIGINT).

    Workers with the same SESAME_GATEWAY_APP_ID share the partitions. The partner registry is
    looked at again every second, and at once on SIGHUP.
    """
    from pipeline.gateway.flow import GatewayFlow  # noqa: PLC0415 - help stays quick
    from pipeline.gateway.reload import check_schemas, load_rules  # noqa: PLC0415
    from pipeline.gateway.worker import GatewayWorker  # noqa: PLC0415
    from pipeline.streaming.topic_check import check_topics, topics_of  # noqa: PLC0415
    from pipeline.streaming.worker import run  # noqa: PLC0415
    from pipeline.topics import GATEWAY_INPUTS, Role  # noqa: PLC0415

    current = settings.load()
    logs.configure(current)
    failpoints.arm(failpoints.parse(current.failpoints))
    rules = load_rules(current)
    registry = open_warm(current, [t.subject for t in GATEWAY_INPUTS if t.record])
    check_topics(current, topics_of(Role.GATEWAY, rules.terms.partner_ids))
    check_schemas(registry, rules.terms.partner_ids)
    flow = GatewayFlow(current, registry, rules)
    raise typer.Exit(run(lambda: GatewayWorker(current, flow, registry, rules)))

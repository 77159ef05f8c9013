"""``sesame worker``: fold events, score people, publish."""

import typer

from pipeline import logs, provision, settings
from pipeline.codec.open import open_registry
from pipeline.errors import RefusedError

app = typer.Typer()


@app.command()
def worker() -> None:
    """Run a worker of the stream until it is told to end (SIGTERM, SIGINT).

    Workers with the same SESAME_APP_ID share the partitions. The topics must exist:
    `sesame topics apply` creates them.
    """
    from pipeline.scoring.model import load_model  # noqa: PLC0415 - help stays quick
    from pipeline.streaming import worker as process  # noqa: PLC0415
    from pipeline.streaming.factor_flow import FactorFlow  # noqa: PLC0415

    current = settings.load()
    logs.configure(current)
    model = load_model(current.model)
    registry = open_registry(current)
    _check_topics(current)
    flow = FactorFlow(current, registry, model)
    raise typer.Exit(process.run(lambda: process.Worker(current, flow)))


def _check_topics(current: settings.Settings) -> None:
    """Refuse topics that are missing or have another partition count.

    Raises:
        RefusedError: Some do; the message names them.
    """
    should = provision.wanted(current, [])
    with provision.admin(current) as client:
        differences = provision.plan(should, provision.found(client, should))
    wrong = [d for d in differences if d.action is not provision.Action.CONFIGURE]
    if wrong:
        lines = "\n".join(f"{d.topic} {d.reason}" for d in wrong)
        raise RefusedError(f"{lines}\n`sesame topics apply` creates what is missing")

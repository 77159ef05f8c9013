"""``sesame worker``: fold events, score people, publish."""

import typer

from pipeline import failpoints, logs, settings
from pipeline.codec.open import open_warm

app = typer.Typer()


@app.command()
def worker() -> None:
    """Run a worker of the stream until it is told to end (SIGTERM, SIGINT).

    Workers with the same SESAME_APP_ID share the partitions. The topics must exist:
    `sesame topics apply` creates them.
    """
    from pipeline.scoring.model import load_model  # noqa: PLC0415 - help stays quick
    from pipeline.streaming.factor_flow import FactorFlow  # noqa: PLC0415
    from pipeline.streaming.factor_worker import FactorWorker  # noqa: PLC0415
    from pipeline.streaming.topic_check import check_topics, topics_of  # noqa: PLC0415
    from pipeline.streaming.worker import run  # noqa: PLC0415
    from pipeline.topics import INPUTS, Role  # noqa: PLC0415

    current = settings.load()
    logs.configure(current)
    failpoints.arm(failpoints.parse(current.failpoints))
    model = load_model(current.model)
    registry = open_warm(current, [t.subject for t in INPUTS if t.record])
    check_topics(current, topics_of(Role.PIPELINE, []))
    flow = FactorFlow(current, registry, model)
    raise typer.Exit(run(lambda: FactorWorker(current, flow)))

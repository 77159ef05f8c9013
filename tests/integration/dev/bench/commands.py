"""`sesame bench` on little, and what it leaves behind."""

import time

from kafka import KafkaAdminClient
from typer.testing import CliRunner, Result

from pipeline.cli.main import app

SMALL = ("--people", "60", "--events", "6000", "--partitions", "2", "--json")


def run(*options: str) -> Result:
    """The command in this process, on a few people unless the options say otherwise."""
    return CliRunner().invoke(app, ["bench", *SMALL, *options])


def topics_left(bootstrap: str, prefix: str) -> list[str]:
    """The topics under a prefix once the broker has carried out all deletions."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    deadline = time.monotonic() + 10
    try:
        while True:
            left = [name for name in admin.list_topics() if name.startswith(prefix)]
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(0.1)
    finally:
        admin.close()

"""A partner's program to be killed: follows, and reports one outcome after the other.

Writes ``started``, then each report's event id once it was taken in.
"""

import itertools
import sys
import time
from pathlib import Path

from pipeline import logs, settings
from pipeline.partners.client import PartnerClient
from pipeline.partners.records import OutcomeReport
from pipeline.partners.vocabulary import ContractKind, ContractStatus


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(bootstrap: str, prefix: str, store: str, run: str) -> None:
    current = settings.load(bootstrap=bootstrap, topic_prefix=prefix, request_timeout_s=15)
    logs.configure(current)  # to standard error
    with PartnerClient("car-rental", settings=current, store=Path(store)) as client:
        say("started")
        for number in itertools.count():
            report = OutcomeReport(
                f"rental-{run}-{number}",
                f"subject-{number % 7}",
                ContractKind.RENTAL,
                ContractStatus.OPENED,
                1_790_000_000_000 + number,
            )
            say(client.report(report))
            time.sleep(0.002)


if __name__ == "__main__":
    main(*sys.argv[1:])

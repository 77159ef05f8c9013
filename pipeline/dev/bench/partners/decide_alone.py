"""A process that only decides, by the SDK, as a partner's own program would.

Its arguments name a file with the subjects, by whether each was shown a yes, and the order to
decide in; a file to keep the client's view in; and a file for the seconds it took.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from pipeline import logs, settings
from pipeline.dev.bench.partners.timing import timed
from pipeline.partners.client import PartnerClient

_READY_S = 120.0


def main() -> None:
    """Decide on everyone asked for, and leave the times."""
    asked, store, left = map(Path, sys.argv[1:])
    given = json.loads(asked.read_text())
    current = settings.load()
    logs.configure(current)
    with PartnerClient(given["partner_id"], settings=current, store=store) as client:
        client.wait_ready(_READY_S)
        found = timed(
            lambda subject: client.decide(subject).outcome, given["order"], given["admitted"]
        )
    left.write_text(json.dumps(asdict(found)))


if __name__ == "__main__":
    main()

"""``sesame dlq`` that stands still at one point of its first transaction.

Says ``halted`` and goes on once its standard input has a line; to be killed or overtaken there.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

from pipeline.cli.main import app
from pipeline.deadletters.sender import RedriveSender

BEFORE_IT_FENCES = "before it fences the others"
SLOWLY = "before the marks, sent slowly"
POINTS = {
    "before the transaction": "_transact",
    "before the marks": "_send_marks",
    SLOWLY: "_send_marks",
    "before the commit": "_commit",
}
_PAUSE_S = 0.02


def halt_before(method: str) -> None:
    original: Callable[..., Any] = getattr(RedriveSender, method)

    def halting(*arguments: Any) -> Any:
        setattr(RedriveSender, method, original)
        print("halted", flush=True)  # noqa: T201 - the test waits for it
        sys.stdin.readline()
        return original(*arguments)

    setattr(RedriveSender, method, halting)


def send_slowly() -> None:
    """Leave the client the time to learn what the broker says of what it was given before."""
    original: Callable[..., None] = RedriveSender._put

    def pausing(*arguments: Any) -> None:
        original(*arguments)
        time.sleep(_PAUSE_S)

    setattr(RedriveSender, "_put", pausing)  # noqa: B010 - mypy knows what it was


if __name__ == "__main__":
    if sys.argv[1] == SLOWLY:
        send_slowly()
    halt_before((POINTS | {BEFORE_IT_FENCES: "__init__"})[sys.argv[1]])
    app(["dlq", *sys.argv[2:]])

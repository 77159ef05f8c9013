"""``sesame dlq`` that stands still at one point of its first transaction.

Says ``halted`` and goes on once its standard input has a line; to be killed or overtaken there.
"""

import sys
from collections.abc import Callable
from typing import Any

from pipeline.cli.main import app
from pipeline.deadletters.sender import RedriveSender

BEFORE_IT_FENCES = "before it fences the others"
POINTS = {
    "before the transaction": "_transact",
    "before the marks": "_send_marks",
    "before the commit": "_commit",
}


def halt_before(method: str) -> None:
    original: Callable[..., Any] = getattr(RedriveSender, method)

    def halting(*arguments: Any) -> Any:
        setattr(RedriveSender, method, original)
        print("halted", flush=True)  # noqa: T201 - the test waits for it
        sys.stdin.readline()
        return original(*arguments)

    setattr(RedriveSender, method, halting)


if __name__ == "__main__":
    halt_before((POINTS | {BEFORE_IT_FENCES: "__init__"})[sys.argv[1]])
    app(["dlq", *sys.argv[2:]])

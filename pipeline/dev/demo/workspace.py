"""A temporary directory that is gone after the demo, even after kill -9."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.dev.demo import janitor


class Workspace:
    """The demo's directory for data and logs, with a process that outlives us to clean up."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="sesame-demo-"))
        self._janitor = subprocess.Popen(  # noqa: S603 - this Python and our own file
            [sys.executable, "-I", "-S", janitor.__file__, str(self.directory)],
            stdin=subprocess.PIPE,
            # Ctrl-C in a terminal goes to the whole group.
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the directory; whoever writes into it must have ended."""
        shutil.rmtree(self.directory, ignore_errors=True)
        if self._janitor.stdin is not None:
            self._janitor.stdin.close()
        self._janitor.wait()

"""The command as a child process, spoken to over its port."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import httpx

from tests.integration.services.kafka_side import PartnerTopics
from tests.integration.support.worker import free_port

WAIT_S = 240.0


class Counter:
    """``sesame partner`` with a data folder of its own; ended on exit."""

    def __init__(
        self, topics: PartnerTopics, folder: Path, *options: str, **variables: str
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.port = free_port()
        arguments = ["partner", topics.partner_id, "--port", str(self.port), "--json", *options]
        environment = {
            "SESAME_BOOTSTRAP": topics.bootstrap,
            "SESAME_TOPIC_PREFIX": topics.prefix,
            "SESAME_DATA_DIR": str(folder),
        }
        self.process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "pipeline.cli.main", *arguments],
            env=os.environ | environment | variables,
            stdout=subprocess.PIPE,
            stderr=(folder / "stderr").open("a"),
            text=True,
        )
        self.folder = folder
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", timeout=WAIT_S, trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def wait_ready(self) -> Self:
        deadline_s = time.monotonic() + WAIT_S
        while True:
            assert self.process.poll() is None, self.complaints()
            assert time.monotonic() < deadline_s, self.complaints()
            try:
                if self.client.get("/health/ready").is_success:
                    return self
            except httpx.TransportError:
                pass
            time.sleep(0.1)

    def post(self, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        answer = self.client.post(path, json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    def until(self, path: str, **wanted: Any) -> Any:
        """What a path answers, once it has these fields."""
        deadline_s = time.monotonic() + WAIT_S
        while True:
            answer = self.client.get(path).json()
            if answer | wanted == answer:
                return answer
            assert time.monotonic() < deadline_s, f"{answer} has not {wanted}"
            time.sleep(0.1)

    def complaints(self) -> str:
        return (self.folder / "stderr").read_text()[-4_000:]

    def end(self) -> dict[str, Any]:
        """End it in good order; what it printed."""
        self.process.send_signal(signal.SIGTERM)
        printed, _ = self.process.communicate(timeout=WAIT_S)
        assert self.process.returncode == 0, self.complaints()
        result: dict[str, Any] = json.loads(printed)
        return result

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

"""Running a counter where no broker answers."""

import socket
from pathlib import Path

import pytest

from pipeline import settings
from pipeline.errors import SesameError
from pipeline.partners.client import PartnerClient
from pipeline.partners.services import run
from pipeline.partners.services.run import Options, run_follower, run_service
from pipeline.settings import Settings


@pytest.fixture
def current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(run, "READY_S", 5.0)
    return settings.load(
        bootstrap="127.0.0.1:9", data_dir=tmp_path, topic_prefix="t.", request_timeout_s=1.0
    )


@pytest.fixture
def options() -> Options:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return Options("car-rental", port=port, until_idle_s=0.1)


def test_a_counter_leaves_the_partner_s_own_programs_their_file(
    current: Settings, options: Options
) -> None:
    with PartnerClient("car-rental", settings=current), pytest.raises(SesameError) as ended:
        run_service(current, options)

    assert "in use" not in str(ended.value)
    folder = current.data_dir / "partners"
    kept = {path.name for path in folder.glob("*.sqlite")}
    assert kept == {"t.car-rental.sqlite", "t.car-rental-counter.sqlite"}


def test_a_run_that_never_saw_its_topic_s_end_says_what_kept_it(
    current: Settings, options: Options
) -> None:
    for ended_by in (run_service, run_follower):
        with pytest.raises(SesameError, match="car-rental was not ready within 5 s") as ended:
            ended_by(current, options)
        assert "127.0.0.1:9" in str(ended.value)

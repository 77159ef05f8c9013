import asyncio

import pytest
from aiokafka.errors import KafkaError, ProducerFenced

from pipeline.streaming.worker import tell_of


def told_of(error: Exception, caplog: pytest.LogCaptureFixture) -> list[str]:
    """What asyncio logs of a future that fails and that nobody asks."""

    async def forget() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(tell_of)
        loop.create_future().set_exception(error)

    asyncio.run(forget())
    return [record.getMessage() for record in caplog.records if record.name == "asyncio"]


@pytest.mark.parametrize("error", [ProducerFenced(), KafkaError("gone")])
def test_what_requests_that_nobody_waits_for_come_to_is_not_told(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    assert told_of(error, caplog) == []


def test_any_other_error_that_nobody_asks_for_is_told(caplog: pytest.LogCaptureFixture) -> None:
    (told,) = told_of(ValueError("lost"), caplog)
    assert told.startswith("Future exception was never retrieved")

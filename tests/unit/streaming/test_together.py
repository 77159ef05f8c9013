"""Lanes' small batches go together, and none waits for one that hangs, was cancelled or failed."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from pipeline import topics
from pipeline.codec.encode import decode_record, encode_records
from pipeline.codec.registry import FileRegistry
from pipeline.factors.fold import Policy
from pipeline.scoring.model import load_model
from pipeline.streaming import together as together_module
from pipeline.streaming.position import Position
from pipeline.streaming.records import Record
from pipeline.streaming.step import Share, StepContext
from pipeline.streaming.store import PartitionStore
from pipeline.streaming.together import Finished, Together
from tests.unit.streaming.test_step import JUNE_MS, Fetched, bill, consent, grants

REGISTRY = FileRegistry()
MODEL = load_model("default@1")
LONG_S = 60.0


def share(partition: int) -> Share:
    context = StepContext(REGISTRY, MODEL, Policy(), partition, partitions=4, topic_prefix="x.")
    return Share(context, PartitionStore(), Position())


def enrolment(user: str) -> dict[str, list[Record]]:
    values = encode_records(
        topics.CONSENTS.subject, [fields for _, fields in grants(user, JUNE_MS)], REGISTRY
    )
    return {
        topics.CONSENTS.name: [
            Fetched(offset, JUNE_MS, user.encode(), value) for offset, value in enumerate(values)
        ]
    }


def payment(user: str) -> dict[str, list[Record]]:
    topic, fields = bill(user, JUNE_MS)
    (value,) = encode_records(topic.subject, [fields], REGISTRY)
    return {topic.name: [Fetched(0, JUNE_MS, user.encode(), value)]}


async def once(together: Together, partition: int, records: dict[str, list[Record]]) -> Finished:
    async with together.finished(share(partition), records) as finished:
        return finished


def users(finished: Finished) -> list[str]:
    fields = [decode_record(v, REGISTRY) for _, v in finished.output.scores if v is not None]
    return [each["user_id"] for each in fields]


def test_each_partition_gets_what_is_its_own() -> None:
    async def run() -> tuple[Finished, Finished]:
        together = Together()
        return await asyncio.gather(
            once(together, 2, enrolment("ann")), once(together, 0, payment("eve"))
        )

    enrolled, paid = asyncio.run(run())
    assert users(enrolled) == ["ann"]
    assert enrolled.output.position.applied == {"consents": 5}
    assert not enrolled.lacks_consent
    assert users(paid) == []
    assert paid.output.position.applied == {"payments": 0}
    assert paid.output.outcomes == {"payments": {"not_covered": 1}}
    assert paid.lacks_consent


def test_what_arrives_while_others_commit_waits_for_them_and_goes_together() -> None:
    async def run() -> None:
        together = Together(LONG_S)
        async with together.finished(share(0), enrolment("ann")):
            later = [
                asyncio.create_task(once(together, number, enrolment(name)))
                for number, name in ((1, "bob"), (2, "cat"))
            ]
            await asyncio.sleep(0.05)
            assert not any(task.done() for task in later)
        bob, cat = await asyncio.gather(*later)
        assert (users(bob), users(cat)) == (["bob"], ["cat"])

    asyncio.run(run())


def test_a_commit_that_hangs_holds_up_nobody_for_long() -> None:
    async def run() -> Finished:
        together = Together(patience_s=0.01)
        async with together.finished(share(0), enrolment("ann")):
            return await asyncio.wait_for(once(together, 1, enrolment("bob")), LONG_S)

    assert users(asyncio.run(run())) == ["bob"]


def test_more_than_one_step_may_have_goes_in_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together_module, "TOGETHER_MAX", 12)  # two enrolments of six records
    taken: list[int] = []
    finish = together_module._finish

    def counted(shares: Any, records: Any) -> list[Finished]:
        taken.append(len(shares))
        return finish(shares, records)

    monkeypatch.setattr(together_module, "_finish", counted)

    async def run() -> list[Finished]:
        together = Together(LONG_S)
        names = ("ann", "bob", "cat", "dan", "eve")
        lanes = (once(together, number, enrolment(name)) for number, name in enumerate(names))
        return list(await asyncio.gather(*lanes))

    found = [users(finished) for finished in asyncio.run(run())]
    assert found == [["ann"], ["bob"], ["cat"], ["dan"], ["eve"]]
    assert taken == [2, 2, 1]


@pytest.mark.parametrize("rounds", [0, 1, 2, 3])
def test_whoever_is_cancelled_is_not_waited_for(rounds: int) -> None:
    async def run() -> Finished:
        together = Together(LONG_S)
        cancelled = asyncio.create_task(once(together, 0, enrolment("ann")))
        for _ in range(rounds):
            await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)
        async with asyncio.timeout(LONG_S / 4):
            await once(together, 1, enrolment("bob"))
            return await once(together, 1, enrolment("cat"))

    assert users(asyncio.run(run())) == ["cat"]


def test_a_step_that_fails_fails_for_all_that_were_in_it() -> None:
    class BrokenStore(PartitionStore):
        def slots(self, users: object) -> object:  # type: ignore[override]
            raise RuntimeError(f"no slots for {users}")

    async def run() -> None:
        together = Together(LONG_S)
        broken = Share(share(0).context, BrokenStore(), Position())

        async def fail() -> None:
            async with together.finished(broken, enrolment("ann")):
                pytest.fail("there is no step to commit")

        failed = await asyncio.gather(
            fail(), once(together, 1, enrolment("bob")), return_exceptions=True
        )
        assert [type(error) for error in failed] == [RuntimeError, RuntimeError]
        async with asyncio.timeout(LONG_S / 4):
            assert users(await once(together, 1, enrolment("bob"))) == ["bob"]

    asyncio.run(run())


def test_somebody_with_records_in_two_partitions_is_two_people() -> None:
    async def run() -> None:
        together = Together()
        async with AsyncExitStack() as stack:
            one, other = await asyncio.gather(
                *(
                    stack.enter_async_context(together.finished(share(number), enrolment("ann")))
                    for number in (0, 1)
                )
            )
        assert users(one) == users(other) == ["ann"]
        assert len(one.output.changed) == len(other.output.changed) == 1

    asyncio.run(run())


def test_a_withdrawal_in_one_partition_leaves_the_other_alone() -> None:
    async def run() -> None:
        together = Together()
        stays, leaves = share(0), share(1)
        for one, name in ((stays, "ann"), (leaves, "bob")):
            async with together.finished(one, enrolment(name)) as finished:
                one.store.scatter(finished.output.state, finished.output.changed)
        _, fields = consent("bob", "WITHDRAW", "SCORING", JUNE_MS + 1)
        (value,) = encode_records(topics.CONSENTS.subject, [fields], REGISTRY)
        gone: dict[str, list[Record]] = {topics.CONSENTS.name: [Fetched(9, JUNE_MS, b"bob", value)]}

        async def finish(one: Share, records: dict[str, list[Record]]) -> Finished:
            async with together.finished(one, records) as finished:
                return finished

        kept, erased = await asyncio.gather(finish(stays, payment("ann")), finish(leaves, gone))
        assert kept.output.erased == []
        assert kept.output.outcomes == {"payments": {"applied": 1}}
        assert erased.output.erased == ["bob"]
        assert (b"bob", None) in erased.output.scores

    asyncio.run(run())

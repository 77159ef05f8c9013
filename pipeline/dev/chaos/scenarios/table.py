"""All scenarios by name, in the order they are run."""

from pipeline.dev.chaos.scenarios.base import Scenario
from pipeline.dev.chaos.scenarios.clock import ClockJump
from pipeline.dev.chaos.scenarios.compaction import ChangelogCompacted
from pipeline.dev.chaos.scenarios.kills import KillsAtAnyTime, KillsAtFailpoints
from pipeline.dev.chaos.scenarios.moves import (
    RebalanceStorm,
    ToldToEnd,
    WorkersComeAndGo,
    Zombie,
    ZombieInTransaction,
)
from pipeline.dev.chaos.scenarios.outages import BrokerKilled, BrokerRestarted, BrokerUnreachable
from pipeline.dev.chaos.scenarios.partners import FullDisk, SlowPartner
from pipeline.dev.chaos.scenarios.replays import ReplaysKilled

SCENARIOS: dict[str, type[Scenario]] = {
    scenario.name: scenario
    for scenario in (
        KillsAtFailpoints,
        KillsAtAnyTime,
        WorkersComeAndGo,
        RebalanceStorm,
        Zombie,
        ZombieInTransaction,
        ToldToEnd,
        BrokerRestarted,
        BrokerKilled,
        BrokerUnreachable,
        ChangelogCompacted,
        ReplaysKilled,
        SlowPartner,
        FullDisk,
        ClockJump,
    )
}

SHORT: tuple[type[Scenario], ...] = (KillsAtFailpoints, Zombie, BrokerKilled)
"""What a change has to stand: every failpoint, rebalances, a zombie, the broker's death."""

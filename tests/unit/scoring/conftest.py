"""A small model with numbers that can be added up by hand."""

from dataclasses import replace

import pytest

from pipeline.factors.vocabulary import Factor
from pipeline.scoring.attributes import ScoredCharacteristic
from pipeline.scoring.content import ModelContent
from pipeline.scoring.model import Model
from pipeline.scoring.reasons import Reason
from pipeline.scoring.scaling import Scaling

ON_TIME = ScoredCharacteristic(
    name="on_time_share_24m",
    factor=Factor.CREDIT_HISTORY,
    edges=(0.5, 0.9),
    points=(0, 60, 140),
    missing_points=50,
    neutral_points=100,
    missing_label="no bill",
    reason="LATE",
    missing_reason="NO_BILLS",
)
HISTORY = ScoredCharacteristic(
    name="credit_history_months",
    factor=Factor.CREDIT_HISTORY,
    edges=(12.0,),
    points=(0, 70),
    missing_points=0,
    neutral_points=40,
    missing_label="no history",
    reason="SHORT",
    missing_reason="SHORT",
)
UTILISED = replace(
    HISTORY, name="active_months_12m", factor=Factor.BEHAVIOUR, edges=(6.0,), points=(20, 60),
    missing_points=0, neutral_points=30, reason="QUIET", missing_reason="QUIET",
)  # fmt: skip
ADDRESS = replace(
    HISTORY, name="months_at_address", factor=Factor.IDENTITY, edges=(), points=(90,),
    missing_points=10, neutral_points=55, reason="MOVED", missing_reason="NO_ADDRESS",
)  # fmt: skip
PEERS = replace(
    HISTORY, name="mean_peer_base_score", factor=Factor.SOCIAL, edges=(600.0,), points=(0, 30),
    missing_points=10, neutral_points=15, reason="PEERS", missing_reason="NO_PEERS",
)  # fmt: skip
CODES = ("LATE", "NO_BILLS", "SHORT", "QUIET", "MOVED", "NO_ADDRESS", "PEERS", "NO_PEERS")


@pytest.fixture
def content() -> ModelContent:
    return ModelContent(
        id="small",
        version=1,
        description="Five characteristics.",
        base=400,
        scaling=Scaling(),
        characteristics=(ON_TIME, HISTORY, UTILISED, ADDRESS, PEERS),
        reasons=tuple(Reason(code, f"{code} text", f"{code} advice") for code in CODES),
        training={"people": 5},
    )


@pytest.fixture
def model(content: ModelContent) -> Model:
    return Model(content, "1234abcd" + "0" * 56)

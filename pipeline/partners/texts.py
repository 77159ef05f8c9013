"""Words for reason codes."""

from functools import cache

from pipeline.scoring.model import load_model, model_names


@cache
def reason_texts() -> dict[str, str]:
    """Words for the reason codes of every model: scores of an older one are still about."""
    reasons = [reason for name in model_names() for reason in load_model(name).reasons]
    return {reason.code: reason.text for reason in reasons}

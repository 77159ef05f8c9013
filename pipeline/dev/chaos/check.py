"""The check of a run: everything that was written is what the inputs make it.

Inputs, journal and outputs go in; the naive reference folds every input record in the
journal's cut, and whatever the pipeline wrote of anybody is held against that.
"""

from collections.abc import Iterable

from pipeline import topics
from pipeline.codec.open import open_registry
from pipeline.codec.registry import SchemaRegistry
from pipeline.dev.chaos.arrivals import Sent, arrived, by_place, check_sent
from pipeline.dev.chaos.compare_letters import compare_letters
from pipeline.dev.chaos.compare_links import compare_links
from pipeline.dev.chaos.compare_scores import compare_scores
from pipeline.dev.chaos.compare_state import compare_state
from pipeline.dev.chaos.evidence import Evidence, gather
from pipeline.dev.chaos.partner_oracle import Sharing, compare_partners
from pipeline.dev.chaos.records import Acknowledged
from pipeline.dev.chaos.refold import Inputs, Refolded, refold
from pipeline.dev.chaos.verdict import Verdict
from pipeline.dev.chaos.witness import Witness
from pipeline.factors.admission import Policy
from pipeline.scoring.model import Model
from pipeline.settings import Settings
from pipeline.streaming import journal


def check(
    settings: Settings,
    witness: Witness,
    model: Model,
    *,
    sent: Iterable[Acknowledged] | None = None,
    histories_of: int = 1,
) -> Verdict:
    """Judge a run that has come to rest: ``witness.behind()`` is 0.

    Args:
        settings: Those the workers had.
        witness: Has seen the run from before its start.
        model: That of the workers.
        sent: What the brokers acknowledged of the inputs; None: whatever is there is judged,
            and nothing is known of what is not.
        histories_of: Each publication is compared of one person in so many, the last of
            everybody. About a millisecond for each.

    Raises:
        ChaosError: The witness could not read everything.
        RefusedError: Partners are followed, and their registry or the keys are wrong.
    """
    return examine(
        gather(settings, witness),
        model,
        open_registry(settings),
        sent=by_place(sent or ()),
        histories_of=histories_of,
        policy=Policy(lateness_days=settings.lateness_days),
        sharing=Sharing.of(settings) if witness.partner_ids else None,
    )


def examine(  # noqa: PLR0913 - each is a thing of its own
    evidence: Evidence,
    model: Model,
    registry: SchemaRegistry,
    *,
    sent: Sent,
    policy: Policy,
    histories_of: int = 1,
    sharing: Sharing | None = None,
) -> Verdict:
    """As `check`, of evidence that is there; reads nothing."""
    verdict = Verdict()
    check_sent(evidence, sent, verdict)
    every: list[Refolded] = []
    for partition in range(evidence.partitions):
        records = {
            topic.name: [
                arrived(topic, record, sent, registry, verdict)
                for record in evidence.inputs[topic.name, partition]
            ]
            for topic in topics.INPUTS
        }
        refolded = Refolded(Inputs(partition, records), model.content, histories_of, policy)
        entries = (
            journal.decode(r.value or b"") for r in evidence.journal if r.partition == partition
        )
        refold(refolded, entries, verdict)
        compare_state(evidence, refolded, verdict)
        every.append(refolded)
    compare_letters(evidence, {k: v for each in every for k, v in each.letters.items()}, verdict)
    compare_scores(evidence, every, model.content, model.name, registry, verdict)
    compare_links(every, model.content, verdict)
    if sharing is not None:
        compare_partners(evidence, sharing, registry, verdict)
    return verdict

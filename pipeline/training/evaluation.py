"""The figures of one model on one sample."""

from dataclasses import dataclass

import numpy as np

from pipeline.scoring.model import Model
from pipeline.scoring.scorecard import Status, score_values
from pipeline.training import validation
from pipeline.training.sample import Sample
from pipeline.training.validation import BandCalibration


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well a model does on people it may not have seen; thin files are left out."""

    auc: float
    gini: float
    ks: float
    psi: float  # against the scores of the sample the model was fitted on
    calibration: dict[str, BandCalibration]  # by band, lowest first
    ceiling_auc: float
    samples: int
    thin_files: int
    default_rate: float
    predicted_default_rate: float


def evaluate(sample: Sample, model: Model) -> Evaluation:
    """Judge a model on a sample.

    Raises:
        ValueError: Nobody in the sample defaulted, or everybody did.
    """
    people = sample.scoreable()
    columns = score_values(people.values, people.consent_mask, people.missing, model)
    assert (columns.status == Status.SCORED).all()  # noqa: S101 - scoreable() left them out
    scores = columns.score.astype(np.float64)
    stated = model.content.training
    return Evaluation(
        auc=validation.auc(scores, people.defaulted),
        gini=validation.gini(scores, people.defaulted),
        ks=validation.ks(scores, people.defaulted),
        psi=validation.psi(
            stated["score_shares"], validation.shares(scores, stated["score_edges"])
        ),
        calibration={
            band.name: figures
            for band, figures in validation.calibration(
                scores, columns.probability_of_default, people.defaulted
            ).items()
        },
        ceiling_auc=validation.ceiling_auc(people.propensity, people.defaulted),
        samples=len(people),
        thin_files=len(sample) - len(people),
        default_rate=float(people.defaulted.mean()),
        predicted_default_rate=float(columns.probability_of_default.mean()),
    )

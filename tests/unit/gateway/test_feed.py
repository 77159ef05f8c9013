"""Which of partners' topics the gateway reads."""

from pipeline.gateway.feed import partner_inputs


def test_outcomes_and_enquiries_of_each_partner_are_read() -> None:
    assert [topic.name for topic in partner_inputs(["a", "b"])] == [
        "partner.a.outcomes",
        "partner.a.enquiries",
        "partner.b.outcomes",
        "partner.b.enquiries",
    ]

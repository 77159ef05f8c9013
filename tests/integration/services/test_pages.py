"""The clerk's pages in a real browser, on a running service."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.services.browser import Page, browser
from tests.integration.services.kafka_side import PartnerTopics
from tests.integration.services.process import Counter

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with browser(tmp_path) as opened:
        yield opened


def test_a_clerk_rents_a_car_and_takes_it_back_with_damage(
    rental_topics: PartnerTopics, tmp_path: Path, page: Page
) -> None:
    rental_topics.show("ann", "YES")
    rental_topics.show("ben", "NO")
    with Counter(rental_topics, tmp_path).wait_ready() as counter:
        page.driver.get(f"http://127.0.0.1:{counter.port}/")

        page.fill("#subject", "ann")
        page.double_click("#new button[type=submit]")
        page.until("#message", "Decided.")
        assert page.text("#verdict") == "The deposit is waived."
        assert page.text("#status") == "open"
        # A second click on the same form is the same request.
        page.click("#new button[type=submit]")
        page.until("#message", "Decided.")
        page.click("#find")
        page.until("#list h2", "Found")
        assert len(page.texts("#list tbody tr")) == 1

        page.act("return", description="scratch", amount="200.00", evidence="photo 7")
        page.until("#status", "damage claimed")
        page.act("contest", statement="It was there before.")
        page.until("#status", "contested")
        assert "It was there before." in page.text("#contract table")
        page.act("review", decision="AGAINST_CUSTOMER")
        page.until("#error", "a decision against the customer needs reasons")
        page.fill("form[data-action=review] [name=reason]", "It is on film.")
        page.click("form[data-action=review] button")
        page.until("#status", "breached")
        page.act("dispute", statement="No.")
        page.until("#status", "disputed")

        page.fill("#subject", "ben")
        page.click("#new button[type=submit]")
        page.until("#verdict", "A deposit is required.")
        assert page.texts("#reasons li") == [
            "Some bills or repayments of the last 24 months were paid after their due date."
        ]
        assert "450.00" in page.text("#way-on")
        page.act("deposit")
        page.until("#status", "open")

        found = counter.client.get("/rentals", params={"subject": "ann"}).json()
        assert [each["status"] for each in found["rentals"]] == ["DISPUTED"]
        assert page.unlabelled() == []
        assert page.hosts() == {f"127.0.0.1:{counter.port}"}
        # The one refusal above is all the browser has to tell.
        assert [each for each in page.complaints() if "422" not in each] == []


def test_a_clerk_lends_looks_at_an_application_and_takes_repayments(
    loan_topics: PartnerTopics, tmp_path: Path, page: Page
) -> None:
    loan_topics.show("ann", "YES")
    with Counter(loan_topics, tmp_path).wait_ready() as counter:
        page.driver.get(f"http://127.0.0.1:{counter.port}/")

        page.fill("#subject", "ann")
        page.double_click("#new button[type=submit]")
        page.until("#verdict", "The loan is approved.")
        page.act("repayments", amount="200.01")
        page.until("#error", "only 200.00 EUR are left to be repaid")
        page.fill("form[data-action=repayments] [name=amount]", "200.00")
        page.click("form[data-action=repayments] button")
        page.until("#status", "fulfilled")

        page.fill("#subject", "nobody we know")
        page.click("#new button[type=submit]")
        page.until("#verdict", "A member of staff decides")
        assert page.texts("#reasons li") == ["No score is available to us."]
        page.click("#queue")
        page.until("#list h2", "Found")
        assert len(page.texts("#list tbody tr")) == 1
        page.act("review", decision="DECLINE", reason="Two loans are open.")
        page.until("#status", "declined")
        assert page.text("#way-on").startswith("Contest the decline")
        page.act("contest", statement="One was repaid.")
        page.until("#status", "in review")
        page.act("review", decision="APPROVE", reason="")
        page.until("#status", "open")

        found = counter.client.get("/loans", params={"subject": "ann"}).json()
        assert [each["status"] for each in found["loans"]] == ["FULFILLED"]
        assert page.unlabelled() == []
        assert page.hosts() == {f"127.0.0.1:{counter.port}"}
        assert [each for each in page.complaints() if "422" not in each] == []


def test_the_documentation_is_a_page_of_its_own(
    rental_topics: PartnerTopics, tmp_path: Path, page: Page
) -> None:
    with Counter(rental_topics, tmp_path) as counter:
        counter.wait_ready()
        page.driver.get(f"http://127.0.0.1:{counter.port}/docs")

        assert "POST /rentals" in page.texts("h2 code")
        assert page.hosts() == {f"127.0.0.1:{counter.port}"}
        assert page.complaints() == []

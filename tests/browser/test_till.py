"""The till as whoever stands behind the counter has it: every flow, with a scanner that types, taps and keys."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from tests.browser.counter import Till, a_cashier, a_till, balance_of, entries_of
from tests.browser.world import World


@pytest.fixture(scope="module")
def staffed(shop: World) -> World:
    a_cashier(shop)
    return shop


@pytest.fixture
def till(browser: Browser, staffed: World) -> Iterator[Till]:
    """Bo stands at an enrolled device."""
    with a_till(browser, staffed.server.base_url) as made:
        made.enrol(staffed)
        made.sign_in()
        yield made


def test_a_card_is_scanned_and_a_part_of_it_taken(till: Till, staffed: World) -> None:
    card = staffed.active("60.00")
    till.scan(card.number)
    expect(till.page.locator(".card .balance")).to_contain_text("€60.00")
    assert card.number not in till.page.url
    till.key_in("1250")
    till.tap("Take this amount")
    till.shows("Taken", "€12.50", "€47.50", card.number[-4:])
    assert balance_of(staffed, card) == "47.50"
    (entry, *_) = entries_of(staffed, card)
    assert entry["amount"] == "-12.50"
    assert entry["cashierId"]
    assert entry["terminalId"]

"""From an empty database to a sold card, in a browser, in three steps; and nobody else sets the server up."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect
from tests.database.delivery.servers import Listening, MailServer
from tests.serving.server import Server, serving, until

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def mail() -> Iterator[MailServer]:
    server = MailServer()
    listening = Listening(server)
    listening.start()
    server.port = listening.port
    yield server
    listening.stop()


@pytest.fixture(scope="module")
def fresh(mail: MailServer) -> Iterator[Server]:
    with serving(settings={"KADO_MAIL_URL": mail.url}) as server:
        yield server
        server.books_are_right()


def test_an_empty_server_sells_its_first_card(
    fresh: Server, mail: MailServer, browser: Browser, tmp_path: Path
) -> None:
    said = fresh.command("setup-code").out
    code, _, address = said.strip().partition("  for ")
    assert re.fullmatch("[A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{4}", code)
    assert address == f"{fresh.base_url}/console/setup"
    assert "no shop yet" in fresh.said()
    assert code not in fresh.said()
    logo = tmp_path / "logo.png"
    Image.effect_noise((400, 300), 90).save(logo)
    assert logo.stat().st_size > 70_000  # more than the gate reads of strangers

    with browser.new_context(locale="en-GB", reduced_motion="reduce") as context:
        page = context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.goto(f"{fresh.base_url}/console")
        expect(page).to_have_url(address)
        page.get_by_label("Name of your shop").fill("Blumen & Bücher")
        page.get_by_label("Your email address").fill("anna@blumen.example")
        page.get_by_label("Password").fill("too short")
        page.get_by_label("Currency").select_option("EUR")
        page.get_by_label("Time zone").select_option("Europe/Berlin")

        page.get_by_label("Setup code").fill("AAAA-AAAA-AAAA")
        page.get_by_role("button", name="Open the shop").click()
        expect(page.get_by_text("This is not the setup code of this server.")).to_be_visible()
        page.get_by_label("Setup code").fill(code.lower())
        page.get_by_label("Password").fill("too short")
        page.get_by_role("button", name="Open the shop").click()
        expect(page.get_by_text("A password has 12 to 256 characters.")).to_be_visible()
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Open the shop").click()

        expect(page.get_by_role("heading", name="How your cards look")).to_be_visible()
        page.get_by_label("What the cards are called").fill("Flower card")
        page.get_by_label("Colour", exact=True).fill("#9d174d")
        page.get_by_label("Colour", exact=True).dispatch_event("change")
        expect(page.locator("#preview")).to_contain_text("contrast of 7.8 to 1")
        page.get_by_label("Logo", exact=True).set_input_files(logo)
        page.get_by_role("button", name="Go on").click()

        expect(page.get_by_role("heading", name="Sell your first card")).to_be_visible()
        page.get_by_label("Value").fill("50,00")
        page.get_by_label("Name of who receives it").fill("Ada")
        page.get_by_label("Email address of who receives it").fill("ada@mail.example")
        page.get_by_role("button", name="Sell the card").click()

        expect(page.get_by_text("The card is issued.")).to_be_visible()
        expect(page.locator(".big")).to_have_text("€50.00")
        expect(page.locator(".card-facts .status")).to_have_text("Active")
        assert not [said for said in complaints if "status of 4" not in said]

    until(lambda: any("ada@mail.example" in str(one["To"]) for one in mail.received), 15, "the card was not sent")
    shop = fresh.command("merchant", "list").out
    assert "Blumen & Bücher" in shop


def test_then_the_setup_page_is_gone(fresh: Server, browser: Browser) -> None:
    """Of the test before: there is a merchant."""
    with browser.new_context(locale="en-GB") as context:
        page = context.new_page()
        page.goto(f"{fresh.base_url}/console/setup")
        expect(page).to_have_url(f"{fresh.base_url}/console/sign-in")
    refused = fresh.command("setup-code")
    assert (refused.code, "has a merchant already" in refused.err) == (1, True)

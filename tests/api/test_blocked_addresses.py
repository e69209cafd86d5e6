"""Blocked addresses: nobody asks for a balance or calls a program from there, and its owner can always lift it."""

from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest
import pytest_asyncio
from tests.api.fraud import fraud_path, sent_from
from tests.api.serving import Served, serving
from tests.api.shop import LIST_ALL, Body, Fits, Shop, an_address, card_path, cards_path, check_path, good, pass_path
from tests.api.sign_in import MERCHANTS, REPORTS, TRANSACTIONS, on_behalf, signed_in

from kado.fraud.blocked import Blocks
from kado.settings import Settings

OUT = "203.0.113.7"
SIX = "2001:db8:5:6:7:8:9:a"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def other(app_settings: Settings, shared_database_url: str) -> AsyncIterator[Served]:
    """Another process at the same database."""
    async with serving(app_settings, shared_database_url) as served:
        yield served


async def blocked(shop: Shop, program: str, address: str = OUT, **more: object) -> Body:
    return good(await shop.post(fraud_path(program, "block-ip"), {"ipAddress": address, **more}), 201)


async def listed(shop: Shop, program: str) -> list[Body]:
    found: list[Body] = good(await shop.get(fraud_path(program, "blocked-ips")))["items"]
    return found


@pytest.mark.parametrize(
    ("block", "inside", "outside"),
    [
        ({"ipAddress": OUT}, OUT, "203.0.113.8"),
        ({"ipAddress": OUT, "cidrRange": "203.0.113.0/24"}, "203.0.113.250", "203.0.114.1"),
        ({"ipAddress": SIX}, "2001:db8:5:6::1", "2001:db8:5:7::1"),
        ({"ipAddress": SIX, "cidrRange": "2001:db8:5::/48"}, "2001:db8:5:ffff::1", "2001:db8:6::1"),
        ({"ipAddress": f"::ffff:{OUT}"}, OUT, "203.0.113.8"),
    ],
)
async def test_nothing_is_answered_there(shop: Shop, block: Body, inside: str, outside: str) -> None:
    program = await shop.program()
    card = await shop.active(program_id=program)
    code = await shop.code_of(card)
    good(await shop.get(card_path(card), headers=sent_from(inside)))  # remembered as free
    good(await shop.post(fraud_path(program, "block-ip"), block), 201)
    body = {"cardNumber": card["cardNumber"], "securityCode": code}
    for method, path, sent in (
        ("GET", card_path(card), None),
        ("POST", card_path(card, "redeem"), {"amount": "1.00"}),
        ("GET", cards_path(program), None),
        ("GET", f"{LIST_ALL}?programId={program}", None),
        ("GET", f"/v2/loyalty/programs/{program}", None),
        ("GET", pass_path(card), None),
        ("POST", check_path(program), body),
        ("POST", check_path(program), {**body, "securityCode": "000000", "cardNumber": "4000123412341234"}),
    ):
        token = None if "balance-check" in path else ""
        options = {} if sent is None else {"body": sent}
        answer = await shop.call(method, path, token=token, headers=sent_from(inside), **options)  # type: ignore[arg-type]
        said = {"detail": "Nobody may call this program from your address.", "code": "address_blocked"}
        assert good(answer, 403) == said, path
        answer = await shop.call(method, path, token=token, headers=sent_from(outside), **options)  # type: ignore[arg-type]
        assert answer.status_code in (200, 404), path
    anywhere = "/v2/giftcards/customer/balance-check"
    good(await shop.post(anywhere, body, token=None, headers=sent_from(inside)), 404)
    good(await shop.post(anywhere, body, token=None, headers=sent_from(outside)))
    everything = await shop.get(LIST_ALL, headers=sent_from(inside))
    assert all(one["programId"] != program for one in everything.json())
    good(await shop.redeem(await shop.active(), headers=sent_from(inside)))  # another program


async def test_what_a_customer_sees_of_all_cards_leaves_the_program_out(shop: Shop) -> None:
    session = await signed_in(shop)
    program = await shop.program()
    mine = {"customerEmail": session["identity"]["email"]}
    await shop.active(program_id=program, **mine)
    await shop.active(**mine)
    await blocked(shop, program)
    for address, cards in ((OUT, 1), ("203.0.113.8", 2)):
        headers = on_behalf(session) | sent_from(address)
        assert good(await shop.get(REPORTS, headers=headers))["totalCards"] == cards
        entries = good(await shop.get(TRANSACTIONS, headers=headers))
        assert len(entries) == 2 * cards
        assert [one["cardCount"] for one in (await shop.get(MERCHANTS, headers=headers)).json()] == [cards]
        assert good(await shop.get(f"{REPORTS}?programId={program}", headers=headers))["totalCards"] == cards - 1


async def test_the_owner_lifts_it_from_there_too(shop: Shop) -> None:
    program = await shop.program()
    await blocked(shop, program)
    there = sent_from(OUT)
    good(await shop.get(f"/v2/loyalty/programs/{program}", headers=there), 403)
    assert len(good(await shop.get(fraud_path(program, "blocked-ips"), headers=there))["items"]) == 1
    lifted = good(await shop.call("DELETE", fraud_path(program, f"block-ip/{OUT}"), headers=there))
    assert lifted["ipAddress"] == OUT
    good(await shop.get(f"/v2/loyalty/programs/{program}", headers=there))
    answer = await shop.call("DELETE", fraud_path(program, f"block-ip/{OUT}"))
    assert good(answer, 404)["code"] == "address_not_blocked"


async def test_a_block_says_what_it_is(shop: Shop, fits: Fits) -> None:
    program = await shop.program()
    made = fits("BlockedAddressResponse", await blocked(shop, program))
    assert made | {"expiresAt": None} == {
        "ipAddress": OUT,
        "cidrRange": f"{OUT}/32",
        "reason": "Manual block",
        "isPermanent": False,
        "expiresAt": None,
        "blockedBy": made["blockedBy"],
        "blockedAt": made["blockedAt"],
    }
    hours = await shop.superuser.fetchval("SELECT extract(epoch FROM $1::text::timestamptz - $2::text::timestamptz)",
                                          made["expiresAt"], made["blockedAt"])  # fmt: skip
    assert hours == 24 * 3600
    for_ever = await blocked(shop, program, reason="Guessed", isPermanent=True, cidrRange="203.0.113.9/24")
    assert (for_ever["cidrRange"], for_ever["isPermanent"], for_ever["expiresAt"]) == ("203.0.113.0/24", True, None)
    assert await listed(shop, program) == [for_ever]  # it took the place of the other
    six = await blocked(shop, program, SIX, expiresAt="2093-01-01T00:00:00Z")
    assert (six["ipAddress"], six["cidrRange"]) == ("2001:db8:5:6::", "2001:db8:5:6::/64")
    assert [one["ipAddress"] for one in await listed(shop, program)] == ["2001:db8:5:6::", OUT]
    good(await shop.call("DELETE", fraud_path(program, f"block-ip/{SIX}")))
    assert await listed(shop, program) == [for_ever]


async def test_a_block_ends_by_itself(shop: Shop) -> None:
    program = await shop.program()
    await blocked(shop, program)
    good(await shop.get(f"/v2/loyalty/programs/{program}", headers=sent_from(OUT)), 403)
    await shop.superuser.execute(
        "UPDATE fraud_blocked_address SET expires_at = clock_timestamp() - interval '1 second' WHERE program_id = $1",
        program,
    )
    shop.api.services.blocks.forget(program)
    good(await shop.get(f"/v2/loyalty/programs/{program}", headers=sent_from(OUT)))
    assert await listed(shop, program) == []


async def test_a_process_that_remembers_lets_go_at_the_right_moment_and_learns_within_half_a_minute(shop: Shop) -> None:
    program = await shop.program()
    now = [1000.0]
    blocks = Blocks(shop.api.services.database, timer=lambda: now[0])
    assert not await blocks.covers(program, OUT)
    await blocked(shop, program)
    assert not await blocks.covers(program, OUT)
    now[0] += 30.5
    assert await blocks.covers(program, OUT)
    await shop.superuser.execute(
        "UPDATE fraud_blocked_address SET expires_at = clock_timestamp() + interval '20 seconds' WHERE program_id = $1",
        program,
    )
    now[0] += 30.5
    assert await blocks.covers(program, OUT)
    now[0] += 20.5
    assert not await blocks.covers(program, OUT)


async def test_many_programs_are_asked_about_in_one_statement(shop: Shop) -> None:
    """Whoever names no program has all of them looked at, and waits for one answer of the database and not for each."""
    programs = [await shop.program() for _ in range(4)]
    await blocked(shop, programs[2])
    asked: list[str] = []
    database = shop.api.services.database
    with ExitStack() as stack:
        for holder in database._pool._holders:  # type: ignore[attr-defined] # each of its connections
            if holder._con is not None:
                stack.enter_context(holder._con.query_logger(lambda record: asked.append(record.query)))
        assert await Blocks(database).free(programs, OUT) == [*programs[:2], programs[3]]
    assert sum("fraud_blocked_address" in query for query in asked) == 1


async def test_other_processes_hear_of_it(shop: Shop, other: Served) -> None:
    program = await shop.program()
    await blocked(shop, program)
    headers = sent_from(OUT) | {"Authorization": f"Bearer {shop.owner}"}
    answer = await other.client.get(f"/v2/loyalty/programs/{program}", headers=headers)
    assert good(answer, 403)["code"] == "address_blocked"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"ipAddress": "x"}, "ipAddress"),
        ({"ipAddress": ""}, "ipAddress"),
        ({"ipAddress": f"{OUT}/24"}, "ipAddress"),
        ({"ipAddress": "0.0.0.0"}, "ipAddress"),
        ({"ipAddress": "127.0.0.1"}, "ipAddress"),
        ({"ipAddress": "10.1.2.3"}, "ipAddress"),
        ({"ipAddress": "192.168.0.1"}, "ipAddress"),
        ({"ipAddress": "::1"}, "ipAddress"),
        ({"ipAddress": "fe80::1"}, "ipAddress"),
        ({"ipAddress": "fd00::1"}, "ipAddress"),
        ({"ipAddress": "255.255.255.255"}, "ipAddress"),
        ({"ipAddress": "198.51.100.77"}, "ipAddress"),  # whoever asks
        ({"ipAddress": OUT, "cidrRange": "0.0.0.0/0"}, "cidrRange"),
        ({"ipAddress": OUT, "cidrRange": "203.0.0.0/15"}, "cidrRange"),
        ({"ipAddress": SIX, "cidrRange": "::/0"}, "cidrRange"),
        ({"ipAddress": "198.51.100.1", "cidrRange": "198.51.100.0/24"}, "cidrRange"),  # whoever asks
        ({"ipAddress": OUT, "cidrRange": "203.0.114.0/24"}, "cidrRange"),
        ({"ipAddress": OUT, "cidrRange": "24"}, "cidrRange"),
        ({"ipAddress": OUT, "cidrRange": "2001:db8::/48"}, "cidrRange"),
        ({"ipAddress": OUT, "expiresAt": "2001-01-01T00:00:00Z"}, "expiresAt"),
        ({"ipAddress": OUT, "expiresAt": "2093-01-01T00:00:00Z", "isPermanent": True}, "expiresAt"),
        ({"ipAddress": OUT, "expiresAt": "soon"}, "expiresAt"),
        ({"ipAddress": OUT, "reason": "x" * 501}, "reason"),
    ],
)
async def test_what_cannot_or_should_not_be_blocked_is_named(shop: Shop, body: Body, field: str) -> None:
    program = shop.program_id
    answer = await shop.post(fraud_path(program, "block-ip"), body, headers=sent_from("198.51.100.77"))
    assert good(answer, 422)["detail"][0]["loc"] == ["body", field]
    assert await listed(shop, program) == []


@pytest.mark.parametrize("ip", ["x", "1.2.3", "203.0.113.0%2F24", "%E2%80%8B", "0" * 300])
async def test_what_is_no_address_is_lifted_by_nobody(shop: Shop, ip: str) -> None:
    answer = await shop.call("DELETE", fraud_path(shop.program_id, f"block-ip/{ip}"))
    assert answer.status_code in (404, 422)


async def test_a_thousand_blocks_are_enough(shop: Shop) -> None:
    program = await shop.program()
    await shop.superuser.execute(
        "INSERT INTO fraud_blocked_address (program_id, address, network, reason, created_by, created_at)"
        " SELECT $1, a, a::cidr, 'x', 'operator:test', now()"
        " FROM (SELECT '100.64.0.0'::inet + n AS a FROM generate_series(1, 1000) n) s",
        program,
    )
    answer = await shop.post(fraud_path(program, "block-ip"), {"ipAddress": OUT})
    assert good(answer, 400)["code"] == "too_many_blocks"
    good(await shop.get(f"/v2/loyalty/programs/{program}", headers=sent_from("100.64.1.1")), 403)
    good(await shop.get(f"/v2/loyalty/programs/{program}", headers=sent_from(an_address())))

"""Hostile words in every text that a client can store: kept as they are, and told to nobody but in JSON.

Which members are texts is read from the served document, so that operations that come later are tried as well.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

import httpx2
import pytest
from tests.api.operation import Operation
from tests.api.operations import OPERATIONS, a_card_for, send
from tests.api.shop import UNKNOWN, Body, Shop, good
from tests.api.sign_in import VERIFY, an_email, code_for, sent_to
from tests.api.tills import SESSION, SETTINGS, THEME, TOKEN, FrontEnd
from tests.document import document

DOCUMENT: Final = document()
SHORT_MAX: Final = 50
WORDS: Final = [
    *(
        "<script>alert(1)</script>",
        "</script><script>alert(1)</script>",
        "<ScRiPt>alert(1)</ScRiPt >",
        "<script/src=//x>",
    ),
    *(
        "<img src=x onerror=alert(1)>",
        "<IMG/SRC=x/ONERROR=alert(1)>",
        "<svg onload=alert(1)>",
        "<svg/onload=alert(1)//",
    ),
    *(
        "<svg><script>alert(1)</script>",
        "<body onload=alert(1)>",
        "<details open ontoggle=alert(1)>",
        "<a href=javascript:x>x",
    ),
    *(
        "<iframe src=javascript:alert(1)>",
        "<iframe srcdoc='<script>x</script>'>",
        "<object data=javascript:x>",
        "<embed src=//x>",
    ),
    *(
        "<base href=//x>",
        "<meta http-equiv=refresh content=0;url=//x>",
        "<link rel=stylesheet href=//x>",
        "<form action=//x>",
    ),
    *(
        "<style>@import'//x'</style>",
        '"><script>alert(1)</script>',
        "'><script>alert(1)</script>",
        '" onmouseover="alert(1)',
    ),
    *("' autofocus onfocus='alert(1)", "` onclick=`alert(1)", "--><script>x</script><!--", "]]><script>x</script>"),
    *(
        "</title><script>x</script>",
        "</style><script>x</script>",
        "</textarea><script>x</script>",
        "<x:script>x</x:script>",
    ),
    *("&lt;script&gt;x&lt;/script&gt;", "&#60;script&#62;x", "%3Cscript%3Ex%3C/script%3E", "＜script＞x＜/script＞"),
    *("+ADw-script+AD4-x+ADw-/script+AD4-", "javascript:alert(1)", "{{7*7}}", "${7*7}", "=cmd|'/C calc'!A0"),
]
LONG: Final = "".join(WORDS)

# Texts that prove something and are compared, or are looked up, and are not kept as they are.
NOT_KEPT: Final = {
    "appToken",
    "target",
    "sharedSecret",
    "cardNumber",
    "code",
    "captchaToken",
    "destinationCardNumber",
    "securityCode",
    "sessionToken",
}
FILES: Final = (
    *("download bulk", "download audit log", "download paper", "paper", "card preview", "pass file"),
    *("download analytics", "download schedule"),
)
"""What answers with files, which have tests of their own."""

# Told by their own operations below: they want another proof than a bearer, or another step before.
MFA_VERIFY: Final = "POST /v2/token/mfa-verify"  # takes a pending token and a code, and keeps neither
APART: Final = (f"POST {SESSION}", f"PUT {SETTINGS}", f"POST {SETTINGS}", f"PUT {THEME}", f"POST {VERIFY}", MFA_VERIFY)


def texts_of(operation: Body) -> dict[str, int]:
    """The members of its JSON body that take any text, and how long each may be."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    found = {}
    for form in _forms(content.get("schema", {})):
        for name, member in form.get("properties", {}).items():
            for one in _forms(member):
                if one.get("type") == "string" and not {"format", "enum", "pattern", "const"} & one.keys():
                    found[name] = one.get("maxLength", 255)
    return {name: length for name, length in found.items() if name not in NOT_KEPT}


def _forms(schema: Body) -> Iterator[Body]:
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    if "anyOf" in schema:
        for one in schema["anyOf"]:
            yield from _forms(one)
    else:
        yield schema


TEXTS: Final = {
    f"{method.upper()} {path}": texts
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if (texts := texts_of(operation))
}


def label_of(method: str, path: str) -> str:
    """Which operation of the document answers there: the one with the fewest parameters that fits."""
    templates = [label for label in TEXTS if label.startswith(f"{method} ")]
    fitting = [one for one in templates if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", one), f"{method} {path}")]
    return min(fitting, key=lambda one: one.count("{"), default="")


def assert_inert(answer: httpx2.Response) -> Any:
    """No browser takes it for anything but data; returns the body."""
    assert answer.status_code < 500
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<" not in str([*answer.headers.items()])
    return answer.json()


def assert_kept(sent: Body, said: Any) -> None:
    """What the answer tells of it is what was sent."""
    for name in sent.keys() & (said.keys() if isinstance(said, dict) else set()):
        assert said[name] == sent[name], name


def rounds(texts: dict[str, int]) -> Iterator[dict[str, str]]:
    """What to send so that each member has held each of the words: long ones hold several at a time."""
    at_once = {name: max(1, length // SHORT_MAX) for name, length in texts.items()}
    for number in range(max(-(-len(WORDS) // count) for count in at_once.values())):
        yield {
            name: "".join(WORDS[(number * count + at) % len(WORDS)] for at in range(min(count, len(WORDS))))
            for name, count in at_once.items()
        }


async def kept_by(shop: Shop, name: str) -> set[str]:
    """Send the operation until each text that it takes has held all words; those of them in which they were kept."""
    label = label_of(OPERATIONS[name].method, path_of(OPERATIONS[name]))
    card, fitting, kept = await a_card_for(shop, name), TEXTS[label], set[str]()
    for texts in rounds(TEXTS[label]):
        answer = await _sent(shop, name, card, texts, fitting)
        while answer.status_code == 422 and fitting:
            # Some texts have a form of their own, or exclude one another; the document does not tell.
            refused = {error["loc"][-1] for error in assert_inert(answer)["detail"]} & fitting.keys()
            gone = refused or {next(iter(fitting))}
            fitting = {one: length for one, length in fitting.items() if one not in gone}
            answer = await _sent(shop, name, card, texts, fitting)
        if not answer.is_success:
            # The card is no longer as it was, or this has been done with it often enough.
            assert_inert(answer)
            card = await a_card_for(shop, name)
            answer = await _sent(shop, name, card, texts, fitting)
        said = assert_inert(answer)
        if answer.is_success and fitting:
            assert_kept({one: texts[one] for one in fitting}, said)
            kept |= fitting.keys()
    return kept


async def _sent(shop: Shop, name: str, card: Body, texts: dict[str, str], fitting: dict[str, int]) -> httpx2.Response:
    operation = OPERATIONS[name]
    body = (operation.body(card) or {}) | {one: texts[one] for one in fitting}
    token = await shop.person() if operation.by_person else ""
    return await shop.call(operation.method, operation.path(card), body, token=token)


def with_texts() -> list[str]:
    """The names of the operations on cards and programs that take a text."""
    # Ids, addresses, numbers, names of ours: each has a form.
    formal = ("export person", "create consent", "update consent", "export analytics", "validate reports")
    return [
        name
        for name, one in OPERATIONS.items()
        if name not in formal and label_of(one.method, path_of(one)) and one.status < 300
    ]


def path_of(operation: Operation) -> str:
    """Its path on a card that nobody has."""
    card: Body = defaultdict(lambda: UNKNOWN, card={"serialNumber": UNKNOWN, "passTypeIdentifier": "pass.x"})
    return operation.path(card).partition("?")[0]


@pytest.mark.parametrize("name", with_texts())
async def test_words_are_kept_as_they_are_and_told_as_data(shop: Shop, name: str) -> None:
    assert await kept_by(shop, name), "at least one of its texts takes them"


async def test_a_tills_words_are_too(shop: Shop) -> None:
    front_end = await FrontEnd.of(shop)
    session, theme = TEXTS[f"POST {SESSION}"], TEXTS[f"PUT {THEME}"]
    for at, words in enumerate(WORDS):
        # A shop of its own each time; the program that it names is looked up and not kept.
        sent = {one: words for one in session if one not in ("programId", "merchantId", "role")} | {"role": "owner"}
        said = assert_inert(await front_end.open(merchantId=f"{at}{words}", **sent))
        assert_kept({"name": words, "locationName": words}, said)
        till = {TOKEN: said["sessionToken"]}
        looks = {one: words for one in theme if one not in ("logoUrl", "fontFamily") and theme[one] > 7}
        answer = await shop.call("PUT", THEME, looks, headers=till)
        assert_kept(looks, assert_inert(answer)["theme"])
        assert answer.status_code == 200, answer.text
        assert_inert(await shop.get(THEME, headers=till))
        assert_inert(await shop.get(SETTINGS, headers=till))


async def test_a_customers_name_is_too(shop: Shop) -> None:
    for words in WORDS:
        target = an_email()
        await sent_to(shop, target)
        answer = await shop.post(VERIFY, {"target": target, "code": await code_for(shop, target), "name": words})
        assert_kept({"name": words}, assert_inert(answer)["identity"])


async def test_what_was_kept_is_told_as_data_wherever_it_is_told(shop: Shop) -> None:
    card = await a_card_for(shop, "details", customerName=WORDS[0], senderName=WORDS[4], customMessage=LONG[:500])
    good(await shop.redeem(card, "1.00", more={"description": LONG[:500], "posTransactionId": WORDS[6]}))
    readers = [name for name, one in OPERATIONS.items() if one.method == "GET" and name not in FILES]
    assert len(readers) > 15
    for name in readers:
        said = assert_inert(await send(shop, name, card | await a_card_for_reading(shop, name, card)))
        if name in ("details", "list"):
            assert WORDS[0] in json.dumps(said, ensure_ascii=False)


async def a_card_for_reading(shop: Shop, name: str, card: Body) -> Body:
    prepare = OPERATIONS[name].prepare
    return await prepare(shop, card, "") if prepare else {"webhookId": UNKNOWN}


def test_every_operation_that_takes_a_text_is_tried() -> None:
    tried = {label_of(one.method, path_of(one)) for one in OPERATIONS.values()}
    assert TEXTS.keys() - tried - set(APART) == set(), "add them to tests/api/operations.py"


def test_there_are_words_enough() -> None:
    assert len(set(WORDS)) == len(WORDS) > 30
    assert all(len(words) <= SHORT_MAX and words.isprintable() for words in WORDS)

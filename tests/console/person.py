"""A person before the console: signs in, opens pages, fills their forms in and sends them."""

import itertools
import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import httpx2
from tests.api.serving import Served
from tests.api.shop import PASSWORD, Shop, an_address

from kado.access import staff
from kado.access.permissions import Role
from kado.doors.console.cookie import TOKEN

SIGN_IN = "/console/sign-in"

_numbers = itertools.count(1)
_FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
_INPUT = re.compile(r"<input\b([^>]*)>")


def attributes(tag: str) -> dict[str, str]:
    return {name: unescape(value) for name, value in re.findall(r'([a-z-]+)="([^"]*)"', tag)}


def forms_of(page: httpx2.Response) -> dict[str, dict[str, str]]:
    """The page's forms by where they are sent to, each with what it sends by itself."""
    found = {}
    for opening, inside in _FORM.findall(page.text):
        fields = [attributes(one) for one in _INPUT.findall(inside)]
        hidden = {one["name"]: one.get("value", "") for one in fields if one.get("type") == "hidden"}
        found[attributes(opening)["action"]] = hidden
    return found


def as_shown(page: httpx2.Response, action: str) -> dict[str, str]:
    """What the page's form would send if nobody typed anything: hidden and filled fields, ticks and choices."""
    inside = next(one for opening, one in _FORM.findall(page.text) if attributes(opening)["action"] == action)
    found = {}
    for tag in _INPUT.findall(inside):
        one = attributes(tag)
        if one.get("type") in ("checkbox", "radio") and not re.search(r"\bchecked\b", tag):
            continue
        found[one["name"]] = one.get("value", "")
    for tag, text in re.findall(r"<textarea\b([^>]*)>(.*?)</textarea>", inside, re.DOTALL):
        found[attributes(tag)["name"]] = unescape(text)
    for tag, options in re.findall(r"<select\b([^>]*)>(.*?)</select>", inside, re.DOTALL):
        every = re.findall(r'<option value="([^"]*)"( selected)?>', options)
        found[attributes(tag)["name"]] = next((value for value, chosen in every if chosen), every[0][0])
    return found


@dataclass
class Person:
    """Somebody with a browser of their own."""

    api: Served
    email: str = ""
    cookies: dict[str, str] = field(default_factory=dict)
    address: str = field(default_factory=an_address)

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        return await self._ask("GET", path, None, headers)

    async def post(self, path: str, fields: dict[str, Any] | None = None, **headers: str) -> httpx2.Response:
        """A form as it is, whatever page it was on."""
        return await self._ask("POST", path, fields or {}, headers)

    async def send(self, page: httpx2.Response, action: str, /, **typed: str) -> httpx2.Response:
        """Fill in the page's form that is sent to this address, and send it."""
        return await self.post(action, forms_of(page)[action] | typed)

    async def upload(
        self, path: str, content: bytes, /, action: str = "", name: str = "file", **typed: str
    ) -> httpx2.Response:
        """Open the page, choose a file in its form, fill the rest in and send it."""
        action = action or path
        fields = forms_of(await self.get(path))[action] | typed
        parts = {key: (None, value) for key, value in fields.items()} | {name: ("picture.png", content)}
        return await self._ask("POST", action, None, {}, parts)

    async def fill(self, path: str, action: str = "", /, **typed: str) -> httpx2.Response:
        """Open the page, fill in its form and send it."""
        return await self.send(await self.get(path), action or path, **typed)

    async def follow(self, answer: httpx2.Response) -> httpx2.Response:
        assert answer.status_code == 303, (answer.status_code, answer.text)
        return await self.get(answer.headers["location"])

    async def _ask(
        self,
        method: str,
        path: str,
        fields: dict[str, Any] | None,
        headers: dict[str, str],
        parts: dict[str, Any] | None = None,
    ) -> httpx2.Response:
        given = {"X-Forwarded-For": self.address, "Accept-Language": "en"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            given["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = await self.api.client.request(method, path, data=fields, files=parts, headers=given)
        for one in answer.headers.get_list("set-cookie"):
            name, _, rest = one.partition("=")
            value = rest.partition(";")[0].strip('"')
            if value:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        self.api.client.cookies.clear()
        return answer

    @property
    def token(self) -> str:
        return self.cookies[TOKEN]


async def hired(shop: Shop, role: Role, *, merchant_id: str = "") -> str:
    """Somebody new who works for the merchant; their email."""
    email = f"{role.value}{next(_numbers)}@flowers.example"
    database = shop.api.services.database
    await staff.add(database, merchant_id or shop.merchant_id, email, PASSWORD, role, None, "operator:test")
    return email


async def signed_in(shop: Shop, email: str) -> Person:
    """The person, before the page that comes after the sign-in."""
    person = Person(shop.api, email)
    answer = await person.fill(SIGN_IN, email=email, password=PASSWORD)
    assert answer.status_code == 303, answer.text
    return person

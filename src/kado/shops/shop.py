"""What a shop is."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

THE_SHOP_ITSELF: Final = ""
"""The id of a location that is no place of its own: where sessions named none, as those of a web shop."""


class Platform(StrEnum):
    """Where a shop runs."""

    EPOSNOW = "eposnow"
    SHOPIFY = "shopify"
    CLOVER = "clover"
    WORDPRESS = "wordpress"


@dataclass(frozen=True, slots=True)
class Location:
    """Where a shop sells, and the program whose cards are sold there. `id` is the platform's."""

    id: str
    name: str | None
    program_id: str | None
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Shop:
    """A merchant's shop on a platform, with all its locations, the first one first. `platform_id` is the platform's."""

    id: str
    merchant_id: str
    platform: Platform
    platform_id: str
    name: str | None
    locations: tuple[Location, ...]

    def location(self, location_id: str) -> Location | None:
        """The location with this id."""
        return next((place for place in self.locations if place.id == location_id), None)

    @property
    def places(self) -> tuple[Location, ...]:
        """The locations that the platform named."""
        return tuple(place for place in self.locations if place.id != THE_SHOP_ITSELF)


@dataclass(frozen=True, slots=True)
class Hello:
    """What a platform says when it opens a session. What is None says nothing and changes nothing.

    `app_token` is the secret with which the platform knows Kado's app in this shop.
    """

    app_token: str
    platform: Platform
    platform_id: str
    name: str | None = None
    location_id: str | None = None
    location_name: str | None = None
    program_id: str | None = None
    user_id: str | None = None
    role: str | None = None
    cashier_id: str | None = None
    terminal_id: str | None = None

    def __repr__(self) -> str:
        return f"Hello(platform={self.platform!r}, platform_id={self.platform_id!r}, ...)"

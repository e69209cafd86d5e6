# Written by scripts/client.py (make format) from _async/merchants.py. Change that instead.

"""Merchants of a platform (a till system, a shop system): their sessions, settings and theme."""

from typing import Unpack

from kado_client._sync.resource import Resource
from kado_client.records.people import MerchantSession, MerchantSessionCheck, ThemeAnswer, ThemeChanges
from kado_client.wire import changes, members


class Merchants(Resource):
    """Sessions of a platform's merchants and, with `as_merchant`, what they have set."""

    def open_session(
        self,
        *,
        app_token: str,
        merchant_id: str,
        platform: str = "eposnow",
        name: str | None = None,
        location_id: str | None = None,
        location_name: str | None = None,
        program_id: str | None = None,
        user_id: str | None = None,
        role: str | None = None,
        cashier_id: str | None = None,
        terminal_id: str | None = None,
    ) -> MerchantSession:
        """Open a session for a platform's merchant. `merchant_id` is the platform's own; the request is signed."""
        body = members(
            app_token=app_token,
            merchant_id=merchant_id,
            platform=platform,
            name=name,
            location_id=location_id,
            location_name=location_name,
            program_id=program_id,
            user_id=user_id,
            role=role,
            cashier_id=cashier_id,
            terminal_id=terminal_id,
        )
        return self._write(("merchants", "session"), MerchantSession, body)

    def session(self, session_token: str) -> MerchantSessionCheck:
        """Whether a session is still good, and whose it is."""
        body = members(session_token=session_token)
        return self._write(("merchants", "session", "validate"), MerchantSessionCheck, body, is_safe=True)

    def save_settings(
        self, *, program_id: str | None = None, location_id: str | None = None, merchant_id: str | None = None
    ) -> MerchantSession:
        """Say in which program a location works (the first one, unless named). Needs `as_merchant`."""
        body = members(program_id=program_id, location_id=location_id, merchant_id=merchant_id)
        return self._write(("merchants", "settings"), MerchantSession, body, method="PUT", is_safe=True)

    def theme(self) -> ThemeAnswer:
        """How the merchant's pages look. Needs `as_merchant`."""
        return self._get(("merchants", "theme"), ThemeAnswer)

    def save_theme(self, **theme: Unpack[ThemeChanges]) -> ThemeAnswer:
        """Change how the merchant's pages look; what is not given gets its default. Needs `as_merchant`."""
        return self._write(("merchants", "theme"), ThemeAnswer, changes(theme), method="PUT", is_safe=True)

"""Bulk issue: many cards at once."""

from collections.abc import Sequence
from datetime import datetime

from kado_client._async.resource import AsyncResource
from kado_client.call import Call
from kado_client.records.cards import BulkIssue, CsvLink, Recipient
from kado_client.wire import Amount, exact, kado_headers, members


class AsyncBulk(AsyncResource):
    """Bulk issues of one program."""

    async def issue(
        self,
        initial_value: Amount,
        *,
        count: int | None = None,
        recipients: Sequence[Recipient] | None = None,
        is_physical: bool | None = None,
        design_template: str | None = None,
        expires_at: datetime | None = None,
        language: str | None = None,
        time_zone: str | None = None,
        idempotency_key: str | None = None,
    ) -> BulkIssue:
        """Make `count` cards, or one for each recipient. Many take a while: then ask `get` with the `task_id`.

        `language` (`de-AT`) and `time_zone` (`Europe/Vienna`) are those of all recipients, else the program's are used.
        """
        body = members(
            initial_value=exact(initial_value),
            count=count,
            recipients=None if recipients is None else list(recipients),
            is_physical=is_physical,
            design_template=design_template,
            expires_at=expires_at,
        )
        headers = kado_headers(language=language, time_zone=time_zone)
        return await self._move(("cards", "bulk"), BulkIssue, body, idempotency_key, headers=headers)

    async def get(self, task_id: str) -> BulkIssue:
        """How far a bulk issue is."""
        return await self._get(("cards", "bulk", task_id), BulkIssue)

    async def csv(self, csv_download_url: str) -> bytes:
        """The file of numbers and codes behind a link. A link is good for one complete download."""
        task_id, _, token = csv_download_url.split("/")[-3:]
        path = self._at(("cards", "bulk", task_id, "csv", token))
        return await self._transport.send(Call("GET", path, lambda answer: answer.content, is_safe=True))

    async def renew_csv_link(self, task_id: str) -> CsvLink:
        """A new link to the file, while none of the cards has been activated."""
        return await self._write(("cards", "bulk", task_id, "csv"), CsvLink, is_safe=True)

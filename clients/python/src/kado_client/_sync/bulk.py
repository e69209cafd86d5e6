# Written by scripts/client.py (make format) from _async/bulk.py. Change that instead.

"""Bulk issue: many cards at once."""

from collections.abc import Sequence
from datetime import datetime

from kado_client._sync.resource import Resource
from kado_client.records.cards import BulkIssue, Recipient
from kado_client.wire import Amount, exact, members


class Bulk(Resource):
    """Bulk issues of one program."""

    def issue(
        self,
        initial_value: Amount,
        *,
        count: int | None = None,
        recipients: Sequence[Recipient] | None = None,
        is_physical: bool | None = None,
        design_template: str | None = None,
        expires_at: datetime | None = None,
        idempotency_key: str | None = None,
    ) -> BulkIssue:
        """Make `count` cards, or one for each recipient. Many take a while: then ask `get` with the `task_id`."""
        body = members(
            initial_value=exact(initial_value),
            count=count,
            recipients=None if recipients is None else list(recipients),
            is_physical=is_physical,
            design_template=design_template,
            expires_at=expires_at,
        )
        return self._move(("cards", "bulk"), BulkIssue, body, idempotency_key)

    def get(self, task_id: str) -> BulkIssue:
        """How far a bulk issue is."""
        return self._get(("cards", "bulk", task_id), BulkIssue)

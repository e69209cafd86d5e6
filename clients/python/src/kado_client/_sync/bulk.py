# Written by scripts/client.py (make format) from _async/bulk.py. Change that instead.

"""Bulk issue: many cards at once, and the file or the paper that their codes are on."""

from collections.abc import Sequence
from datetime import datetime

from kado_client._sync.resource import Resource
from kado_client.records.cards import BulkIssue, CsvLink, PrintRun, Recipient
from kado_client.wire import Amount, exact, kado_headers, members


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
        return self._move(("cards", "bulk"), BulkIssue, body, idempotency_key, headers=headers)

    def get(self, task_id: str) -> BulkIssue:
        """How far a bulk issue is."""
        return self._get(("cards", "bulk", task_id), BulkIssue)

    def csv(self, csv_download_url: str) -> bytes:
        """The file of numbers and codes behind a link. A link is good for one complete download."""
        task_id, _, token = csv_download_url.split("/")[-3:]
        return self._get_file(("cards", "bulk", task_id, "csv", token))

    def renew_csv_link(self, task_id: str) -> CsvLink:
        """A new link to the file, while none of the cards has been activated."""
        return self._write(("cards", "bulk", task_id, "csv"), CsvLink, is_safe=True)

    def order_paper(
        self,
        task_id: str,
        *,
        format: str | None = None,  # noqa: A002 - the API's word
        size: str | None = None,
        shift_right: int | None = None,
        shift_down: int | None = None,
    ) -> PrintRun:
        """Have all cards of a bulk issue printed as PDF, with their codes; ask `paper` how far that is.

        The task's id is `id` of the `BulkIssue`. `format` is `label`, `a4`, `letter` or `folded`, and the rest as for
        the paper of one card. It takes the place of the CSV file and of an earlier run, whose codes become void: so it
        is never sent twice by itself. After an `OutcomeUnknown`, look at `paper` before ordering again. Raises
        `ApiError` with `cards_in_use` once one of the cards was activated, `task_not_ended`, `no_file`,
        `print_run_too_large` (more than 10,000 cards).
        """
        body = members(format=format, size=size, shift_right=shift_right, shift_down=shift_down)
        return self._write(("cards", "bulk", task_id, "paper"), PrintRun, body)

    def paper(self, task_id: str) -> PrintRun:
        """How far the printing is. `NotFound` where none was ordered, and once its file has been fetched."""
        return self._get(("cards", "bulk", task_id, "paper"), PrintRun)

    def paper_file(self, download_url: str) -> bytes:
        """The file of a print run: a PDF, or from 501 cards on a ZIP file of several. It can be had once.

        A download that breaks off is begun again. Ten thousand labels are 40 MB: give a slow line more
        `deadline_seconds` (`Retries`).
        """
        task_id, _, token = download_url.split("/")[-3:]
        return self._get_file(("cards", "bulk", task_id, "paper", token))

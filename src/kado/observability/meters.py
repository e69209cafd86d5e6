"""Everything that a server counts: what it is called, what it means, by what it is told apart.

`docs/reference/metrics.md` is printed from this table. Labels have few values, and nothing secret or personal among
them: a route is the pattern of its address, a refusal its code.
"""

from typing import Final

from kado.observability.tally import NANOSECONDS, Counter, Gauge, Histogram, Meter, Snapshot

_MICROSECOND: Final = 1_000
_SECONDS: Final = tuple(
    _MICROSECOND * step
    for step in (500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000)
)
_STEP_SECONDS: Final = tuple(
    _MICROSECOND * step for step in (100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 1_000_000)
)
_SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128)

# ── requests ───────────────────────────────────────────────────────────────────────────────────────────────────────

REQUESTS: Final = Counter(
    "kado_http_requests_total",
    "Answered requests. 499: the client left before its answer.",
    ("method", "route", "status"),
)
REQUEST_SECONDS: Final = Histogram(
    "kado_http_request_seconds",
    "From the head of a request to the end of its answer.",
    ("method", "route"),
    steps=_SECONDS,
    scale=NANOSECONDS,
)
REFUSALS: Final = Counter(
    "kado_refusals_total", 'Every "no" that was worded, by its code; a stored one that is repeated is not.', ("code",)
)
CONNECTIONS: Final = Gauge("kado_http_connections", "Open connections of clients.")
WAITING: Final = Gauge("kado_waiting", "Requests that wait in a queue of the server.", ("queue",))
TURNED_AWAY: Final = Counter("kado_turned_away_total", "Requests that found a queue full and got 503.", ("queue",))

# ── money ──────────────────────────────────────────────────────────────────────────────────────────────────────────

POSTINGS: Final = Counter(
    "kado_postings_total",
    "Changes of cards that were asked for. `done`, `refused`, `repeated` (the key was known) or `failed` (not known).",
    ("kind", "outcome"),
)
LIST_SIZE: Final = Histogram(
    "kado_posting_list_size", "How many postings shared one commit. 1 on a quiet server.", steps=_SIZES
)
LIST_SECONDS: Final = Histogram(
    "kado_posting_list_seconds",
    "The steps of a list of postings: `decide` (lock, read and decide), `write` (what is seldom written), `commit`"
    " (what always is, and the commit itself).",
    ("step",),
    steps=_STEP_SECONDS,
    scale=NANOSECONDS,
)
OWED: Final = Gauge(
    "kado_owed",
    "What is on live cards, expired ones included, in the currency's major unit. `program` is empty unless asked for.",
    ("currency", "program"),
    scale=1_000,
)
CARDS: Final = Gauge("kado_cards", "Live cards by state, as last counted.", ("status",))
OWED_CORRECTED: Final = Counter(
    "kado_owed_corrected_total",
    "How often the balances of all cards did not come to what the entries said. Run `kado verify`.",
)

# ── the database ───────────────────────────────────────────────────────────────────────────────────────────────────

DATABASE_AWAY: Final = Counter(
    "kado_database_away_total", "Times that work was given up because the database was away, full or too slow."
)
DATABASE_RETRIES: Final = Counter(
    "kado_database_retries_total",
    "Transactions that were run again: `away` (a lost connection) or `conflict` (a deadlock or a lock not granted).",
    ("reason",),
)
DATABASE_CONNECTIONS: Final = Gauge(
    "kado_database_connections", "Connections of the pools: `used` or `idle`.", ("state",)
)
REPLICAS: Final = Gauge("kado_replicas", "Copies of the database that stream from it, as far as its role may see them.")
REPLICA_BEHIND: Final = Gauge("kado_replica_behind_bytes", "How far the copy that is furthest behind is behind.")
ARCHIVE_RUNS: Final = Gauge("kado_archive_runs", "1 while the archive of the embedded database goes on, otherwise 0.")
ARCHIVE_BEHIND: Final = Gauge("kado_archive_behind_bytes", "What the archive has not got yet.")
BACKUP_AGE: Final = Gauge(
    "kado_backup_age_seconds",
    "Since `kado backup` last succeeded with this data directory; missing where it never did.",
)
SEAL_AGE: Final = Gauge("kado_seal_age_seconds", "How old an entry may be that is not sealed yet.")

# ── who guesses, and what looks wrong ──────────────────────────────────────────────────────────────────────────────

CHECKS: Final = Counter(
    "kado_balance_checks_total",
    "Public balance checks: `found`, or the code of the refusal.",
    ("outcome",),
)
LOCKOUTS: Final = Counter("kado_lockouts_total", "Numbers that were locked after wrong codes, existing or not.")
FRAUD_ALERTS: Final = Gauge("kado_fraud_alerts_open", "Alerts against fraud that nobody has looked at.", ("severity",))
ANOMALIES: Final = Gauge("kado_anomaly_alerts_open", "Unusual traffic that is not over.", ("severity",))

# ── the worker and its queues ──────────────────────────────────────────────────────────────────────────────────────

TASK_RUNS: Final = Counter(
    "kado_task_runs_total", "Runs of what the worker does from time to time.", ("task", "outcome")
)
TASK_AGE: Final = Gauge(
    "kado_task_age_seconds", "Since the task last ended well, or since the start.", ("task",), scale=NANOSECONDS
)
JOBS_DONE: Final = Counter("kado_jobs_done_total", "Jobs that the worker took: `done` or `failed`.", ("job", "outcome"))
JOBS: Final = Gauge("kado_jobs", "Jobs that are due and not taken.", ("job",))
JOBS_AGE: Final = Gauge("kado_jobs_oldest_seconds", "Since when the oldest of them is due.")
MESSAGES_SENT: Final = Counter(
    "kado_messages_sent_total", "Tries to send a mail or text message.", ("channel", "outcome")
)
MESSAGES: Final = Gauge(
    "kado_messages",
    "Mails and text messages that have not left: `waiting`, `retrying`, `overdue`, and given up (`failed`).",
    ("state",),
)
MESSAGES_AGE: Final = Gauge("kado_messages_oldest_seconds", "Since when the oldest one is due.")
EVENTS_SENT: Final = Counter("kado_events_sent_total", "Tries to bring an event to an endpoint.", ("outcome",))
EVENTS: Final = Gauge(
    "kado_events",
    "Events for endpoints that have not arrived: `new`, `waiting`, `retrying`, `overdue`, and given up (`failed`).",
    ("state",),
)
EVENTS_AGE: Final = Gauge("kado_events_oldest_seconds", "Since when the oldest one is due.")
WALLETS_TOLD: Final = Counter(
    "kado_wallets_told_total",
    "Tries to tell a wallet that a card changed: `told`, `put_off`, `failed`, or `gone` (it is forgotten).",
    ("wallet", "outcome"),
)
WALLETS: Final = Gauge(
    "kado_wallets",
    "Wallets that do not know yet that a card changed: `waiting`, `retrying`, `overdue`, and given up (`failed`).",
    ("state",),
)
WALLETS_AGE: Final = Gauge("kado_wallets_oldest_seconds", "Since when the oldest of them is due.")
WALLET_CERTIFICATE: Final = Gauge(
    "kado_wallet_certificate_seconds",
    "For how long the pass certificate that ends first is still in force; missing where there is none.",
)
BULK_TASKS: Final = Gauge("kado_bulk_tasks", "Bulk issues that are not finished.")
BULK_CARDS: Final = Gauge("kado_bulk_cards_left", "Cards that they still have to make.")
BULK_AGE: Final = Gauge("kado_bulk_idle_seconds", "Since when the one that has waited longest has made no card.")
READING_SECONDS: Final = Gauge(
    "kado_reading_seconds", "What it took to ask the database for these figures.", scale=NANOSECONDS
)

# ── processes ──────────────────────────────────────────────────────────────────────────────────────────────────────

INFO: Final = Gauge("kado_info", "1; the labels say what runs.", ("version", "schema", "python"))
SECRETS: Final = Gauge("kado_secrets", "Secret keys that are configured. More than one: a change is under way.")
PROCESSES: Final = Gauge("kado_processes", "1 for each process that works.", ("process",))
PROCESSES_LOST: Final = Counter("kado_processes_lost_total", "HTTP processes that ended by themselves.")
MEMORY: Final = Gauge("kado_process_memory_bytes", "Resident memory.", ("process",))
CPU_SECONDS: Final = Counter(
    "kado_process_cpu_seconds_total", "Time that the processor spent on it.", ("process",), scale=NANOSECONDS
)
OPEN_FILES: Final = Gauge("kado_process_open_files", "Open files and connections.", ("process",))
LOOP_LAG: Final = Histogram(
    "kado_event_loop_lag_seconds",
    "How much too late the process did what it had planned: everything in it waits so long.",
    ("process",),
    steps=_STEP_SECONDS,
    scale=NANOSECONDS,
)

METERS: Final[dict[str, Meter]] = {one.name: one for one in list(globals().values()) if isinstance(one, Meter)}
"""All of them, by their names."""


def snapshot() -> Snapshot:
    """What this process shows at this moment; to be used at once, for its cells go on counting."""
    return {name: cells for name, meter in METERS.items() if (cells := meter.look())}

"""Every setting, in one place: its name, default, meaning. `kado config` and the reference page print this table."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable, described for people."""

    name: str
    default: str
    meaning: str
    secret: bool = False


SETTINGS: Final = (
    Setting(
        "KADO_DATABASE_URL",
        "",
        "PostgreSQL 15 to 18, as `postgresql://user:password@host:5432/name`. Empty: Kado runs its own PostgreSQL in "
        "the data directory. The user migrates the schema and must be allowed to create a role (see "
        "KADO_DATABASE_APP_URL). Several servers that copy each other, as "
        "`postgresql://user:password@host1,host2:5433,host3/name?target_session_attrs=read-write`: Kado works on the "
        "one that takes writes, and follows when another one does.",
        secret=True,
    ),
    Setting(
        "KADO_DATABASE_APP_URL",
        "",
        "Only where the user of KADO_DATABASE_URL may not create roles: the same database as another, plain user, to "
        "whom each migration grants what a running server needs and no more.",
        secret=True,
    ),
    Setting(
        "KADO_DATABASE_POOLED_URL",
        "",
        "The same database through a pooler that gives a server to each transaction (PgBouncer, `pool_mode = "
        "transaction`). What requests ask goes by it; the ledger, the worker, migrations and commands go by "
        "KADO_DATABASE_URL. Empty: none, which is right up to some hundred connections.",
        secret=True,
    ),
    Setting(
        "KADO_DATABASE_READ_URL",
        "",
        "A copy of the database (a streaming replica), or several as in KADO_DATABASE_URL, from which lists, searches, "
        "the audit log and figures are read, so that they take nothing from the tills. Never what decides about money "
        "or rights. Empty: none.",
        secret=True,
    ),
    Setting(
        "KADO_DATABASE_READ_WAIT_MS",
        "200",
        "For how many milliseconds a list waits until the copy has all that was committed before the list was asked "
        "for (0 to 4000). If it has not by then, or is away, the database itself answers.",
    ),
    Setting(
        "KADO_DATABASE_CONNECTIONS",
        "10",
        "How many connections to the database an HTTP process has at most for all that does not move money (2 to 100). "
        "The ledger has one of its own.",
    ),
    Setting(
        "KADO_MIGRATE",
        "at-start",
        "`at-start`: a server that starts (or a command) brings the schema to its version. `by-hand`: only "
        "`kado database migrate` does, for several servers on one database that are updated one by one.",
    ),
    Setting(
        "KADO_DATA_DIR",
        "",
        "Where the embedded database, the secret key's file and the mail folder live. Default: /var/lib/kado as root, "
        "otherwise $XDG_DATA_HOME/kado (~/.local/share/kado).",
    ),
    Setting(
        "KADO_SECRET_KEY",
        "",
        "32 characters or more; everything secret in the database derives from it. A comma-separated list rotates: the "
        "first one writes, all read (`kado secret` helps). Empty: the first start makes one in the file `secret.key` "
        "(0600, one a line) in the data directory. Keep a copy apart from the database's backups: without it no card "
        "number can be read again.",
        secret=True,
    ),
    Setting(
        "KADO_PUBLIC_URL",
        "",
        "How people and tills reach this server, e.g. https://cards.example.com. Default: http://HOST:PORT.",
    ),
    Setting(
        "KADO_MAIL_URL",
        "",
        "Where mail goes: `smtp://user:password@host:587` (STARTTLS is required when there is a password), "
        "`smtps://user:password@host:465`, or `file:///directory` (one .eml a message). Default: `mail` in the data "
        "directory.",
        secret=True,
    ),
    Setting("KADO_MAIL_FROM", "", "The sender of mail. Default: gift-cards@ the host of KADO_PUBLIC_URL."),
    Setting(
        "KADO_SMS_URL",
        "",
        "Where text messages go: `https://user:password@provider/path?from=%2B15550100` (a form POST of To, From, Body "
        "with basic authentication, as Twilio takes it) or `file:///directory`. Default: `sms` in the data directory.",
        secret=True,
    ),
    Setting(
        "KADO_PROCESSES",
        "1",
        "How many HTTP processes share the port (1 to 64), or `auto`: one for each processor that Kado may use. One "
        "serves most shops; more use more processors.",
    ),
    Setting(
        "KADO_WORKER",
        "on",
        "`on`: this server also sends messages, seals entries and does what is due. `off`: only answers requests; some "
        "other server on the same database must have it on.",
    ),
    Setting(
        "KADO_FAST_LANE",
        "on",
        "`on`: plain requests for redeem, reload, a card and a balance check are answered straight from the "
        "connection, several times as fast. `off`: all go the long way. The answers are the same, byte for byte.",
    ),
    Setting(
        "KADO_WAITING_MAX",
        "200",
        "How many requests may wait in each queue of a process: for a connection to the database, for their turn in "
        "the ledger, for a balance check (10 to 10000). Who comes when it is full, and is still behind 0.7 seconds "
        "later, gets 503 with `Retry-After`.",
    ),
    Setting(
        "KADO_TRUSTED_PROXIES",
        "",
        "Addresses or networks (comma-separated) whose X-Forwarded-For is believed. Default: none, not even loopback.",
    ),
    Setting(
        "KADO_COUNTRY_HEADER",
        "",
        "The header in which a trusted proxy says from which country a request comes, in two letters, such as "
        "CF-IPCountry. The proxy must set or remove it on every request. Default: none; rules against fraud cannot "
        "look at countries then.",
    ),
    Setting(
        "KADO_REQUEST_SECONDS",
        "30",
        "Within how many seconds a request must have arrived (3 to 300): its headers in a third of them, its body in "
        "the rest. A client that takes hardly anything of its answer for two thirds of them is cut off.",
    ),
    Setting(
        "KADO_CONNECTIONS",
        "4000",
        "How many connections an HTTP process keeps (8 to 50000), if it may open as many files. When they are all "
        "taken, whoever has been without a request for longest makes room.",
    ),
    Setting(
        "KADO_SEAL_SECONDS", "5", "How long after an entry the head of its card is sealed, at the latest (1 to 3600)."
    ),
    Setting(
        "KADO_CAPTCHA",
        "none",
        "What a balance check must bring when a program is under attack: `altcha` (proof of work, served by Kado "
        "itself, no third party), `turnstile` (Cloudflare) or `hcaptcha`; or `none`: then a program under attack takes "
        "only so many failed checks a minute.",
    ),
    Setting(
        "KADO_CAPTCHA_WHEN",
        "attacked",
        "`attacked`: it is asked for in a program in which far more checks fail than usual. `always`: at every public "
        "balance check. A program can ask for it always by itself (`requireCaptcha`).",
    ),
    Setting("KADO_CAPTCHA_SITE_KEY", "", "For `turnstile` and `hcaptcha`: the site key, which pages show."),
    Setting(
        "KADO_CAPTCHA_SECRET",
        "",
        "For `turnstile` and `hcaptcha`: the secret key that belongs to it.",
        secret=True,
    ),
    Setting(
        "KADO_CAPTCHA_URL",
        "",
        "For `turnstile` and `hcaptcha`: another `https://` address that judges tokens. Default: the provider's own.",
    ),
    Setting(
        "KADO_WEBHOOK_ALLOW",
        "",
        "Addresses or networks (comma-separated) inside your own network that webhooks may call all the same, over "
        "http:// and on any port too. Default: none; webhooks call public addresses over https:// only.",
    ),
    Setting(
        "KADO_BULK_SYNC_MAX",
        "50",
        "Up to how many cards a bulk issue makes at once, in its answer (0 to 500); larger ones become a task for the "
        "worker.",
    ),
    Setting(
        "KADO_MESSAGE_DAYS",
        "90",
        "How long mails and text messages that left, or were given up, are kept with their addresses, in days (7 to "
        "3650).",
    ),
    Setting(
        "KADO_EVENT_DAYS",
        "30",
        "How long events and their deliveries to webhooks are kept, in days (2 to 3650); what still waits to be "
        "delivered stays.",
    ),
    Setting(
        "KADO_AUDIT_ADDRESS_DAYS",
        "365",
        "How long the audit log keeps the internet address and the client's name beside its rows, in days (30 to "
        "3650). The rows themselves stay.",
    ),
    Setting(
        "KADO_PROOF_DAYS",
        "1095",
        "How long after an erasure the proof is kept that somebody had agreed to something, without saying who, in "
        "days (30 to 3650).",
    ),
    Setting("KADO_ANSWER_DAYS", "35", "How long answers to idempotency keys are kept, in days (at least 30)."),
    Setting(
        "KADO_ARCHIVE",
        "",
        "A folder, best on another disk, to which the embedded database's log is copied as it is written, so that "
        "`kado restore --until` can go to any moment since a backup. Empty: none; a restore goes to a backup's moment.",
    ),
    Setting(
        "KADO_ARCHIVE_DAYS",
        "14",
        "How long that is kept, in days (1 to 3650). Make backups more often than that: an older one can only be "
        "restored to its own moment.",
    ),
    Setting(
        "KADO_ARCHIVE_GB",
        "20",
        "How large it may become, in gigabytes (1 to 100000). Beyond that the oldest goes early, with a warning.",
    ),
    Setting(
        "KADO_APPLE_CERTIFICATE",
        "",
        "For Apple Wallet: the file of your pass type certificate, in PEM; several, each for another pass type "
        "identifier, with commas between them ([how to get one](../how-to/wallets.md)). Empty: no passes for Apple "
        "Wallet.",
    ),
    Setting(
        "KADO_APPLE_KEY",
        "",
        "The file of the private key that the certificate was made for, in PEM; as many as there are certificates. "
        "Empty: the certificates' files hold them too.",
    ),
    Setting("KADO_APPLE_KEY_PASSWORD_FILE", "", "A file with the password of these keys, where they have one."),
    Setting(
        "KADO_APPLE_WWDR",
        "",
        "The file of Apple's intermediate certificate (Worldwide Developer Relations) that issued yours, in PEM.",
    ),
    Setting(
        "KADO_APPLE_CERTIFICATE_KIND",
        "real",
        "`real`, or `development`: then passes are offered that were signed with a certificate of `kado wallet "
        "certificate --development`, which no phone accepts.",
    ),
    Setting(
        "KADO_APPLE_PUSH_URL",
        "",
        "Where phones are told that a pass changed. Default: https://api.push.apple.com.",
    ),
    Setting(
        "KADO_GOOGLE_ISSUER",
        "",
        "For Google Wallet: your issuer id, a number ([how to get one](../how-to/wallets.md)). Empty: no passes for "
        "Google Wallet.",
    ),
    Setting(
        "KADO_GOOGLE_SERVICE_ACCOUNT",
        "",
        "The file (JSON) with the key of the service account that acts for this issuer.",
    ),
    Setting(
        "KADO_GOOGLE_URL",
        "",
        "Where Google keeps passes. Default: https://walletobjects.googleapis.com/walletobjects/v1.",
    ),
    Setting(
        "KADO_METRICS_PORT",
        "",
        "The port at which Prometheus finds what the server counts, under `/metrics`. It is never the port of the "
        "API. Empty: nowhere.",
    ),
    Setting(
        "KADO_METRICS_ADDRESS",
        "127.0.0.1",
        "The address of that port. One that others can reach needs KADO_METRICS_TOKEN.",
    ),
    Setting(
        "KADO_METRICS_TOKEN",
        "",
        "16 characters or more that whoever asks there must bring as `Authorization: Bearer …`.",
        secret=True,
    ),
    Setting(
        "KADO_METRICS_BY_PROGRAM",
        "no",
        "`yes`: what is owed is told for each program by its id, and not only for each currency. Those are as many "
        "series as there are programs.",
    ),
    Setting(
        "KADO_OTEL_ENDPOINT",
        "",
        "Where traces go over OTLP/HTTP, such as http://127.0.0.1:4318; needs `pip install 'kado[otel]'`. Default: "
        "OTEL_EXPORTER_OTLP_ENDPOINT; where that is not set either, there are none. Other variables of OpenTelemetry "
        "(OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS and the like) mean what they always mean.",
    ),
    Setting("KADO_LOG_LEVEL", "info", "debug, info, warning or error."),
)

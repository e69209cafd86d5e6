-- What reports are made of: sums of entries by quarters of an hour, schedules and their mails, files to fetch, alerts.

CREATE TABLE turnover (
    program_id     kado_id NOT NULL,
    dimension      text COLLATE "C" NOT NULL CHECK (dimension IN ('', 'merchant', 'design')),
    value          text COLLATE "C" NOT NULL,
    kind           text COLLATE "C" NOT NULL,
    slot           timestamptz NOT NULL,
    entries        bigint NOT NULL,
    minor          bigint NOT NULL,
    entries_total  bigint NOT NULL,
    minor_total    bigint NOT NULL,
    PRIMARY KEY (program_id, dimension, value, kind, slot)
);
COMMENT ON TABLE turnover IS 'Entries of live cards summed up by quarters of an hour, once nothing older can be added; `kado verify` recomputes it.';
COMMENT ON COLUMN turnover.program_id IS 'The program of the cards.';
COMMENT ON COLUMN turnover.dimension IS 'By what the entries are told apart beside their kind: by nothing, by the merchant that acted, by the design of the card.';
COMMENT ON COLUMN turnover.value IS 'The merchant''s id, or the name of the design; empty for no design, and where nothing is told apart.';
COMMENT ON COLUMN turnover.kind IS 'What sort of entries: the contract''s types, some of them split in two.';
COMMENT ON COLUMN turnover.slot IS 'When the quarter of an hour begins.';
COMMENT ON COLUMN turnover.entries IS 'How many entries there were in it.';
COMMENT ON COLUMN turnover.minor IS 'What they came to, in minor units, signed; of PURCHASE what activation will put on the cards.';
COMMENT ON COLUMN turnover.entries_total IS 'How many there were from the beginning to the end of this quarter.';
COMMENT ON COLUMN turnover.minor_total IS 'What those came to.';

CREATE TABLE turnover_progress (
    program_id  kado_id PRIMARY KEY REFERENCES program,
    until       timestamptz NOT NULL
);
COMMENT ON TABLE turnover_progress IS 'How far entries are summed up.';
COMMENT ON COLUMN turnover_progress.program_id IS 'The program.';
COMMENT ON COLUMN turnover_progress.until IS 'Every entry from before this moment is in `turnover`, and none from after it.';

CREATE TABLE report_export (
    program_id  kado_id NOT NULL REFERENCES program,
    id          kado_id NOT NULL,
    actor       text NOT NULL,
    format      text NOT NULL CHECK (format IN ('csv', 'excel', 'json', 'pdf')),
    wanted      jsonb NOT NULL,
    made_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (program_id, id)
);
CREATE INDEX report_export_end ON report_export (program_id, expires_at);
COMMENT ON TABLE report_export IS 'Reports that can be fetched as files: what they are about. The file itself is made when it is fetched.';
COMMENT ON COLUMN report_export.program_id IS 'The program whose figures they are.';
COMMENT ON COLUMN report_export.id IS 'Names the file in its address, which opens nothing without the right to read reports.';
COMMENT ON COLUMN report_export.actor IS 'The staff member or key that asked for it.';
COMMENT ON COLUMN report_export.format IS 'What kind of file.';
COMMENT ON COLUMN report_export.wanted IS 'The window and the measures that are in it.';
COMMENT ON COLUMN report_export.made_at IS 'When it was asked for.';
COMMENT ON COLUMN report_export.expires_at IS 'From this moment there is nothing to fetch, and the row goes.';

CREATE TABLE report_schedule (
    program_id      kado_id NOT NULL REFERENCES program,
    id              kado_id NOT NULL,
    merchant_id     kado_id NOT NULL REFERENCES merchant,
    actor           text NOT NULL,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    frequency       text NOT NULL CHECK (frequency IN ('daily', 'weekly', 'monthly')),
    day_of_week     smallint CHECK (day_of_week BETWEEN 0 AND 6),
    day_of_month    smallint CHECK (day_of_month BETWEEN 1 AND 28),
    hour_utc        smallint NOT NULL CHECK (hour_utc BETWEEN 0 AND 23),
    format          text NOT NULL CHECK (format IN ('csv', 'excel', 'json', 'pdf')),
    recipients      bytea NOT NULL,
    metrics         text[] NOT NULL,
    privacy_notice  boolean NOT NULL,
    next_due_at     timestamptz NOT NULL,
    last_due_at     timestamptz,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (program_id, id)
);
CREATE INDEX report_schedule_due ON report_schedule (program_id, next_due_at);
COMMENT ON TABLE report_schedule IS 'Reports that are sent by mail again and again.';
COMMENT ON COLUMN report_schedule.program_id IS 'The program whose figures are sent.';
COMMENT ON COLUMN report_schedule.id IS 'Names the schedule in the API.';
COMMENT ON COLUMN report_schedule.merchant_id IS 'The program''s owner, in whose name it is sent.';
COMMENT ON COLUMN report_schedule.actor IS 'The staff member or key that made it.';
COMMENT ON COLUMN report_schedule.name IS 'What people call it; it stands in the mail and in the name of the file.';
COMMENT ON COLUMN report_schedule.frequency IS 'How often.';
COMMENT ON COLUMN report_schedule.day_of_week IS 'Of a weekly one: 0 is Monday.';
COMMENT ON COLUMN report_schedule.day_of_month IS 'Of a monthly one.';
COMMENT ON COLUMN report_schedule.hour_utc IS 'At which hour in UTC.';
COMMENT ON COLUMN report_schedule.format IS 'What kind of file.';
COMMENT ON COLUMN report_schedule.recipients IS 'The addresses it goes to, encrypted.';
COMMENT ON COLUMN report_schedule.metrics IS 'The measures that are in it; empty for all.';
COMMENT ON COLUMN report_schedule.privacy_notice IS 'Whether the file says what it holds of people.';
COMMENT ON COLUMN report_schedule.next_due_at IS 'When it is sent next; moves in the transaction that writes the mails.';
COMMENT ON COLUMN report_schedule.last_due_at IS 'For which moment mails were last written.';
COMMENT ON COLUMN report_schedule.created_at IS 'When it was made.';

CREATE TABLE report_mail (
    program_id       kado_id NOT NULL,
    id               kado_id NOT NULL,
    schedule_id      kado_id NOT NULL,
    due_at           timestamptz NOT NULL,
    place            smallint NOT NULL CHECK (place >= 0),
    recipient        bytea NOT NULL,
    state            text NOT NULL CHECK (state IN ('queued', 'sent', 'failed')),
    attempts         integer NOT NULL DEFAULT 0,
    last_error       text,
    created_at       timestamptz NOT NULL,
    next_attempt_at  timestamptz,
    sent_at          timestamptz,
    PRIMARY KEY (program_id, id),
    CONSTRAINT report_mail_once UNIQUE (program_id, schedule_id, due_at, place)
);
CREATE INDEX report_mail_unsent ON report_mail (program_id, created_at) WHERE state IN ('queued', 'failed');
CREATE INDEX report_mail_age ON report_mail (program_id, sent_at) WHERE state = 'sent';
COMMENT ON TABLE report_mail IS 'One report on its way to one address: what waits, what left, what was given up.';
COMMENT ON COLUMN report_mail.program_id IS 'The program of the schedule.';
COMMENT ON COLUMN report_mail.id IS 'Names the mail for the operator.';
COMMENT ON COLUMN report_mail.schedule_id IS 'What is sent.';
COMMENT ON COLUMN report_mail.due_at IS 'For which moment: each has its mails once.';
COMMENT ON COLUMN report_mail.place IS 'The place of the recipient in the schedule''s list.';
COMMENT ON COLUMN report_mail.recipient IS 'The address, encrypted.';
COMMENT ON COLUMN report_mail.state IS 'Whether it waits for its (next) try, left, or was given up.';
COMMENT ON COLUMN report_mail.attempts IS 'How often sending was tried.';
COMMENT ON COLUMN report_mail.last_error IS 'Why the last try failed.';
COMMENT ON COLUMN report_mail.created_at IS 'When it was written.';
COMMENT ON COLUMN report_mail.next_attempt_at IS 'When it is tried (again); while it is tried, when it comes back if nothing is heard of it.';
COMMENT ON COLUMN report_mail.sent_at IS 'When the mail server took it.';

CREATE TABLE aml_alert (
    program_id       kado_id NOT NULL REFERENCES program,
    id               kado_id NOT NULL,
    flag             text NOT NULL,
    severity         text NOT NULL CHECK (severity IN ('low', 'medium', 'high')),
    card_id          kado_id NOT NULL,
    subject          text NOT NULL,
    entry_ids        text[] NOT NULL,
    minor            bigint NOT NULL,
    detected_at      timestamptz NOT NULL,
    acknowledged_at  timestamptz,
    acknowledged_by  text,
    notes            text,
    PRIMARY KEY (program_id, id),
    CONSTRAINT aml_alert_once UNIQUE (program_id, flag, subject),
    CONSTRAINT aml_alert_known_by_somebody CHECK ((acknowledged_at IS NULL) = (acknowledged_by IS NULL))
);
CREATE INDEX aml_alert_newest ON aml_alert (program_id, detected_at DESC, id DESC);
COMMENT ON TABLE aml_alert IS 'What may be money laundering: found in entries, for people to look at. Nothing is refused for it.';
COMMENT ON COLUMN aml_alert.program_id IS 'The program of the card.';
COMMENT ON COLUMN aml_alert.id IS 'Names the alert in the API.';
COMMENT ON COLUMN aml_alert.flag IS 'Which rule saw it.';
COMMENT ON COLUMN aml_alert.severity IS 'How much it asks for a look.';
COMMENT ON COLUMN aml_alert.card_id IS 'The card, or of several the latest.';
COMMENT ON COLUMN aml_alert.subject IS 'What makes it one thing, so that it is told once: the card or a keyed hash of the recipient, and the day.';
COMMENT ON COLUMN aml_alert.entry_ids IS 'The entries it was seen in.';
COMMENT ON COLUMN aml_alert.minor IS 'What it is about, in minor units.';
COMMENT ON COLUMN aml_alert.detected_at IS 'When it was found.';
COMMENT ON COLUMN aml_alert.acknowledged_at IS 'When somebody said that they know of it.';
COMMENT ON COLUMN aml_alert.acknowledged_by IS 'Who.';
COMMENT ON COLUMN aml_alert.notes IS 'What they noted.';

CREATE TABLE aml_progress (
    program_id  kado_id PRIMARY KEY REFERENCES program,
    until       timestamptz NOT NULL
);
COMMENT ON TABLE aml_progress IS 'How far entries were looked at for money laundering.';
COMMENT ON COLUMN aml_progress.program_id IS 'The program.';
COMMENT ON COLUMN aml_progress.until IS 'Entries from before this moment were looked at.';

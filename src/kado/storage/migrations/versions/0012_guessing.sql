-- Somebody guesses, or something else is not as usual: counted, compared with the usual, told once.

CREATE TABLE request_minute (
    program_id     kado_id NOT NULL REFERENCES program,
    minute         timestamptz NOT NULL,
    requests       bigint NOT NULL,
    refused        bigint NOT NULL,
    errors         bigint NOT NULL,
    auth_failures  bigint NOT NULL,
    PRIMARY KEY (program_id, minute)
);
CREATE INDEX request_minute_time ON request_minute (minute);
COMMENT ON TABLE request_minute IS 'Requests that named a program, by minute; kept for two days.';
COMMENT ON COLUMN request_minute.program_id IS 'The program that the address of the request names.';
COMMENT ON COLUMN request_minute.minute IS 'The minute, or the one after it: each process counts minutes of its own.';
COMMENT ON COLUMN request_minute.requests IS 'How many there were.';
COMMENT ON COLUMN request_minute.refused IS 'How many of them were answered 4xx.';
COMMENT ON COLUMN request_minute.errors IS 'How many of them were answered 5xx.';
COMMENT ON COLUMN request_minute.auth_failures IS 'How many of them proved nothing: 401, and balance checks that were refused.';

CREATE TABLE request_hour (
    program_id     kado_id NOT NULL REFERENCES program,
    hour           timestamptz NOT NULL,
    requests       bigint NOT NULL,
    refused        bigint NOT NULL,
    errors         bigint NOT NULL,
    auth_failures  bigint NOT NULL,
    PRIMARY KEY (program_id, hour)
);
COMMENT ON TABLE request_hour IS 'The same by hour, for what is usual; kept for a month.';
COMMENT ON COLUMN request_hour.program_id IS 'The program that the address of the request names.';
COMMENT ON COLUMN request_hour.hour IS 'The hour.';
COMMENT ON COLUMN request_hour.requests IS 'How many there were.';
COMMENT ON COLUMN request_hour.refused IS 'How many of them were answered 4xx.';
COMMENT ON COLUMN request_hour.errors IS 'How many of them were answered 5xx.';
COMMENT ON COLUMN request_hour.auth_failures IS 'How many of them proved nothing: 401, and balance checks that were refused.';

CREATE TABLE anywhere_rate (
    minute  timestamptz PRIMARY KEY,
    failed  bigint NOT NULL
);
COMMENT ON TABLE anywhere_rate IS 'Failed balance checks that named no program, by minute: tries at all of them.';
COMMENT ON COLUMN anywhere_rate.minute IS 'The minute.';
COMMENT ON COLUMN anywhere_rate.failed IS 'How many checks failed in it.';

CREATE TABLE anomaly_alert (
    program_id       kado_id NOT NULL REFERENCES program,
    id               kado_id NOT NULL,
    type             text NOT NULL CHECK (type IN ('VOLUME_SPIKE', 'ERROR_RATE', 'AUTH_FAILURE_SPIKE')),
    severity         text NOT NULL CHECK (severity IN ('warning', 'critical')),
    seen             bigint NOT NULL,
    usual            bigint NOT NULL,
    threshold        bigint NOT NULL,
    opened_at        timestamptz NOT NULL,
    last_seen_at     timestamptz NOT NULL,
    acknowledged_at  timestamptz,
    acknowledged_by  text,
    resolved_at      timestamptz,
    PRIMARY KEY (program_id, id),
    CHECK ((acknowledged_at IS NULL) = (acknowledged_by IS NULL))
);
CREATE UNIQUE INDEX anomaly_alert_unresolved ON anomaly_alert (program_id, type) WHERE resolved_at IS NULL;
CREATE INDEX anomaly_alert_list ON anomaly_alert (program_id, opened_at);
COMMENT ON TABLE anomaly_alert IS 'Something about a program that is not as usual: one row from when it begins until it is over.';
COMMENT ON COLUMN anomaly_alert.program_id IS 'The program.';
COMMENT ON COLUMN anomaly_alert.id IS 'Names the alert in the API.';
COMMENT ON COLUMN anomaly_alert.type IS 'What is unusual.';
COMMENT ON COLUMN anomaly_alert.severity IS 'The worst it was so far.';
COMMENT ON COLUMN anomaly_alert.seen IS 'The most that was counted in five minutes so far.';
COMMENT ON COLUMN anomaly_alert.usual IS 'What five minutes usually have, when the alert was opened.';
COMMENT ON COLUMN anomaly_alert.threshold IS 'Above how much the alert was opened.';
COMMENT ON COLUMN anomaly_alert.opened_at IS 'When it was first seen.';
COMMENT ON COLUMN anomaly_alert.last_seen_at IS 'When it was last seen.';
COMMENT ON COLUMN anomaly_alert.acknowledged_at IS 'When somebody said that they know of it.';
COMMENT ON COLUMN anomaly_alert.acknowledged_by IS 'Who said so.';
COMMENT ON COLUMN anomaly_alert.resolved_at IS 'When it had not been seen for a while; empty until then.';

ALTER TABLE gift_card_event ALTER card_id DROP NOT NULL;
COMMENT ON COLUMN gift_card_event.card_id IS 'The card it happened to; empty for what concerns a whole program.';

ALTER TABLE program ADD COLUMN captcha_always boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN program.captcha_always IS 'Whether every public balance check must bring a solved captcha, and not only under attack.';

-- Rules against fraud. What decides before money moves stands on the program's row as well, which is read anyway.
-- Rows about cards have no foreign key to them: to check it is to lock the card, and a till would wait for the worker.

ALTER TABLE program ADD COLUMN fraud_rules jsonb;
COMMENT ON COLUMN program.fraud_rules IS 'Copy of those rules that a request is judged by; empty where there are none.';

CREATE TABLE fraud_rule (
    program_id   kado_id NOT NULL REFERENCES program,
    id           kado_id NOT NULL,
    series_id    kado_id NOT NULL,
    name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    description  text NOT NULL CHECK (length(description) <= 500),
    type         text NOT NULL CHECK (type IN (
                     'VELOCITY_LIMIT', 'GEOGRAPHIC_RESTRICTION', 'IP_BLOCK', 'USER_AGENT_BLOCK', 'TRANSACTION_LIMIT',
                     'TIME_RESTRICTION', 'CUSTOM')),
    action       text NOT NULL CHECK (action IN ('block', 'flag', 'require_review')),
    config       jsonb NOT NULL,
    is_active    boolean NOT NULL,
    expires_at   timestamptz,
    since        timestamptz NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz,
    PRIMARY KEY (program_id, id)
);
COMMENT ON TABLE fraud_rule IS 'What a program takes for fraud, and what is done about it.';
COMMENT ON COLUMN fraud_rule.program_id IS 'The program whose cards it is about.';
COMMENT ON COLUMN fraud_rule.id IS 'Names the rule in the API.';
COMMENT ON COLUMN fraud_rule.series_id IS 'Under this its counters stand; another one with every change of what is counted.';
COMMENT ON COLUMN fraud_rule.name IS 'What its owner calls it.';
COMMENT ON COLUMN fraud_rule.description IS 'What its owner says about it.';
COMMENT ON COLUMN fraud_rule.type IS 'The contract''s word for what it looks at.';
COMMENT ON COLUMN fraud_rule.action IS 'Refuse, refuse until somebody has looked, or let pass and tell.';
COMMENT ON COLUMN fraud_rule.config IS 'Its figures, in the form of its type; amounts as decimal strings.';
COMMENT ON COLUMN fraud_rule.is_active IS 'Whether it is applied.';
COMMENT ON COLUMN fraud_rule.expires_at IS 'From this moment it is not applied any more.';
COMMENT ON COLUMN fraud_rule.since IS 'What happened before this moment is not looked at.';
COMMENT ON COLUMN fraud_rule.created_at IS 'When it was made.';
COMMENT ON COLUMN fraud_rule.updated_at IS 'When it was last changed.';

CREATE TABLE fraud_tally (
    program_id  kado_id NOT NULL,
    series_id   kado_id NOT NULL,
    is_test     boolean NOT NULL,
    subject     text NOT NULL,
    bucket      bigint NOT NULL,
    count       bigint NOT NULL CHECK (count >= 0),
    amount      bigint NOT NULL CHECK (amount >= 0),
    hits        bigint NOT NULL CHECK (hits >= 0),
    touched_at  timestamptz NOT NULL,
    PRIMARY KEY (program_id, series_id, is_test, subject, bucket)
);
CREATE INDEX fraud_tally_latest ON fraud_tally (program_id, touched_at);
COMMENT ON TABLE fraud_tally IS 'How often and how much, for each sixtieth of a rule''s window. Kept for eight days.';
COMMENT ON COLUMN fraud_tally.program_id IS 'The program of the rule.';
COMMENT ON COLUMN fraud_tally.series_id IS 'The rule''s counters.';
COMMENT ON COLUMN fraud_tally.is_test IS 'Test cards are counted by themselves.';
COMMENT ON COLUMN fraud_tally.subject IS 'Whose: `card:…`, `cashier:…`, `terminal:…`, `merchant:…`, `address:…`, `actor:…` or `program`.';
COMMENT ON COLUMN fraud_tally.bucket IS 'Which sixtieth of a window: microseconds since 1970 by the length of one, whole.';
COMMENT ON COLUMN fraud_tally.count IS 'How many passed in it.';
COMMENT ON COLUMN fraud_tally.amount IS 'What they came to, in minor units.';
COMMENT ON COLUMN fraud_tally.hits IS 'How many the rule spoke against, whether or not they passed.';
COMMENT ON COLUMN fraud_tally.touched_at IS 'When it last changed.';

CREATE TABLE fraud_hit (
    program_id    kado_id NOT NULL REFERENCES program,
    id            kado_id NOT NULL,
    rule_id       kado_id,
    rule_name     text,
    action        text NOT NULL CHECK (action IN ('block', 'flag', 'require_review')),
    pattern_type  text NOT NULL,
    severity      text NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    subject       text NOT NULL,
    card_id       kado_id NOT NULL,
    entry_id      kado_id,
    is_test       boolean NOT NULL,
    facts         jsonb NOT NULL,
    hit_at        timestamptz NOT NULL,
    PRIMARY KEY (program_id, id)
);
COMMENT ON TABLE fraud_hit IS 'What rules found while a request was decided; the worker turns each into an alert, or adds it to one.';
COMMENT ON COLUMN fraud_hit.program_id IS 'The program of the card.';
COMMENT ON COLUMN fraud_hit.id IS 'Names the row.';
COMMENT ON COLUMN fraud_hit.rule_id IS 'The rule; empty where none is needed, as for a reference that came twice.';
COMMENT ON COLUMN fraud_hit.rule_name IS 'What the rule was called then.';
COMMENT ON COLUMN fraud_hit.action IS 'What was done.';
COMMENT ON COLUMN fraud_hit.pattern_type IS 'What it looks like.';
COMMENT ON COLUMN fraud_hit.severity IS 'How bad.';
COMMENT ON COLUMN fraud_hit.subject IS 'Whose doing, as in `fraud_tally`.';
COMMENT ON COLUMN fraud_hit.card_id IS 'The card that it happened to.';
COMMENT ON COLUMN fraud_hit.entry_id IS 'The entry, where money moved.';
COMMENT ON COLUMN fraud_hit.is_test IS 'Whether the card is a test card.';
COMMENT ON COLUMN fraud_hit.facts IS 'Figures for people; no secrets and no person.';
COMMENT ON COLUMN fraud_hit.hit_at IS 'When.';

CREATE TABLE fraud_alert (
    program_id       kado_id NOT NULL REFERENCES program,
    id               kado_id NOT NULL,
    rule_id          kado_id,
    rule_name        text,
    action           text NOT NULL CHECK (action IN ('block', 'flag', 'require_review')),
    pattern_type     text NOT NULL,
    severity         text NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    status           text NOT NULL CHECK (status IN ('open', 'acknowledged', 'false_positive')),
    subject          text NOT NULL,
    card_ids         text[] NOT NULL,
    entry_ids        text[] NOT NULL,
    is_test          boolean NOT NULL,
    occurrences      bigint NOT NULL CHECK (occurrences >= 1),
    facts            jsonb NOT NULL,
    detected_at      timestamptz NOT NULL,
    last_at          timestamptz NOT NULL,
    notes            text,
    acknowledged_by  text,
    acknowledged_at  timestamptz,
    has_suspended    boolean NOT NULL DEFAULT false,
    PRIMARY KEY (program_id, id),
    CONSTRAINT fraud_alert_is_closed_by_somebody CHECK ((status = 'open') = (acknowledged_at IS NULL)
        AND (acknowledged_at IS NULL) = (acknowledged_by IS NULL))
);
CREATE UNIQUE INDEX fraud_alert_open
    ON fraud_alert (program_id, coalesce(rule_id::text, pattern_type), action, is_test, subject)
    WHERE status = 'open';
CREATE INDEX fraud_alert_latest ON fraud_alert (program_id, is_test, detected_at DESC, id DESC);
COMMENT ON TABLE fraud_alert IS 'What somebody should look at. While one is open, more of the same is added to it.';
COMMENT ON COLUMN fraud_alert.program_id IS 'The program.';
COMMENT ON COLUMN fraud_alert.id IS 'Names the alert in the API.';
COMMENT ON COLUMN fraud_alert.rule_id IS 'The rule that raised it, which may be gone; empty where none is needed.';
COMMENT ON COLUMN fraud_alert.rule_name IS 'What the rule was called then.';
COMMENT ON COLUMN fraud_alert.action IS 'What was done.';
COMMENT ON COLUMN fraud_alert.pattern_type IS 'What it looks like.';
COMMENT ON COLUMN fraud_alert.severity IS 'How bad.';
COMMENT ON COLUMN fraud_alert.status IS 'Whether somebody has looked, and found nothing wrong.';
COMMENT ON COLUMN fraud_alert.subject IS 'Whose doing, as in `fraud_tally`.';
COMMENT ON COLUMN fraud_alert.card_ids IS 'The cards that it happened to, oldest first; the latest hundred.';
COMMENT ON COLUMN fraud_alert.entry_ids IS 'The entries, where money moved, oldest first; the latest hundred.';
COMMENT ON COLUMN fraud_alert.is_test IS 'Whether the cards are test cards.';
COMMENT ON COLUMN fraud_alert.occurrences IS 'How often it happened while the alert was open.';
COMMENT ON COLUMN fraud_alert.facts IS 'Figures of the latest time, for people; no secrets and no person.';
COMMENT ON COLUMN fraud_alert.detected_at IS 'When it happened first.';
COMMENT ON COLUMN fraud_alert.last_at IS 'When it happened last.';
COMMENT ON COLUMN fraud_alert.notes IS 'What the one who looked says.';
COMMENT ON COLUMN fraud_alert.acknowledged_by IS 'The staff member, key or operator that looked.';
COMMENT ON COLUMN fraud_alert.acknowledged_at IS 'When.';
COMMENT ON COLUMN fraud_alert.has_suspended IS 'Whether the card was suspended with it.';

CREATE TABLE fraud_clearance (
    program_id   kado_id NOT NULL REFERENCES program,
    rule_id      kado_id NOT NULL,
    card_id      kado_id NOT NULL,
    ends_at      timestamptz NOT NULL,
    PRIMARY KEY (program_id, rule_id, card_id)
);
COMMENT ON TABLE fraud_clearance IS 'Cards that pass a rule for a while, because somebody has looked and found nothing wrong.';
COMMENT ON COLUMN fraud_clearance.program_id IS 'The program.';
COMMENT ON COLUMN fraud_clearance.rule_id IS 'The rule, which asks for a review.';
COMMENT ON COLUMN fraud_clearance.card_id IS 'The card that passes.';
COMMENT ON COLUMN fraud_clearance.ends_at IS 'Until when.';

CREATE TABLE fraud_blocked_address (
    program_id  kado_id NOT NULL REFERENCES program,
    address     inet NOT NULL,
    network     cidr NOT NULL,
    reason      text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    expires_at  timestamptz,
    created_by  text NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (program_id, address)
);
COMMENT ON TABLE fraud_blocked_address IS 'Where nobody may call a program''s API from.';
COMMENT ON COLUMN fraud_blocked_address.program_id IS 'The program.';
COMMENT ON COLUMN fraud_blocked_address.address IS 'The address that was named, an IPv6 one as the first of its /64; by it the block is lifted.';
COMMENT ON COLUMN fraud_blocked_address.network IS 'All that is blocked.';
COMMENT ON COLUMN fraud_blocked_address.reason IS 'Why.';
COMMENT ON COLUMN fraud_blocked_address.expires_at IS 'Until when; empty for ever.';
COMMENT ON COLUMN fraud_blocked_address.created_by IS 'The staff member, key or operator that did it.';
COMMENT ON COLUMN fraud_blocked_address.created_at IS 'When.';

CREATE TABLE fraud_progress (
    program_id   kado_id PRIMARY KEY REFERENCES program,
    seal_number  bigint NOT NULL
);
COMMENT ON TABLE fraud_progress IS 'How far each program''s entries were looked at after the fact.';
COMMENT ON COLUMN fraud_progress.program_id IS 'The program.';
COMMENT ON COLUMN fraud_progress.seal_number IS 'The seal up to whose heads it was done.';

CREATE TABLE fraud_watched_card (
    program_id  kado_id NOT NULL,
    card_id     kado_id NOT NULL,
    seq         bigint NOT NULL,
    PRIMARY KEY (program_id, card_id)
);
COMMENT ON TABLE fraud_watched_card IS 'The last entry of each card that was looked at after the fact, so that none is looked at twice.';
COMMENT ON COLUMN fraud_watched_card.program_id IS 'The program of the card.';
COMMENT ON COLUMN fraud_watched_card.card_id IS 'The card.';
COMMENT ON COLUMN fraud_watched_card.seq IS 'Its place in the card''s history.';

ALTER TABLE program ADD COLUMN IF NOT EXISTS max_offline_take bigint CHECK (max_offline_take > 0);
ALTER TABLE program ADD COLUMN IF NOT EXISTS max_offline_total bigint CHECK (max_offline_total > 0);
ALTER TABLE program ADD COLUMN IF NOT EXISTS offline_hours smallint NOT NULL DEFAULT 12 CHECK (offline_hours BETWEEN 1 AND 24);
COMMENT ON COLUMN program.max_offline_take IS 'What a till without a line takes from a card at most at once, in minor units; empty: it takes nothing then.';
COMMENT ON COLUMN program.max_offline_total IS 'What one till takes in all at most until its line is back, in minor units.';
COMMENT ON COLUMN program.offline_hours IS 'For how many hours after its allowance was granted a till may go on without a line.';

CREATE TABLE offline_allowance (
    id           kado_id PRIMARY KEY,
    terminal_id  kado_id NOT NULL REFERENCES terminal,
    program_id   kado_id NOT NULL REFERENCES program,
    merchant_id  kado_id NOT NULL REFERENCES merchant,
    staff_id     kado_id NOT NULL REFERENCES staff,
    session_id   kado_id NOT NULL,
    max_take     bigint NOT NULL CHECK (max_take > 0),
    max_total    bigint NOT NULL CHECK (max_total >= max_take),
    key_version  bytea NOT NULL CHECK (octet_length(key_version) = 4),
    granted_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL CHECK (expires_at > granted_at),
    settle_by    timestamptz NOT NULL CHECK (settle_by > expires_at),
    closed_at    timestamptz
);
CREATE INDEX offline_allowance_terminal ON offline_allowance (terminal_id, granted_at);
CREATE INDEX offline_allowance_program ON offline_allowance (program_id, granted_at);
CREATE INDEX offline_allowance_end ON offline_allowance (settle_by);
COMMENT ON TABLE offline_allowance IS 'What a till may take from cards while it has no line, as it was granted while it had one. One that nothing was taken under goes a month after it could be settled.';
COMMENT ON COLUMN offline_allowance.id IS 'Names the allowance; it stands in what the device was given and we signed.';
COMMENT ON COLUMN offline_allowance.terminal_id IS 'To which device it was granted.';
COMMENT ON COLUMN offline_allowance.program_id IS 'Whose cards may be taken.';
COMMENT ON COLUMN offline_allowance.merchant_id IS 'Whose device it is.';
COMMENT ON COLUMN offline_allowance.staff_id IS 'Who was signed in there.';
COMMENT ON COLUMN offline_allowance.session_id IS 'In which sign-in, as `till_session.id`.';
COMMENT ON COLUMN offline_allowance.max_take IS 'The most of a single take, in minor units of the program''s currency.';
COMMENT ON COLUMN offline_allowance.max_total IS 'The most of all takes together.';
COMMENT ON COLUMN offline_allowance.key_version IS 'Which secret key opens what the device encrypts for us.';
COMMENT ON COLUMN offline_allowance.granted_at IS 'From when on something may be taken under it.';
COMMENT ON COLUMN offline_allowance.expires_at IS 'Until when.';
COMMENT ON COLUMN offline_allowance.settle_by IS 'Until when it is settled what was taken.';
COMMENT ON COLUMN offline_allowance.closed_at IS 'Since when nothing new is accepted under it, because another one of the same device was used.';

CREATE TABLE offline_take (
    allowance_id  kado_id NOT NULL REFERENCES offline_allowance,
    seq           smallint NOT NULL CHECK (seq BETWEEN 1 AND 500),
    claim         bytea NOT NULL CHECK (octet_length(claim) = 32),
    amount        bigint NOT NULL CHECK (amount > 0),
    taken_at      timestamptz NOT NULL,
    arrived_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    state         text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'settled', 'refused')),
    code          text,
    card_id       kado_id,
    last_four     text CHECK (length(last_four) <= 4),
    entry_id      kado_id,
    ended_at      timestamptz,
    PRIMARY KEY (allowance_id, seq),
    CHECK ((state = 'settled') = (entry_id IS NOT NULL)),
    CHECK ((state = 'refused') = (code IS NOT NULL))
);
COMMENT ON TABLE offline_take IS 'What a till says that it took while it had no line, and what became of it: each place in an allowance is used once.';
COMMENT ON COLUMN offline_take.allowance_id IS 'Under which allowance.';
COMMENT ON COLUMN offline_take.seq IS 'Its place in the allowance, from 1.';
COMMENT ON COLUMN offline_take.claim IS 'SHA-256 of what the device sent, so that another claim for the same place is told from a repetition.';
COMMENT ON COLUMN offline_take.amount IS 'In minor units of the program''s currency.';
COMMENT ON COLUMN offline_take.taken_at IS 'When, by the device''s clock.';
COMMENT ON COLUMN offline_take.arrived_at IS 'When we first heard of it.';
COMMENT ON COLUMN offline_take.state IS 'open: not posted yet, or nobody knows; settled: it is in the ledger; refused: no money was moved.';
COMMENT ON COLUMN offline_take.code IS 'Why it was refused, as refusals are named.';
COMMENT ON COLUMN offline_take.card_id IS 'From which card, where one was found.';
COMMENT ON COLUMN offline_take.last_four IS 'The last four digits of its number.';
COMMENT ON COLUMN offline_take.entry_id IS 'The entry that took it.';
COMMENT ON COLUMN offline_take.ended_at IS 'When that was decided.';

-- Not validated: what is there already was checked by the narrower rule.
ALTER TABLE till_session DROP CONSTRAINT IF EXISTS till_session_last_action_check;
ALTER TABLE till_session ADD CONSTRAINT till_session_last_action_check
    CHECK (last_action IN ('redeem', 'reload', 'sell', 'activate')) NOT VALID;
COMMENT ON COLUMN till_session.last_reference IS 'By what it is taken back: the till''s own reference of what was taken or added, or the entry by which a card was sold.';

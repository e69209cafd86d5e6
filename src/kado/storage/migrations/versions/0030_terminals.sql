CREATE TABLE terminal (
    id            kado_id PRIMARY KEY,
    token_hash    bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    merchant_id   kado_id NOT NULL REFERENCES merchant,
    program_id    kado_id NOT NULL REFERENCES program,
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    location      text NOT NULL CHECK (length(location) BETWEEN 1 AND 100),
    idle_minutes  smallint NOT NULL CHECK (idle_minutes BETWEEN 1 AND 120),
    enrolled_by   text NOT NULL,
    enrolled_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at       timestamptz,
    revoked_at    timestamptz
);
CREATE INDEX terminal_merchant ON terminal (merchant_id, enrolled_at, id);
COMMENT ON TABLE terminal IS 'Shared devices at a counter: each shows the till of one program at one place, to whoever of the merchant''s staff signs in there with a PIN.';
COMMENT ON COLUMN terminal.id IS 'Names the device in entries and in the audit log.';
COMMENT ON COLUMN terminal.token_hash IS 'SHA-256 of the token that the device keeps in a cookie; the token itself is kept nowhere else.';
COMMENT ON COLUMN terminal.merchant_id IS 'Whose device it is.';
COMMENT ON COLUMN terminal.program_id IS 'Whose cards are sold and taken there.';
COMMENT ON COLUMN terminal.name IS 'What the merchant calls the device.';
COMMENT ON COLUMN terminal.location IS 'What the merchant calls the place where it stands.';
COMMENT ON COLUMN terminal.idle_minutes IS 'After how many minutes without a tap whoever is signed in has to enter the PIN again.';
COMMENT ON COLUMN terminal.enrolled_by IS 'Who made it a till, as actors are written in the audit log.';
COMMENT ON COLUMN terminal.enrolled_at IS 'When it became one.';
COMMENT ON COLUMN terminal.seen_at IS 'When somebody last signed in there.';
COMMENT ON COLUMN terminal.revoked_at IS 'From when on it is a till no more.';

CREATE TABLE terminal_code (
    code_hash     bytea PRIMARY KEY CHECK (octet_length(code_hash) = 32),
    merchant_id   kado_id NOT NULL REFERENCES merchant,
    program_id    kado_id REFERENCES program,
    name          text CHECK (length(name) BETWEEN 1 AND 100),
    location      text CHECK (length(location) BETWEEN 1 AND 100),
    idle_minutes  smallint CHECK (idle_minutes BETWEEN 1 AND 120),
    made_by       text NOT NULL,
    expires_at    timestamptz NOT NULL,
    CHECK (num_nulls(program_id, name, location, idle_minutes) IN (0, 4))
);
CREATE INDEX terminal_code_end ON terminal_code (expires_at);
COMMENT ON TABLE terminal_code IS 'Codes with which a device becomes a till, once each; a row goes when its code is used or over.';
COMMENT ON COLUMN terminal_code.code_hash IS 'SHA-256 of the code.';
COMMENT ON COLUMN terminal_code.merchant_id IS 'Whose till it will be.';
COMMENT ON COLUMN terminal_code.program_id IS 'Whose cards it will sell and take; this and what follows is empty where it is said at the device.';
COMMENT ON COLUMN terminal_code.name IS 'What the device will be called.';
COMMENT ON COLUMN terminal_code.location IS 'Where it will stand.';
COMMENT ON COLUMN terminal_code.idle_minutes IS 'As `terminal.idle_minutes`.';
COMMENT ON COLUMN terminal_code.made_by IS 'Who made the code, as actors are written in the audit log.';
COMMENT ON COLUMN terminal_code.expires_at IS 'Until when it is good.';

CREATE TABLE staff_pin (
    staff_id     kado_id PRIMARY KEY REFERENCES staff,
    pin_hash     text NOT NULL,
    pin_version  bytea NOT NULL CHECK (octet_length(pin_version) = 4),
    set_at       timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE staff_pin IS 'With what people sign in at a till: few digits, good on an enrolled device alone.';
COMMENT ON COLUMN staff_pin.staff_id IS 'Whose.';
COMMENT ON COLUMN staff_pin.pin_hash IS 'Argon2id over a keyed hash of the PIN, so that a copy of the database does not show it to whoever tries all of them.';
COMMENT ON COLUMN staff_pin.pin_version IS 'Which secret key the keyed hash was made with.';
COMMENT ON COLUMN staff_pin.set_at IS 'Since when it is this one.';

CREATE TABLE till_session (
    id            kado_id PRIMARY KEY,
    token_hash    bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    terminal_id   kado_id NOT NULL REFERENCES terminal,
    staff_id      kado_id NOT NULL REFERENCES staff,
    opened_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_program  kado_id,
    last_card     kado_id,
    last_action   text CHECK (last_action IN ('redeem', 'reload')),
    last_reference text CHECK (length(last_reference) <= 100)
);
CREATE INDEX till_session_terminal ON till_session (terminal_id);
CREATE INDEX till_session_staff ON till_session (staff_id);
COMMENT ON TABLE till_session IS 'Who stands at a till now. A row goes when the till is locked, stood idle, or was signed in to by somebody else.';
COMMENT ON COLUMN till_session.id IS 'Names the session in the audit log.';
COMMENT ON COLUMN till_session.token_hash IS 'SHA-256 of the token in the device''s second cookie.';
COMMENT ON COLUMN till_session.terminal_id IS 'At which device.';
COMMENT ON COLUMN till_session.staff_id IS 'Who.';
COMMENT ON COLUMN till_session.opened_at IS 'When the PIN was entered.';
COMMENT ON COLUMN till_session.seen_at IS 'When something was last done; idle time is counted from it.';
COMMENT ON COLUMN till_session.last_program IS 'Of the card of the last action that can be undone from here.';
COMMENT ON COLUMN till_session.last_card IS 'That card.';
COMMENT ON COLUMN till_session.last_action IS 'What was done to it.';
COMMENT ON COLUMN till_session.last_reference IS 'The till''s own reference under which it was done, by which it is taken back.';

-- Not validated: what is there already was checked by the narrower rule.
ALTER TABLE message DROP CONSTRAINT IF EXISTS message_kind_check;
ALTER TABLE message ADD CONSTRAINT message_kind_check CHECK (kind IN (
    'security_code', 'code_sent_elsewhere', 'receipt', 'expiry_reminder', 'balance_changed', 'till_receipt')) NOT VALID;

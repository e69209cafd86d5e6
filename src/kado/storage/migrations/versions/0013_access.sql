-- Second factors, sign-ins that can be listed and ended, keys that end, and people who look over all merchants.

ALTER TABLE staff DROP CONSTRAINT staff_role_check;
ALTER TABLE staff ADD CONSTRAINT staff_role_check
    CHECK (role IN ('owner', 'manager', 'cashier', 'read-only', 'network-administrator'));
ALTER TABLE api_key DROP CONSTRAINT api_key_role_check;
ALTER TABLE api_key ADD CONSTRAINT api_key_role_check
    CHECK (role IN ('owner', 'manager', 'cashier', 'read-only', 'network-administrator'));

ALTER TABLE api_key ADD COLUMN expires_at timestamptz;
ALTER TABLE api_key ADD COLUMN programs text[] CHECK (cardinality(programs) >= 1);
COMMENT ON COLUMN api_key.expires_at IS 'From this moment the key is refused (within a minute); empty for one that has no end.';
COMMENT ON COLUMN api_key.programs IS 'The only programs that the key enters; empty for all that its merchant reaches.';

ALTER TABLE merchant ADD COLUMN requires_second_factor boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN merchant.requires_second_factor IS 'Whether its staff can do nothing before they have set up a second factor.';

CREATE TABLE staff_session (
    id                 kado_id PRIMARY KEY,
    staff_id           kado_id NOT NULL REFERENCES staff,
    address            text NOT NULL,
    user_agent         text,
    had_second_factor  boolean NOT NULL,
    started_at         timestamptz NOT NULL,
    expires_at         timestamptz NOT NULL,
    ended_at           timestamptz
);
CREATE INDEX staff_session_staff ON staff_session (staff_id);
CREATE INDEX staff_session_end ON staff_session (expires_at);
COMMENT ON TABLE staff_session IS 'Sign-ins of people who work for a merchant: one row for each token that was issued, until the token is over.';
COMMENT ON COLUMN staff_session.id IS 'The jti of the token.';
COMMENT ON COLUMN staff_session.staff_id IS 'Who signed in.';
COMMENT ON COLUMN staff_session.address IS 'From where, as far as trusted proxies say; IPv6 as its /64.';
COMMENT ON COLUMN staff_session.user_agent IS 'What the client called itself.';
COMMENT ON COLUMN staff_session.had_second_factor IS 'Whether a second factor was shown beside the password.';
COMMENT ON COLUMN staff_session.started_at IS 'When.';
COMMENT ON COLUMN staff_session.expires_at IS 'When the token ends by itself.';
COMMENT ON COLUMN staff_session.ended_at IS 'When it was ended before that; from then on the token is refused (within a minute).';

CREATE TABLE staff_totp (
    staff_id      kado_id PRIMARY KEY REFERENCES staff,
    secret        bytea NOT NULL,
    begun_at      timestamptz NOT NULL,
    confirmed_at  timestamptz,
    last_step     bigint
);
COMMENT ON TABLE staff_totp IS 'Second factors: what a person''s authenticator makes codes from (RFC 6238).';
COMMENT ON COLUMN staff_totp.staff_id IS 'Whose.';
COMMENT ON COLUMN staff_totp.secret IS 'The seed, encrypted.';
COMMENT ON COLUMN staff_totp.begun_at IS 'When the set-up was begun.';
COMMENT ON COLUMN staff_totp.confirmed_at IS 'When a code was shown; until then nothing is asked for at sign-in.';
COMMENT ON COLUMN staff_totp.last_step IS 'The time step of the newest code that was used; only later ones are good.';

CREATE TABLE staff_recovery_code (
    staff_id   kado_id NOT NULL REFERENCES staff,
    code_hash  bytea NOT NULL CHECK (octet_length(code_hash) = 32),
    used_at    timestamptz,
    PRIMARY KEY (staff_id, code_hash)
);
COMMENT ON TABLE staff_recovery_code IS 'Codes for whoever lost their authenticator; each is good once.';
COMMENT ON COLUMN staff_recovery_code.staff_id IS 'Whose.';
COMMENT ON COLUMN staff_recovery_code.code_hash IS 'SHA-256 of the code, which has 100 random bits, is shown once and kept nowhere.';
COMMENT ON COLUMN staff_recovery_code.used_at IS 'When it was used.';

CREATE TABLE staff_pending (
    token_hash  bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    staff_id    kado_id NOT NULL REFERENCES staff,
    expires_at  timestamptz NOT NULL,
    tries       integer NOT NULL DEFAULT 0 CHECK (tries BETWEEN 0 AND 5)
);
CREATE INDEX staff_pending_staff ON staff_pending (staff_id);
CREATE INDEX staff_pending_end ON staff_pending (expires_at);
COMMENT ON TABLE staff_pending IS 'Sign-ins whose password was right and whose second factor is still to come.';
COMMENT ON COLUMN staff_pending.token_hash IS 'SHA-256 of the pending token, which is shown once and opens nothing by itself.';
COMMENT ON COLUMN staff_pending.staff_id IS 'Whose password it was.';
COMMENT ON COLUMN staff_pending.expires_at IS 'From this moment the password has to be shown again.';
COMMENT ON COLUMN staff_pending.tries IS 'How many codes were compared; counted before comparing.';

CREATE TABLE staff_place (
    staff_id  kado_id NOT NULL REFERENCES staff,
    place     bytea NOT NULL CHECK (octet_length(place) = 32),
    seen_at   timestamptz NOT NULL,
    PRIMARY KEY (staff_id, place)
);
COMMENT ON TABLE staff_place IS 'Where people have signed in from: a stranger''s guesses elsewhere do not lock them out there.';
COMMENT ON COLUMN staff_place.staff_id IS 'Who.';
COMMENT ON COLUMN staff_place.place IS 'Keyed HMAC of the internet address (IPv6: of its /64).';
COMMENT ON COLUMN staff_place.seen_at IS 'When they signed in from there last.';

-- Sessions get a name with which they can be ended without their token.
ALTER TABLE customer_session ADD COLUMN session_id kado_id UNIQUE;
UPDATE customer_session SET session_id = left(encode(sha256(token_hash), 'hex'), 24);
ALTER TABLE customer_session ALTER session_id SET NOT NULL;
COMMENT ON COLUMN customer_session.session_id IS 'Names the session where it is listed and ended.';
CREATE INDEX merchant_session_merchant ON merchant_session (merchant_id);

ALTER TABLE card ADD COLUMN IF NOT EXISTS in_wallets boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN card.in_wallets IS 'Whether a wallet wants to hear when it changes; then there are rows in wallet_registration. Not under the card''s seal: it decides nothing about money.';

CREATE TABLE wallet_registration (
    program_id      text        NOT NULL,
    id              text        NOT NULL,
    card_id         text        NOT NULL,
    wallet          text        NOT NULL CHECK (wallet IN ('apple', 'google')),
    held_as         text        NOT NULL,
    device_hash     bytea       NOT NULL,
    push_token      bytea,
    token_hash      bytea,
    state           text        NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'told', 'failed')),
    turn            bigint      NOT NULL DEFAULT 0,
    attempts        integer     NOT NULL DEFAULT 0,
    last_error      text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    changed_at      timestamptz NOT NULL DEFAULT now(),
    next_attempt_at timestamptz DEFAULT now(),
    told_at         timestamptz,
    PRIMARY KEY (program_id, id),
    CONSTRAINT wallet_registration_once UNIQUE (program_id, card_id, wallet, device_hash),
    CONSTRAINT wallet_registration_apple CHECK ((wallet = 'apple') = (push_token IS NOT NULL AND token_hash IS NOT NULL))
);
CREATE INDEX wallet_registration_device ON wallet_registration (device_hash, held_as) WHERE wallet = 'apple';
CREATE INDEX wallet_registration_due ON wallet_registration (next_attempt_at) WHERE state = 'queued';
CREATE INDEX wallet_registration_untold ON wallet_registration (program_id, changed_at)
    WHERE state IN ('queued', 'failed');

COMMENT ON TABLE wallet_registration IS 'A wallet that holds a card and is told when it changes: a device with Apple Wallet, or the object at Google. One row is also what is to be sent: wallets fetch or are given the newest state, so there is never more than one thing to tell.';
COMMENT ON COLUMN wallet_registration.program_id IS 'The program of the card.';
COMMENT ON COLUMN wallet_registration.id IS 'Its own id, as `kado outbox` shows it.';
COMMENT ON COLUMN wallet_registration.card_id IS 'The card that is held.';
COMMENT ON COLUMN wallet_registration.wallet IS 'apple or google.';
COMMENT ON COLUMN wallet_registration.held_as IS 'Apple: the pass type identifier; Google: the id of the object.';
COMMENT ON COLUMN wallet_registration.device_hash IS 'Apple: SHA-256 of the random identifier by which the device''s library is known; Google: empty, since there is one object.';
COMMENT ON COLUMN wallet_registration.push_token IS 'Apple: where the device hears of changes, encrypted; it belongs to a person''s device.';
COMMENT ON COLUMN wallet_registration.token_hash IS 'Apple: SHA-256 of the token that the pass on this device bears, so that it stays good when the secret key changes.';
COMMENT ON COLUMN wallet_registration.state IS 'queued: there is something to tell; told: there is not; failed: it was given up until the next change.';
COMMENT ON COLUMN wallet_registration.turn IS 'Counts changes and tries, so that an older try cannot write over what a newer one found.';
COMMENT ON COLUMN wallet_registration.attempts IS 'How often it was tried since the change.';
COMMENT ON COLUMN wallet_registration.last_error IS 'Why the last try failed, in one of our own phrases.';
COMMENT ON COLUMN wallet_registration.created_at IS 'Since when the wallet holds the card.';
COMMENT ON COLUMN wallet_registration.changed_at IS 'When what the wallet shows last became different; devices ask by it for what they lack.';
COMMENT ON COLUMN wallet_registration.next_attempt_at IS 'When it is told next, or until when somebody is at it; empty where there is nothing to tell.';
COMMENT ON COLUMN wallet_registration.told_at IS 'When it last took what it was told.';

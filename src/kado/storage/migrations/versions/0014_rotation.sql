-- What remains of a secret key that was taken away: its public key is still believed, for the seals that it made. And a
-- webhook's secret before the last one, which signs beside it for a while.

CREATE TABLE seal_succession (
    old_key     bytea NOT NULL CHECK (octet_length(old_key) = 32),
    new_key     bytea NOT NULL CHECK (octet_length(new_key) = 32),
    handover    bytea NOT NULL CHECK (octet_length(handover) = 64),
    recognised  bytea NOT NULL CHECK (octet_length(recognised) = 64),
    written_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (old_key, new_key)
);
COMMENT ON TABLE seal_succession IS 'Which signing key of the seals took the place of which, said by both of them.';
COMMENT ON COLUMN seal_succession.old_key IS 'The public key of the secret that went.';
COMMENT ON COLUMN seal_succession.new_key IS 'The public key of the secret that came.';
COMMENT ON COLUMN seal_succession.handover IS 'Ed25519 by the old key: the new one may be trusted as it was.';
COMMENT ON COLUMN seal_succession.recognised IS 'Ed25519 by the new key: what the old one signed was signed here.';
COMMENT ON COLUMN seal_succession.written_at IS 'When both were at hand and said so.';

ALTER TABLE webhook
    ADD COLUMN previous_secret bytea,
    ADD COLUMN previous_until timestamptz,
    ADD CONSTRAINT webhook_previous_secret_ends CHECK ((previous_secret IS NULL) = (previous_until IS NULL));
COMMENT ON COLUMN webhook.previous_secret IS 'The shared secret before the present one, encrypted; it signs too for a while.';
COMMENT ON COLUMN webhook.previous_until IS 'From this moment the previous secret signs no more.';

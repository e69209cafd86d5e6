-- What holds and reversals say is proved by the card that they belong to.

ALTER TABLE card ADD COLUMN rows_digest bytea CHECK (octet_length(rows_digest) = 36);
COMMENT ON COLUMN card.rows_digest IS 'Key version and combined HMACs of its holds and reversals; empty while it never had any.';
COMMENT ON COLUMN card.state_seal IS
    'Key version and HMAC over all facts of the card that decide about money or who can spend it: an edit past Kado shows.';

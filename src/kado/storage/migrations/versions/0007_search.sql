-- Finding cards by what people remember of them, and listing them in an order that an index has.

CREATE TABLE card_word (
    program_id  kado_id NOT NULL,
    card_id     kado_id NOT NULL,
    place       smallint NOT NULL CHECK (place >= 0),
    word        text COLLATE "C" NOT NULL CHECK (length(word) BETWEEN 1 AND 600),
    shared      smallint NOT NULL CHECK (shared >= 0),
    is_test     boolean NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (program_id, card_id, place),
    FOREIGN KEY (program_id, card_id) REFERENCES card (program_id, id)
);
COMMENT ON TABLE card_word IS 'The words that a card is found by: one row for each word of its names, one for its email.';
COMMENT ON COLUMN card_word.program_id IS 'The program of the card.';
COMMENT ON COLUMN card_word.card_id IS 'The card.';
COMMENT ON COLUMN card_word.place IS 'The place of the row among those of its card, sorted by word.';
COMMENT ON COLUMN card_word.word IS 'The word without regard to case, then a space and the card''s other words.';
COMMENT ON COLUMN card_word.shared IS 'How many characters it begins with like the row before it: a shorter search finds that.';
COMMENT ON COLUMN card_word.is_test IS 'Copied from the card, so that a search never meets the other kind.';
COMMENT ON COLUMN card_word.created_at IS 'Copied from the card, so that equal words are newest first.';

CREATE INDEX card_newest ON card (program_id, is_test, created_at DESC, id DESC);
CREATE INDEX card_status ON card (program_id, is_test, status, created_at DESC, id DESC);
CREATE INDEX card_merchant ON card (program_id, merchant_id, is_test, created_at DESC, id DESC);
CREATE INDEX card_last_four ON card (program_id, last_four, is_test, created_at DESC, id DESC);

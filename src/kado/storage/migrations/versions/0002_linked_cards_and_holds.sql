-- What several cards have to do with each other, and money that is held for orders.

ALTER TABLE card_transaction ADD COLUMN counterpart_id kado_id;
COMMENT ON COLUMN card_transaction.counterpart_id IS
    'The entry that this one answers: the redemption a refund gives back, the other side of a transfer; part of the hash.';
CREATE INDEX card_transaction_counterpart ON card_transaction (program_id, counterpart_id)
    WHERE counterpart_id IS NOT NULL;
CREATE INDEX card_transaction_pos ON card_transaction (program_id, pos_transaction_id, card_id)
    WHERE pos_transaction_id IS NOT NULL;
-- Found by the reference alone as well, so the card comes after it.
DROP INDEX card_transaction_reference;
CREATE INDEX card_transaction_reference ON card_transaction (program_id, reference_id, card_id, seq)
    WHERE reference_id IS NOT NULL;

ALTER TABLE card
    ADD COLUMN successor_id kado_id,
    ADD COLUMN succession text CHECK (succession IN ('consolidation', 'replacement')),
    ADD COLUMN has_reversals boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT card_successor_exists FOREIGN KEY (program_id, successor_id) REFERENCES card (program_id, id),
    ADD CONSTRAINT card_successor_of_voided
        CHECK ((successor_id IS NULL) = (succession IS NULL) AND (successor_id IS NULL OR voided_at IS NOT NULL));
CREATE INDEX card_successor ON card (program_id, successor_id) WHERE successor_id IS NOT NULL;
COMMENT ON COLUMN card.successor_id IS 'The card that took its money when it was consolidated or replaced.';
COMMENT ON COLUMN card.succession IS 'Which of the two it was.';
COMMENT ON COLUMN card.has_reversals IS 'Whether reversal has rows of this card: only then are they looked for.';

CREATE TABLE hold (
    program_id          kado_id NOT NULL,
    id                  kado_id NOT NULL,
    card_id             kado_id NOT NULL,
    merchant_id         kado_id NOT NULL,
    amount              bigint NOT NULL CHECK (amount > 0),
    captured            bigint NOT NULL DEFAULT 0,
    status              text NOT NULL CHECK (status IN ('open', 'captured', 'released', 'expired')),
    order_reference     text NOT NULL,
    pos_transaction_id  text,
    cashier_id          text,
    terminal_id         text,
    description         text,
    created_at          timestamptz NOT NULL,
    expires_at          timestamptz NOT NULL,
    ended_at            timestamptz,
    PRIMARY KEY (program_id, id),
    FOREIGN KEY (program_id, card_id) REFERENCES card (program_id, id),
    CONSTRAINT hold_captured_within_amount CHECK (captured >= 0 AND captured <= amount),
    CONSTRAINT hold_ends_once CHECK ((status = 'open') = (ended_at IS NULL))
);
CREATE INDEX hold_card ON hold (program_id, card_id, created_at);
CREATE INDEX hold_due ON hold (program_id, expires_at) WHERE status = 'open';
COMMENT ON TABLE hold IS 'Money of a card that is set aside for an order: no entry until it is captured.';
COMMENT ON COLUMN hold.program_id IS 'The program of the card.';
COMMENT ON COLUMN hold.id IS 'Names the hold in the API.';
COMMENT ON COLUMN hold.card_id IS 'The card whose money is held.';
COMMENT ON COLUMN hold.merchant_id IS 'The merchant whose token placed it.';
COMMENT ON COLUMN hold.amount IS 'How much was set aside.';
COMMENT ON COLUMN hold.captured IS 'How much of it was taken by redemptions so far.';
COMMENT ON COLUMN hold.status IS 'Whether it still holds money, or how it ended.';
COMMENT ON COLUMN hold.order_reference IS 'The order that it is for, in the caller''s words.';
COMMENT ON COLUMN hold.pos_transaction_id IS 'The till''s number of the sale.';
COMMENT ON COLUMN hold.cashier_id IS 'Who stood at the till.';
COMMENT ON COLUMN hold.terminal_id IS 'Which till it was.';
COMMENT ON COLUMN hold.description IS 'A note.';
COMMENT ON COLUMN hold.created_at IS 'When it was placed.';
COMMENT ON COLUMN hold.expires_at IS 'When what is left of it is released by itself.';
COMMENT ON COLUMN hold.ended_at IS 'When it was captured, released or expired.';

CREATE TABLE reversal (
    program_id   kado_id NOT NULL,
    card_id      kado_id NOT NULL,
    merchant_id  kado_id NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('pos_transaction_id', 'reference_id')),
    reference    text NOT NULL,
    reversed_at  timestamptz NOT NULL,
    PRIMARY KEY (program_id, card_id, merchant_id, kind, reference),
    FOREIGN KEY (program_id, card_id) REFERENCES card (program_id, id)
);
COMMENT ON TABLE reversal IS
    'References whose requests were taken back, so that one which arrives after its own reversal moves nothing.';
COMMENT ON COLUMN reversal.program_id IS 'The program of the card.';
COMMENT ON COLUMN reversal.card_id IS 'The card.';
COMMENT ON COLUMN reversal.merchant_id IS 'Whose reference it is: another merchant may use the same number.';
COMMENT ON COLUMN reversal.kind IS 'Which of the caller''s own references it is.';
COMMENT ON COLUMN reversal.reference IS 'The reference.';
COMMENT ON COLUMN reversal.reversed_at IS 'When it was taken back (last).';

CREATE TRIGGER hold_stays_ended BEFORE UPDATE ON hold
    FOR EACH ROW WHEN (OLD.status <> 'open') EXECUTE FUNCTION kado_refuse('a hold that ended stays as it is');

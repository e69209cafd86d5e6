-- What others may hear of a card, and who hears it.

CREATE TABLE webhook (
    id                 kado_id PRIMARY KEY,
    merchant_id        kado_id NOT NULL REFERENCES merchant,
    is_test            boolean NOT NULL,
    url                text NOT NULL CHECK (length(url) BETWEEN 1 AND 2083),
    secret             bytea NOT NULL,
    enabled            boolean NOT NULL DEFAULT false,
    hears_all          boolean NOT NULL,
    events             text[] NOT NULL DEFAULT '{}',
    pass_templates     jsonb NOT NULL DEFAULT '{}',
    created_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at         timestamptz,
    last_delivered_at  timestamptz,
    last_error         text,
    disabled_at        timestamptz,
    disabled_reason    text
);
CREATE INDEX webhook_merchant ON webhook (merchant_id);
CREATE INDEX webhook_listening ON webhook (merchant_id) WHERE enabled;
COMMENT ON TABLE webhook IS 'Addresses of merchants that want to hear of what happens to their cards.';
COMMENT ON COLUMN webhook.id IS 'Names the endpoint in the API.';
COMMENT ON COLUMN webhook.merchant_id IS 'Whose programs it hears of.';
COMMENT ON COLUMN webhook.is_test IS 'Made with a test key: it hears of test cards and of nothing else.';
COMMENT ON COLUMN webhook.url IS 'Where events are sent.';
COMMENT ON COLUMN webhook.secret IS 'What events are signed with, encrypted.';
COMMENT ON COLUMN webhook.enabled IS 'Whether events are sent; only an endpoint that has answered a verification is.';
COMMENT ON COLUMN webhook.hears_all IS 'Whether it hears every type of event, those that do not exist yet included.';
COMMENT ON COLUMN webhook.events IS 'The types that it hears otherwise.';
COMMENT ON COLUMN webhook.pass_templates IS 'What its owner said about templates of wallet passes; kept and shown again.';
COMMENT ON COLUMN webhook.created_at IS 'When it was made.';
COMMENT ON COLUMN webhook.updated_at IS 'When its owner last changed it.';
COMMENT ON COLUMN webhook.last_delivered_at IS 'When it last took an event, to the minute.';
COMMENT ON COLUMN webhook.last_error IS 'Why it did not take the last event; empty when it did.';
COMMENT ON COLUMN webhook.disabled_at IS 'Since when it is not sent anything, if that was so ordered.';
COMMENT ON COLUMN webhook.disabled_reason IS 'Why.';

CREATE TABLE gift_card_event (
    program_id     kado_id NOT NULL,
    id             kado_id NOT NULL,
    card_id        kado_id NOT NULL,
    type           text NOT NULL,
    is_test        boolean NOT NULL,
    body           text NOT NULL CHECK (octet_length(body) <= 65536),
    created_at     timestamptz NOT NULL,
    handed_out_at  timestamptz,
    PRIMARY KEY (program_id, id),
    FOREIGN KEY (program_id, card_id) REFERENCES card (program_id, id)
);
CREATE INDEX gift_card_event_waiting ON gift_card_event (program_id, created_at) WHERE handed_out_at IS NULL;
CREATE INDEX gift_card_event_age ON gift_card_event (program_id, created_at);
COMMENT ON TABLE gift_card_event IS 'What happened to cards of programs that somebody listens to; written with the change itself.';
COMMENT ON COLUMN gift_card_event.program_id IS 'The program of the card.';
COMMENT ON COLUMN gift_card_event.id IS 'By this a receiver knows an event that it has had before.';
COMMENT ON COLUMN gift_card_event.card_id IS 'The card it happened to.';
COMMENT ON COLUMN gift_card_event.type IS 'What happened, as `giftcard.redeemed`.';
COMMENT ON COLUMN gift_card_event.is_test IS 'Whether the card is a test card.';
COMMENT ON COLUMN gift_card_event.body IS 'The JSON that is sent, byte for byte; no card number, no code, no person.';
COMMENT ON COLUMN gift_card_event.created_at IS 'When it happened.';
COMMENT ON COLUMN gift_card_event.handed_out_at IS 'When it was settled who hears it; empty until then.';

CREATE TABLE webhook_delivery (
    program_id       kado_id NOT NULL,
    id               kado_id NOT NULL,
    event_id         kado_id NOT NULL,
    webhook_id       kado_id NOT NULL,
    state            text NOT NULL CHECK (state IN ('queued', 'delivered', 'failed')),
    attempts         integer NOT NULL DEFAULT 0,
    last_status      smallint,
    last_error       text,
    created_at       timestamptz NOT NULL,
    queued_at        timestamptz NOT NULL,
    next_attempt_at  timestamptz,
    delivered_at     timestamptz,
    PRIMARY KEY (program_id, id),
    UNIQUE (program_id, event_id, webhook_id),
    FOREIGN KEY (program_id, event_id) REFERENCES gift_card_event (program_id, id) ON DELETE CASCADE
);
CREATE INDEX webhook_delivery_due ON webhook_delivery (program_id, webhook_id, next_attempt_at) WHERE state = 'queued';
CREATE INDEX webhook_delivery_list ON webhook_delivery (program_id, webhook_id, created_at);
COMMENT ON TABLE webhook_delivery IS 'One event on its way to one endpoint: what waits, what arrived, what was given up.';
COMMENT ON COLUMN webhook_delivery.program_id IS 'The program of the event.';
COMMENT ON COLUMN webhook_delivery.id IS 'Names the delivery for whoever wants it repeated.';
COMMENT ON COLUMN webhook_delivery.event_id IS 'What is delivered.';
COMMENT ON COLUMN webhook_delivery.webhook_id IS 'To which endpoint, which may be gone by now.';
COMMENT ON COLUMN webhook_delivery.state IS 'Whether it waits for its (next) try, was taken, or was given up.';
COMMENT ON COLUMN webhook_delivery.attempts IS 'How often it was tried since it was queued.';
COMMENT ON COLUMN webhook_delivery.last_status IS 'The HTTP status of the last answer, if there was one.';
COMMENT ON COLUMN webhook_delivery.last_error IS 'Why the last try failed.';
COMMENT ON COLUMN webhook_delivery.created_at IS 'When it was first queued.';
COMMENT ON COLUMN webhook_delivery.queued_at IS 'When it was last queued: at first, or by a replay.';
COMMENT ON COLUMN webhook_delivery.next_attempt_at IS 'When it is tried (again); while it is tried, when it comes back if nothing is heard of it.';
COMMENT ON COLUMN webhook_delivery.delivered_at IS 'When the endpoint took it.';

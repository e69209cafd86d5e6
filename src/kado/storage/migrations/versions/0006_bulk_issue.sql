-- Cards that are issued by the thousand. A task's row is the job: whoever locks it works on it.

CREATE TABLE bulk_task (
    program_id       kado_id NOT NULL REFERENCES program,
    id               kado_id NOT NULL,
    merchant_id      kado_id NOT NULL REFERENCES merchant,
    actor            text NOT NULL,
    is_test          boolean NOT NULL,
    total            integer NOT NULL CHECK (total >= 1),
    issued           integer NOT NULL DEFAULT 0 CHECK (issued >= 0),
    initial_value    bigint NOT NULL CHECK (initial_value >= 0),
    expires_at       timestamptz,
    is_physical      boolean NOT NULL,
    design_template  text,
    key_hash         bytea NOT NULL CHECK (octet_length(key_hash) = 32),
    has_file         boolean NOT NULL,
    state            text NOT NULL CHECK (state IN ('pending', 'processing', 'completed', 'failed')),
    error            text,
    created_at       timestamptz NOT NULL,
    touched_at       timestamptz NOT NULL,
    ended_at         timestamptz,
    link             bytea,
    link_expires_at  timestamptz,
    download         bytea,
    download_until   timestamptz,
    PRIMARY KEY (program_id, id),
    CONSTRAINT bulk_task_never_too_many CHECK (issued <= total),
    CONSTRAINT bulk_task_completed_is_whole CHECK (state <> 'completed' OR issued = total),
    CONSTRAINT bulk_task_link_ends CHECK ((link IS NULL) = (link_expires_at IS NULL))
);
CREATE INDEX bulk_task_unfinished ON bulk_task (touched_at) WHERE state IN ('pending', 'processing');
COMMENT ON TABLE bulk_task IS 'An order for many cards, and how far it has come.';
COMMENT ON COLUMN bulk_task.program_id IS 'The program whose cards are issued.';
COMMENT ON COLUMN bulk_task.id IS 'Names the task in the API.';
COMMENT ON COLUMN bulk_task.merchant_id IS 'The program''s owner, who asked for the cards and for whom they are issued.';
COMMENT ON COLUMN bulk_task.actor IS 'The staff member or key that asked.';
COMMENT ON COLUMN bulk_task.is_test IS 'Asked for with a test key: its cards are test cards.';
COMMENT ON COLUMN bulk_task.total IS 'How many cards were asked for.';
COMMENT ON COLUMN bulk_task.issued IS 'How many exist; changes in the transaction that makes them.';
COMMENT ON COLUMN bulk_task.initial_value IS 'What activation will put on each card, in minor units.';
COMMENT ON COLUMN bulk_task.expires_at IS 'When the cards end, if that was said; otherwise the program''s rule decides.';
COMMENT ON COLUMN bulk_task.is_physical IS 'Whether the cards will exist as plastic or paper.';
COMMENT ON COLUMN bulk_task.design_template IS 'The name of their design.';
COMMENT ON COLUMN bulk_task.key_hash IS 'HMAC of the idempotency key; the first card''s entry keeps it for ever.';
COMMENT ON COLUMN bulk_task.has_file IS 'Whether numbers and codes are given out as a file.';
COMMENT ON COLUMN bulk_task.state IS 'The contract''s word for how far it is.';
COMMENT ON COLUMN bulk_task.error IS 'Why it failed; what was issued before stays.';
COMMENT ON COLUMN bulk_task.created_at IS 'When it was asked for.';
COMMENT ON COLUMN bulk_task.touched_at IS 'When a batch was last written; whoever waits longest is next.';
COMMENT ON COLUMN bulk_task.ended_at IS 'When it was completed or given up.';
COMMENT ON COLUMN bulk_task.link IS 'The secret part of the file''s address, encrypted; empty once the file was taken.';
COMMENT ON COLUMN bulk_task.link_expires_at IS 'From this moment the address leads nowhere.';
COMMENT ON COLUMN bulk_task.download IS 'Which download is under way; a new one takes the place of one that is silent.';
COMMENT ON COLUMN bulk_task.download_until IS 'Until when that download has the file to itself.';

CREATE TABLE bulk_batch (
    program_id  kado_id NOT NULL,
    task_id     kado_id NOT NULL,
    number      integer NOT NULL CHECK (number >= 1),
    size        integer NOT NULL CHECK (size >= 1),
    recipients  jsonb,
    card_ids    text[],
    PRIMARY KEY (program_id, task_id, number),
    FOREIGN KEY (program_id, task_id) REFERENCES bulk_task (program_id, id),
    CONSTRAINT bulk_batch_is_whole CHECK (card_ids IS NULL OR cardinality(card_ids) = size),
    CONSTRAINT bulk_batch_forgets_people CHECK (card_ids IS NULL OR recipients IS NULL)
);
COMMENT ON TABLE bulk_batch IS 'The parts of a task: each is issued in one transaction, or not at all.';
COMMENT ON COLUMN bulk_batch.program_id IS 'The program of the task.';
COMMENT ON COLUMN bulk_batch.task_id IS 'The task.';
COMMENT ON COLUMN bulk_batch.number IS 'Its place in the task: 1, 2, 3 ...';
COMMENT ON COLUMN bulk_batch.size IS 'How many cards it is.';
COMMENT ON COLUMN bulk_batch.recipients IS 'For whom the cards are, if for somebody; emptied once they are on the cards.';
COMMENT ON COLUMN bulk_batch.card_ids IS 'The cards, in order, once they exist.';

-- What the console keeps: a program's own theme, lists of receivers, checks of books, counts of cards.

ALTER TABLE card_design ADD COLUMN theme jsonb;
COMMENT ON COLUMN card_design.theme IS 'Colours, corners and letters of this program''s pages, mails and paper; empty where those of the shop hold.';

ALTER TABLE bulk_task ADD COLUMN value_sum bigint;
COMMENT ON COLUMN bulk_task.value_sum IS 'What activation will put on all of the cards together, in minor units, where they are of a list with different values; `initial_value` is the highest of them then.';

CREATE TABLE verification (
    program_id     kado_id NOT NULL REFERENCES program,
    id             kado_id NOT NULL,
    merchant_id    kado_id NOT NULL REFERENCES merchant,
    actor          text NOT NULL,
    state          text NOT NULL CHECK (state IN ('pending', 'processing', 'completed', 'failed')),
    asked_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    touched_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at       timestamptz,
    claim          bytea,
    claimed_until  timestamptz,
    tries          integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
    done           bigint NOT NULL DEFAULT 0 CHECK (done >= 0),
    total          bigint CHECK (total >= 0),
    cards          bigint CHECK (cards >= 0),
    entries        bigint CHECK (entries >= 0),
    seals          bigint CHECK (seals >= 0),
    found          bigint CHECK (found >= 0),
    findings       jsonb,
    error          text,
    PRIMARY KEY (program_id, id),
    CONSTRAINT verification_has_a_result CHECK (state <> 'completed' OR num_nulls(cards, entries, seals, found, findings) = 0)
);
CREATE INDEX verification_waiting ON verification (touched_at) WHERE state IN ('pending', 'processing');
CREATE INDEX verification_latest ON verification (program_id, asked_at);
COMMENT ON TABLE verification IS 'Checks of a program''s books that somebody asked for in the console: how far they have come, and what they said.';
COMMENT ON COLUMN verification.program_id IS 'The program whose books are checked.';
COMMENT ON COLUMN verification.id IS 'Names the check.';
COMMENT ON COLUMN verification.merchant_id IS 'Whose program it is.';
COMMENT ON COLUMN verification.actor IS 'The staff member who asked for it.';
COMMENT ON COLUMN verification.state IS 'How far it is; completed also where contradictions were found.';
COMMENT ON COLUMN verification.asked_at IS 'When it was asked for.';
COMMENT ON COLUMN verification.touched_at IS 'When a worker last said something of it.';
COMMENT ON COLUMN verification.ended_at IS 'When it ended.';
COMMENT ON COLUMN verification.claim IS 'A random mark of the worker that is at it.';
COMMENT ON COLUMN verification.claimed_until IS 'Until when that worker has to say how far it is, or another one begins anew.';
COMMENT ON COLUMN verification.tries IS 'How often a worker began with it.';
COMMENT ON COLUMN verification.done IS 'How many entries have been looked at.';
COMMENT ON COLUMN verification.total IS 'Of how many; empty until they are counted.';
COMMENT ON COLUMN verification.cards IS 'How many cards it looked at.';
COMMENT ON COLUMN verification.entries IS 'How many entries.';
COMMENT ON COLUMN verification.seals IS 'How many seals.';
COMMENT ON COLUMN verification.found IS 'How many contradictions there are.';
COMMENT ON COLUMN verification.findings IS 'The first of them: card, word and sentence, as `kado verify` names them.';
COMMENT ON COLUMN verification.error IS 'Why it could not be found out.';

CREATE TABLE bulk_list (
    program_id  kado_id NOT NULL REFERENCES program,
    id          kado_id NOT NULL,
    actor       text NOT NULL,
    content     bytea NOT NULL,
    task_id     kado_id,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (program_id, id)
);
COMMENT ON TABLE bulk_list IS 'Lists of receivers that somebody sent and has not confirmed yet; a row goes an hour after it came.';
COMMENT ON COLUMN bulk_list.program_id IS 'The program whose cards they are to get.';
COMMENT ON COLUMN bulk_list.id IS 'Names the list in the console, and in the idempotency key of what becomes of it.';
COMMENT ON COLUMN bulk_list.actor IS 'The staff member who sent it, and who alone sees it.';
COMMENT ON COLUMN bulk_list.content IS 'Receivers, values, words and moments, encrypted: it is about people.';
COMMENT ON COLUMN bulk_list.task_id IS 'The order that it became.';
COMMENT ON COLUMN bulk_list.expires_at IS 'When it goes.';

CREATE TABLE card_count (
    program_id  kado_id PRIMARY KEY REFERENCES program,
    counted_at  timestamptz NOT NULL,
    due_at      timestamptz NOT NULL,
    counts      jsonb NOT NULL
);
COMMENT ON TABLE card_count IS 'How many cards a program with many of them has in each state, counted now and then by a worker, so that nobody who looks waits for it.';
COMMENT ON COLUMN card_count.program_id IS 'The program.';
COMMENT ON COLUMN card_count.counted_at IS 'As of when.';
COMMENT ON COLUMN card_count.due_at IS 'When they are counted anew: later the longer it took.';
COMMENT ON COLUMN card_count.counts IS 'By state, and by days until they end: how many, and what is on them in minor units.';

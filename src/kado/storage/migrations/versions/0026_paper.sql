-- Pictures of programs, what their cards say of themselves in wallets, and runs of paper for many cards.

CREATE TABLE picture (
    program_id  kado_id NOT NULL REFERENCES program,
    id          text NOT NULL CHECK (id ~ '^[0-9a-f]{32}$'),
    kind        text NOT NULL CHECK (kind IN ('logo', 'icon', 'strip', 'footer', 'thumbnail', 'background', 'design')),
    slug        text NOT NULL CHECK ((slug = '') = (kind <> 'design') AND length(slug) <= 100),
    media_type  text NOT NULL CHECK (media_type IN ('image/png', 'image/jpeg')),
    width       integer NOT NULL CHECK (width BETWEEN 1 AND 2000),
    height      integer NOT NULL CHECK (height BETWEEN 1 AND 2000),
    content     bytea NOT NULL CHECK (octet_length(content) BETWEEN 1 AND 1048576),
    actor       text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (program_id, id)
);
CREATE UNIQUE INDEX picture_place ON picture (program_id, kind, slug);
COMMENT ON TABLE picture IS 'Pictures that merchants gave their programs: decoded, made smaller and encoded anew here.';
COMMENT ON COLUMN picture.program_id IS 'The program whose cards show it.';
COMMENT ON COLUMN picture.id IS 'Names it in addresses: from a hash of program, place and content, so that the same address never shows another picture.';
COMMENT ON COLUMN picture.kind IS 'Where it is shown, by the contract''s word for it; design: the art of cards.';
COMMENT ON COLUMN picture.slug IS 'Of a design, the name that cards choose it by (designTemplate); empty for others.';
COMMENT ON COLUMN picture.media_type IS 'What it was encoded as here.';
COMMENT ON COLUMN picture.width IS 'In pixels.';
COMMENT ON COLUMN picture.height IS 'In pixels.';
COMMENT ON COLUMN picture.content IS 'The picture, as Kado encoded it; nothing of the file that was sent is in it but what is seen.';
COMMENT ON COLUMN picture.actor IS 'The staff member or key that sent it.';
COMMENT ON COLUMN picture.created_at IS 'When.';

CREATE TABLE card_design (
    program_id  kado_id PRIMARY KEY REFERENCES program,
    said        jsonb NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE card_design IS 'What a program says of how its cards look in wallets, where it says anything.';
COMMENT ON COLUMN card_design.program_id IS 'The program.';
COMMENT ON COLUMN card_design.said IS 'Colours and words by the API''s names; what is not in it follows from the shop''s theme.';
COMMENT ON COLUMN card_design.updated_at IS 'When that was said.';

CREATE TABLE print_run (
    program_id     kado_id NOT NULL REFERENCES program,
    id             kado_id NOT NULL,
    task_id        kado_id NOT NULL,
    merchant_id    kado_id NOT NULL REFERENCES merchant,
    actor          text NOT NULL,
    sheet          jsonb NOT NULL,
    state          text NOT NULL CHECK (state IN ('pending', 'processing', 'completed', 'failed')),
    total          integer NOT NULL CHECK (total >= 1),
    printed        integer NOT NULL DEFAULT 0 CHECK (printed >= 0),
    last_batch     integer NOT NULL DEFAULT 0 CHECK (last_batch >= 0),
    claim          bytea,
    claimed_until  timestamptz,
    link           bytea,
    expires_at     timestamptz NOT NULL,
    error          text,
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    touched_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at       timestamptz,
    PRIMARY KEY (program_id, id),
    CONSTRAINT print_run_never_too_many CHECK (printed <= total)
);
CREATE UNIQUE INDEX print_run_of_task ON print_run (program_id, task_id);
CREATE INDEX print_run_unfinished ON print_run (touched_at) WHERE state IN ('pending', 'processing');
CREATE INDEX print_run_end ON print_run (program_id, expires_at);
COMMENT ON TABLE print_run IS 'An order to put all cards of a bulk issue on paper, and how far that has come.';
COMMENT ON COLUMN print_run.program_id IS 'The program of the cards.';
COMMENT ON COLUMN print_run.id IS 'Names the run.';
COMMENT ON COLUMN print_run.task_id IS 'The bulk issue whose cards are printed; it has one run at a time.';
COMMENT ON COLUMN print_run.merchant_id IS 'The program''s owner, who asked for it.';
COMMENT ON COLUMN print_run.actor IS 'The staff member, key or operator that asked.';
COMMENT ON COLUMN print_run.sheet IS 'What the paper is: format, size, shift.';
COMMENT ON COLUMN print_run.state IS 'How far it is, in the words of a bulk issue.';
COMMENT ON COLUMN print_run.total IS 'How many cards it is about.';
COMMENT ON COLUMN print_run.printed IS 'How many are on pieces that are ready.';
COMMENT ON COLUMN print_run.last_batch IS 'The number of the last batch of the bulk issue that is ready.';
COMMENT ON COLUMN print_run.claim IS 'A random mark of who is at it; a new one takes the place of one that is silent.';
COMMENT ON COLUMN print_run.claimed_until IS 'Until when that one has the run to itself.';
COMMENT ON COLUMN print_run.link IS 'The secret part of the file''s address, encrypted; empty until the end.';
COMMENT ON COLUMN print_run.expires_at IS 'From this moment there is nothing to fetch, and the run goes with its pieces.';
COMMENT ON COLUMN print_run.error IS 'Why it failed.';
COMMENT ON COLUMN print_run.created_at IS 'When it was asked for.';
COMMENT ON COLUMN print_run.touched_at IS 'When it was last worked on; whoever waits longest is next.';
COMMENT ON COLUMN print_run.ended_at IS 'When the last piece was ready, or it was given up.';

CREATE TABLE print_piece (
    program_id  kado_id NOT NULL,
    run_id      kado_id NOT NULL,
    number      integer NOT NULL CHECK (number >= 1),
    cards       integer NOT NULL CHECK (cards >= 1),
    content     bytea NOT NULL,
    PRIMARY KEY (program_id, run_id, number)
);
-- It is encrypted: pressing it together would only take time.
ALTER TABLE print_piece ALTER COLUMN content SET STORAGE EXTERNAL;
ALTER TABLE picture ALTER COLUMN content SET STORAGE EXTERNAL;
COMMENT ON TABLE print_piece IS 'The parts of a run that are ready, until they were fetched or their time is over.';
COMMENT ON COLUMN print_piece.program_id IS 'The program of the run.';
COMMENT ON COLUMN print_piece.run_id IS 'The run.';
COMMENT ON COLUMN print_piece.number IS 'Its place in the run: the number of the batch whose cards are on it.';
COMMENT ON COLUMN print_piece.cards IS 'How many cards are on it.';
COMMENT ON COLUMN print_piece.content IS 'A PDF with numbers and codes, encrypted.';

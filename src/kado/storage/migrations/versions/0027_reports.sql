-- What reports are made of: sums of entries by quarters of an hour, schedules and their mails, files to fetch, alerts.

CREATE TABLE turnover (
    program_id     kado_id NOT NULL REFERENCES program,
    dimension      text COLLATE "C" NOT NULL CHECK (dimension IN ('', 'merchant', 'design')),
    value          text COLLATE "C" NOT NULL,
    kind           text COLLATE "C" NOT NULL,
    slot           timestamptz NOT NULL,
    entries        bigint NOT NULL,
    minor          bigint NOT NULL,
    entries_total  bigint NOT NULL,
    minor_total    bigint NOT NULL,
    PRIMARY KEY (program_id, dimension, value, kind, slot)
);
COMMENT ON TABLE turnover IS 'Entries of live cards summed up by quarters of an hour, once nothing older can be added; `kado verify` recomputes it.';
COMMENT ON COLUMN turnover.program_id IS 'The program of the cards.';
COMMENT ON COLUMN turnover.dimension IS 'By what the entries are told apart beside their kind: by nothing, by the merchant that acted, by the design of the card.';
COMMENT ON COLUMN turnover.value IS 'The merchant''s id, or the name of the design; empty for no design, and where nothing is told apart.';
COMMENT ON COLUMN turnover.kind IS 'What sort of entries: the contract''s types, some of them split in two.';
COMMENT ON COLUMN turnover.slot IS 'When the quarter of an hour begins.';
COMMENT ON COLUMN turnover.entries IS 'How many entries there were in it.';
COMMENT ON COLUMN turnover.minor IS 'What they came to, in minor units, signed; of PURCHASE what activation will put on the cards.';
COMMENT ON COLUMN turnover.entries_total IS 'How many there were from the beginning to the end of this quarter.';
COMMENT ON COLUMN turnover.minor_total IS 'What those came to.';

CREATE TABLE turnover_progress (
    program_id  kado_id PRIMARY KEY REFERENCES program,
    until       timestamptz NOT NULL
);
COMMENT ON TABLE turnover_progress IS 'How far entries are summed up.';
COMMENT ON COLUMN turnover_progress.program_id IS 'The program.';
COMMENT ON COLUMN turnover_progress.until IS 'Every entry from before this moment is in `turnover`, and none from after it.';

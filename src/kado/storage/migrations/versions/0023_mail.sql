-- What a mail needs to know of its reader, which further mails a program sends, and how far reminders have come. None of it
-- reads a table: columns that may be empty, or have a constant default.
ALTER TABLE card ADD COLUMN IF NOT EXISTS language text;
ALTER TABLE card ADD COLUMN IF NOT EXISTS time_zone text;
COMMENT ON COLUMN card.language IS 'In which language its receiver reads (BCP 47), as the caller said; empty: the program''s.';
COMMENT ON COLUMN card.time_zone IS 'Where its receiver lives (IANA), as the caller said; empty: the program''s.';

ALTER TABLE bulk_task ADD COLUMN IF NOT EXISTS language text;
ALTER TABLE bulk_task ADD COLUMN IF NOT EXISTS time_zone text;
COMMENT ON COLUMN bulk_task.language IS 'The language of the receivers of its cards, as `card.language`.';
COMMENT ON COLUMN bulk_task.time_zone IS 'The time zone of the receivers of its cards, as `card.time_zone`.';

ALTER TABLE program ADD COLUMN IF NOT EXISTS reminds_expiry boolean NOT NULL DEFAULT false;
ALTER TABLE program ADD COLUMN IF NOT EXISTS tells_changes boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN program.reminds_expiry IS 'Whether holders are told 30 and 7 days before money on their cards expires.';
COMMENT ON COLUMN program.tells_changes IS 'Whether holders get a mail when their card was used, reloaded or refunded.';

-- Not validated: what is there already was checked by the narrower rule.
ALTER TABLE message DROP CONSTRAINT IF EXISTS message_kind_check;
ALTER TABLE message ADD CONSTRAINT message_kind_check CHECK (kind IN (
    'security_code', 'code_sent_elsewhere', 'receipt', 'expiry_reminder', 'balance_changed')) NOT VALID;
ALTER TABLE message ADD COLUMN IF NOT EXISTS language text;
ALTER TABLE message ADD COLUMN IF NOT EXISTS time_zone text;
ALTER TABLE message ADD COLUMN IF NOT EXISTS entry_seq bigint;
COMMENT ON COLUMN message.language IS 'In which language it is, where that is not the card''s.';
COMMENT ON COLUMN message.time_zone IS 'By which clock it says times, where that is not the card''s.';
COMMENT ON COLUMN message.entry_seq IS 'The entry of the card that it tells of, where it tells of one.';

CREATE TABLE reminder_progress (
    program_id  kado_id NOT NULL,
    days        smallint NOT NULL,
    until       timestamptz NOT NULL,
    last_id     text NOT NULL DEFAULT '',
    PRIMARY KEY (program_id, days)
);
COMMENT ON TABLE reminder_progress IS 'Up to which end of their life a program''s cards were reminded of it; whoever comes after is next.';
COMMENT ON COLUMN reminder_progress.program_id IS 'The program.';
COMMENT ON COLUMN reminder_progress.days IS 'How many days before a card''s end its holder is reminded.';
COMMENT ON COLUMN reminder_progress.until IS 'The end of the card that was looked at last.';
COMMENT ON COLUMN reminder_progress.last_id IS 'That card; cards that end at the same moment are looked at in the order of their ids.';

-- Which versions of Kado may work on this schema, so that older and newer servers can be exchanged one by one.

CREATE TABLE schema_mark (
    only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    since     text COLLATE "C" NOT NULL CHECK (since ~ '^[0-9]{4}$'),
    finished  text COLLATE "C" NOT NULL CHECK (finished ~ '^[0-9]{4}$')
);
COMMENT ON TABLE schema_mark IS 'One row: which versions of Kado may work on the schema that alembic_version names.';
COMMENT ON COLUMN schema_mark.only_row IS 'There is one row only.';
COMMENT ON COLUMN schema_mark.since IS 'The oldest schema whose Kado may work on this one.';
COMMENT ON COLUMN schema_mark.finished IS 'The revision up to which the second parts of migrations were run.';
INSERT INTO schema_mark (since, finished) VALUES ('0009', '0009');

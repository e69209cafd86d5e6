ALTER TABLE program ADD COLUMN IF NOT EXISTS balance_without_script boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN program.balance_without_script IS 'Whether its balance page answers a browser without JavaScript too, which brings no proof of work; fewer tries then.';

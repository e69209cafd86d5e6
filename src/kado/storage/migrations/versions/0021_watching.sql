-- No CHECK on it: that would read the whole table under a lock. The gate lets no longer one in than 128 characters.
ALTER TABLE message ADD COLUMN IF NOT EXISTS request_id text;
COMMENT ON COLUMN message.request_id IS 'The request that caused it, as the log and the audit log call it; empty where none did.';

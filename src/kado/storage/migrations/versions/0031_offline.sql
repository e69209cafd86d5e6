-- Not validated: what is there already was checked by the narrower rule.
ALTER TABLE till_session DROP CONSTRAINT IF EXISTS till_session_last_action_check;
ALTER TABLE till_session ADD CONSTRAINT till_session_last_action_check
    CHECK (last_action IN ('redeem', 'reload', 'sell', 'activate')) NOT VALID;
COMMENT ON COLUMN till_session.last_reference IS 'By what it is taken back: the till''s own reference of what was taken or added, or the entry by which a card was sold.';

-- After the words of the cards that were there before: an index is made faster than it is kept.

CREATE INDEX card_word_find ON card_word (program_id, is_test, word, created_at DESC, card_id DESC) INCLUDE (shared);

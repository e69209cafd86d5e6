-- What others may hear of a card, and who hears it.

SELECT 1;

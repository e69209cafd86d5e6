-- What several cards have to do with each other, and money that is held for orders.

SELECT 1;

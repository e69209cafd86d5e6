-- Finding cards by what people remember of them.

SELECT 1;

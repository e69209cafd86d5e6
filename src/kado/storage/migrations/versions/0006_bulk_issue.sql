-- Cards that are issued by the thousand.

SELECT 1;

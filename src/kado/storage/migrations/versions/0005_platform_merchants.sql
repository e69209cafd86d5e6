-- Shops as their till platforms know them: sessions, locations, themes.

SELECT 1;

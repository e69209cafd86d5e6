"""What a program's entries come to, as of any moment and to the cent; files and mails of it, and what is checked."""

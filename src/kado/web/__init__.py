"""What every page for a browser is made of: words in its reader's language, forms, headers, files that go with it."""

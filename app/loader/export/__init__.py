"""Published vintages as files to take away: rows > arrow|text > shelf, and `make` which calls them."""

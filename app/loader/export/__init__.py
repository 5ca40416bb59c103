"""Published vintages as files to take away: rows > arrow|text|cover > tiles > shelf, and `make` which calls them."""

"""Domain of boundaries: coverages, vintages, regions, their tables and all reads from them."""

"""The domain: coverages, vintages, regions and the questions one can ask of them. Owns every table."""

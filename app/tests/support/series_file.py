"""Declaration of a test source with its places, as in geodata/series.toml."""

TOML = """
[places.test]
coverage = "covid-reporting-regions"
vintage = "2020-08"
file = "places.csv"

[series.test]
indicator = "test"
name_en = "Test"
name_fr = "Essai"
unit = "cases"
kind = "cumulative"
from_zero = true
columns = { period = "date", value = "value", province = "region", place = "code" }
places = { coverage = "covid-reporting-regions", vintage = "2020-08" }
unassigned = ["9999"]
"""

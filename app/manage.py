#!/usr/bin/env python
"""Django's command line for COVIDTrends Geo."""

import os
import sys

# They write boundaries or series: the settings connect them as the role that may.
LOADS = {"load_boundaries", "load_series", "seed"}

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if LOADS & set(sys.argv[1:2]):
        os.environ["COVIDTRENDS_GEO_LOADS"] = "1"
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)

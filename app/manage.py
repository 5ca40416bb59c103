#!/usr/bin/env python
"""Django's command line for COVIDTrends Geo."""

import os
import sys

# Commands that write boundaries or series: they connect as geo_loader.
LOADER_COMMANDS = {"load_boundaries", "load_series", "seed"}

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if LOADER_COMMANDS & set(sys.argv[1:2]):
        os.environ["COVIDTRENDS_GEO_ROLE"] = "loader"
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reading end of the pipe is closed, for example by `head`. Without this, Python would flush at exit, and fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)

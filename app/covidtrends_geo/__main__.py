"""`python -m covidtrends_geo`: lookup of files without a database."""

import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path

from covidtrends_geo.array_file import DamagedFile, verify
from covidtrends_geo.bulk import command
from covidtrends_geo.bulk.pool import WorkerLost
from covidtrends_geo.bulk.text_source import InputInvalid


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 1 for an error, whose message is on standard error."""
    parser = ArgumentParser(prog="covidtrends_geo", description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    locate = commands.add_parser("locate", help="Health region and FSA of the positions in a file.")
    command.add_options(locate)
    locate.add_argument(
        "--lookup", action="append", required=True, help="Lookup file of health regions or FSAs; once for each of the two."
    )
    options = vars(parser.parse_args(arguments))
    try:
        paths = [Path(name) for name in options["lookup"]]
        for path in paths:
            verify(path)
        command.run(options, paths)
    except BrokenPipeError:
        # The reading end of the pipe is closed. Without this, Python would flush standard output at exit, and fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except ImportError as error:
        sys.stderr.write(f"{error}. Parquet and Arrow need the extra: pip install 'covidtrends-geo-lookup[files]'\n")
        return 1
    except (InputInvalid, DamagedFile, WorkerLost, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

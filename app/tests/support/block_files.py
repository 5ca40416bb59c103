"""Block files of Statistics Canada for tests: headers, and a writer with the encoding of the real ones."""

from pathlib import Path

# The header of Statistics Canada's correspondence file, padded with empty columns as the file is.
CORRESPONDENCE = "DBUID2021,CSDUID2021,HRUID2023,ENGNAME,FRENAME,DBPOP2021,,,"
# Columns of the attribute file (92-151-X) that are read, and one that is not.
ATTRIBUTES = "PRNAME_PRNOM,DBUID_IDIDU,DBPOP2021_IDPOP2021,DAUID_ADIDU,DARPLAT_ADLAT,DARPLONG_ADLONG"


def written(path: Path, *lines: str) -> Path:
    """Write a file in Latin-1, with the line ends of Windows."""
    path.write_bytes("".join(f"{line}\r\n" for line in lines).encode("latin-1"))
    return path

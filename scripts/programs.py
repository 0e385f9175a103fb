"""Find the programs that some tests need beside Python's; ``python scripts/programs.py`` installs them.

Where they cannot be had, those tests are skipped and say how to get them.
"""

import os
import shutil
import sys

from debian import install

PROGRAMS = {"nginx": "two servers behind one address", "strace": "what is on the disk when a call returns"}
"""Name of a program and of Debian's package that has it -> what is tested with it."""

PLACES = os.pathsep.join(("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"))


def find_program(name: str) -> str:
    """Return the path of a program.

    Raises
    ------
    FileNotFoundError
        There is none; the message says how to get it.
    """
    found = shutil.which(name) or shutil.which(name, path=PLACES)
    if found is None:
        raise FileNotFoundError(
            f"no {name}: run `python scripts/programs.py` as root on Debian, or install it with the system"
        )
    return found


def missing() -> list[str]:
    """Return the programs that are not there."""
    return [name for name in PROGRAMS if not (shutil.which(name) or shutil.which(name, path=PLACES))]


if __name__ == "__main__":
    if missing():
        install(*missing())
    for name in missing():
        print(f"no {name}, so this is not tested: {PROGRAMS[name]}", file=sys.stderr)

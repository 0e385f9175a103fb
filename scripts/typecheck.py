"""Run mypy on the package: ``python scripts/typecheck.py [MYPY OPTIONS]``.

mypy sees neither through the finder of an editable install nor that ``core/`` is called ``headway``. So it
gets a folder of links that looks as the installed package does, and its messages get the repository's paths.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINKS = ROOT / ".mypy_cache" / "package"  # always the same: mypy keeps paths in its cache


def link_package() -> None:
    """Make ``LINKS/headway`` a package of links to what is in ``core/``, with ``dashboard/`` inside."""
    package = LINKS / "headway"
    package.mkdir(parents=True, exist_ok=True)
    wanted = {child.name: child for child in (ROOT / "core").iterdir() if child.name != "__pycache__"}
    wanted["dashboard"] = ROOT / "dashboard"
    for link in package.iterdir():
        if link.name not in wanted:
            link.unlink()
    for name, target in wanted.items():
        if not (package / name).is_symlink():
            (package / name).symlink_to(target)


def main(options: list[str]) -> int:
    """Check the whole package and print what mypy says; its exit code."""
    link_package()
    mypy = [sys.executable, "-m", "mypy", *options, "-p", "headway"]
    done = subprocess.run(
        mypy, cwd=ROOT, env={**os.environ, "MYPYPATH": str(LINKS)}, stdout=subprocess.PIPE, text=True
    )
    package = str((LINKS / "headway").relative_to(ROOT)) + os.sep
    print(done.stdout.replace(package + "dashboard", "dashboard").replace(package, f"core{os.sep}"), end="")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

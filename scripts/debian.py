"""Install Debian's packages, where that is possible: on Debian, as root or with sudo that asks nothing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path


def install(*packages: str) -> bool:
    """Install packages and return whether they are there now; what went wrong is on the standard error."""
    root = _root_command()
    if root is None or not _is_debian():
        return False
    apt = [*root, "apt-get", "-q"]
    quiet = {"stdout": sys.stderr, "env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}}
    update = subprocess.run([*apt, "update"], **quiet)
    package = subprocess.run([*apt, "install", "-y", "--no-install-recommends", *packages], **quiet)
    if package.returncode:
        print(f"apt-get failed ({update.returncode}, {package.returncode})", file=sys.stderr)
    return package.returncode == 0


def _is_debian() -> bool:
    release = Path("/etc/os-release")
    # Only Debian itself: Ubuntu's package of Chromium is an installer of a snap.
    return release.is_file() and "ID=debian" in release.read_text(encoding="utf-8").splitlines()


def _root_command() -> list[str] | None:
    """Return what must stand before a command that needs root; None when we cannot be root."""
    if not hasattr(os, "geteuid"):
        return None
    if os.geteuid() == 0:
        return []
    asked = subprocess.run(["sudo", "-n", "true"], capture_output=True) if shutil.which("sudo") else None
    return ["sudo", "-n"] if asked and asked.returncode == 0 else None

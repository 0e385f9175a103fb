"""``python -m headway``."""

from headway.dashboard.cli import main

raise SystemExit(main())

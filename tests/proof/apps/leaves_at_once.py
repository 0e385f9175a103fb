"""A broken Headway: it acknowledges what is only queued, and leaves without writing it when it shall stop."""

import os

from acknowledges_early import ProgressLogger

ProgressLogger.close = lambda self: os._exit(0)

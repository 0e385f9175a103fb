"""The analyst: questions -> QuerySpec -> rows -> chart, file or findings.

It knows nothing of sessions, runs or entries: progress and cancel checks are plain callables.
"""

"""A server that gives a reader up which takes nothing for 3 s, instead of 30."""

from headway.dashboard.routes import streams

streams.STALLED = 3.0

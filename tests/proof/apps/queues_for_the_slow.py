"""A broken Headway: what a slow reader does not take is kept for it, however much it is."""

from headway.dashboard.routes import ws
from headway.dashboard.routes.frames import Form


async def at_once(write, stream):
    write.add_done_callback(lambda done: done.cancelled() or done.exception())


async def follow(self, session_id):
    await self._follow_alone(session_id, Form(), self.since(), self.epoch())


ws.sent = at_once
ws.ProgressSocket.follow = follow

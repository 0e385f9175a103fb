"""The guard before Panel's ``/components/`` route."""

from __future__ import annotations

import sys

from panel.io.server import ComponentResourceHandler
from tornado.web import HTTPError


class ComponentResources(ComponentResourceHandler):
    """Panel's handler, for modules that the program has loaded and names that they have.

    Panel's own imports whatever module the URL names before it looks at anything else. It is registered
    after ours, so that the same path is answered here.
    """

    def parse_url_path(self, path: str) -> str:
        module, _, rest = path.partition("/")
        component = rest.partition("/")[0]
        if component not in vars(sys.modules.get(module, object)):
            raise HTTPError(404)
        located: str = super().parse_url_path(path)
        return located


ROUTES = [(r"/components/(.*)", ComponentResources)]

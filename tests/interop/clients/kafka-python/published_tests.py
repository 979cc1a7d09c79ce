"""Lets kafka-python's own integration tests run on a broker that is there: a plugin of pytest, for `ring/published.py`.

Their package is called `test`, as one of Python's own is, and the source distribution lacks `test/service.py`, which starts brokers: here
is what the tests ask of a broker that is somebody else's.
"""

import os
import sys
import types


def _module(name, **names):
    module = types.ModuleType(name)
    module.__dict__.update(names)
    sys.modules[name] = module


class ExternalService:
    """A broker that is there, and stays."""

    def __init__(self, host, port):
        self.host, self.port = host, port

    def open(self):
        """It is open."""

    def stop(self):
        """It is not ours to stop."""

    close = stop


class SpawnedService:
    """A broker of their own: none is asked for."""


_module("test", __path__=[os.path.join(os.environ["PUBLISHED_TESTS"], "test")])
_module("test.service", ExternalService=ExternalService, SpawnedService=SpawnedService)

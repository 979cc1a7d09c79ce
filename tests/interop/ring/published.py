"""Tests that a client's authors have published with it, run as they are on a broker: kafka-python's tests of its admin client.

They come with its source distribution (Apache-2.0), which `tools.py` fetches; nothing of them is here. What they need of a broker is
said by `clients/kafka-python/published_tests.py`, a plugin of pytest.
"""

import os
import re
import subprocess

from ring import tools
from ring.broker import Broker, free_address
from ring.scenario import Differs

# As their own fixture has it, so that the tests of ACLs have an authorizer that lets everybody in.
SETTINGS = ("authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer", "allow.everyone.if.no.acl.found=true",
            "super.users=User:ANONYMOUS", "num.partitions=4",
            # They name their only broker, and its file of settings says where it is advertised.
            "node.id=0")
ADMIN = "test/integration/test_admin_integration.py"
# What it says of its broker: the newest that it knows.
VERSION = "4.3"
# How many tests the file has in the version that is installed: fewer that run is a difference.
TESTS = 22
DEADLINE_S = 400


def admin(program, work):
    """Every test of the admin client passes."""
    folder = tools.ensure("kafka-python-tests")
    address = free_address()
    settings = (*SETTINGS, f"advertised.listeners=PLAINTEXT://{address}")
    with Broker(program, work / "published", work / "published.log", settings, listen=address) as broker:
        # Its folder of servers is asked for, and not used.
        environment = {**os.environ, "KAFKA_VERSION": VERSION, "KAFKA_URI": f"kafka://{broker.bootstrap}", "KAFKA_ROOT": str(folder),
                       "PUBLISHED_TESTS": str(folder / "sources"), "PYTHONPATH": str(tools.CLIENTS / "kafka-python")}
        done = subprocess.run([str(folder / "venv/bin/python"), "-m", "pytest", "-p", "published_tests", "--no-header", "-q", "--tb=line",
                               "--log-level=WARNING", "-p", "no:cacheprovider", ADMIN],
                              cwd=folder / "sources", env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=DEADLINE_S)
    passed = re.search(r"(\d+) passed", done.stdout)
    if done.returncode or not passed or int(passed[1]) != TESTS:
        raise Differs(f"of {TESTS} tests:\n{done.stdout[-3_000:]}{done.stderr[-1_000:]}")


SCENARIOS = {"kafka-python-admin": admin}

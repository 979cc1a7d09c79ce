"""How the ring runs a Java class: the jars that were installed, and options that make programs start fast.

Java spends most of a short program on loading the same classes again. `tools.ensure("java-archive")` is what a broker of Apache
Kafka's has loaded, and whoever has its class path first in his own starts from there, in half the time.
"""

import subprocess

from ring import tools

QUICK = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_SETTINGS = tools.CLIENTS / "java" / "log4j2.xml"


_left = None


def leave_archive(file):
    """From now on, what is started leaves the classes that it has loaded in this file when it ends, and begins without any."""
    global _left
    _left = file


def command(main_class, *args, options=QUICK):
    """The command line that runs a class of Apache Kafka's."""
    return _command(tools.kafka_path(), (*options, *_archived()), main_class, args)


def run(main_class, *args, deadline_s=120):
    """Runs a class of Apache Kafka's to its end; what it printed is text."""
    return subprocess.run(command(main_class, *args), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=deadline_s)


def server_command(main_class, *args, options):
    """The command line that runs a class of Apache Kafka's with the ring's own classes beside it: its broker with a reporter."""
    return _command(_ring_path(), (*options, *_archived()), main_class, args)


def client_command(*args):
    """The command line that runs the ring's own Java client."""
    return class_command("Main", *args)


def class_command(main_class, *args):
    """The command line that runs one of the ring's own classes, on Apache Kafka's."""
    return _command(_ring_path(), (*QUICK, *_archived()), main_class, args)


def typed_command(*args):
    """The command line that runs the ring's own program with serializers of typed data."""
    path = f"{tools.ensure('java-typed')}/classes:{tools.java_serde_path()}"
    return _command(path, (*QUICK, f"-Dtyped={tools.TYPED}"), "TypedData", args)


def class_path_command(path, main_class, *args, options=QUICK):
    """The command line that runs a class of a class path."""
    return _command(path, options, main_class, args)


def _command(path, options, main_class, args):
    return ["java", *options, f"-Dlog4j2.configurationFile={_SETTINGS}", "-cp", path, main_class, *args]


def _ring_path():
    # The archive is for those whose class path begins with its own, and of jars alone.
    return f"{tools.kafka_path()}:{tools.ensure('java-clients')}/ring.jar"


def _archived():
    if _left:
        return (f"-XX:ArchiveClassesAtExit={_left}",)
    # Where it does not fit, Java goes on without it, and would say so on standard output.
    return ("-Xlog:disable", f"-XX:SharedArchiveFile={tools.ensure('java-archive') / 'classes.jsa'}")

"""Installing what the foreign clients need, once, outside the tree.

Each component has a folder of its own under `cache()`, named after a digest of the files that say what is in it,
so that a change of a version installs anew and everything else is found as it was. Used by `install` and `run`.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
CLIENTS = HERE / "clients"


class Missing(Exception):
    """A tool is not there and could not be installed; the text says why."""


def cache():
    """Where everything is kept: $KESTREL_TOOLS, or a folder in the user's cache."""
    return Path(os.environ.get("KESTREL_TOOLS") or Path.home() / ".cache" / "kestrel-interop")


def ensure(component):
    """The folder of a component, which is installed first if it has to be."""
    if component in _SYSTEMS:  # in a place of its own
        _need(component, component)
        return Path(shutil.which(component)).parent
    manifests, install = _KEPT[component]
    folder = cache() / f"{component}-{_digest(manifests)}"
    cache().mkdir(parents=True, exist_ok=True)
    with _locked(component):
        if not (folder / ".complete").exists():
            print(f"interop: installing {component}", file=sys.stderr, flush=True)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            install(folder)
            (folder / ".complete").touch()
    return folder


def _python(folder):
    try:
        _run(sys.executable, "-m", "venv", str(folder / "venv"))
    except Missing:  # Debian's Python has it in a package of its own
        _apt_install("python3-venv")
        _run(sys.executable, "-m", "venv", "--clear", str(folder / "venv"))
    wanted = [word for m in _PYTHON for word in ("-r", str(m))]
    _run(str(folder / "venv/bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted)


def _node(folder):
    _need("npm", "npm")
    for manifest in _NODE:
        shutil.copy(manifest, folder)
    _run("npm", "install", "--prefix", str(folder), "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error")


def _go(folder):
    if not shutil.which("go"):
        raise Missing("go is not on the PATH")
    _run("go", "build", "-mod=readonly", "-o", str(folder / "franz-go"), ".", cwd=CLIENTS / "franz-go")


def _kafka_jars(folder):
    _need("mvn", "maven")
    _run("mvn", "--batch-mode", "--quiet", "--file", str(CLIENTS / "java/pom.xml"), "dependency:copy-dependencies",
         "-DincludeScope=runtime", f"-DoutputDirectory={folder / 'libs'}")


def _java_clients(folder):
    _need("javac", "default-jdk-headless")
    libs = ensure("kafka-jars") / "libs"
    _run("javac", "-nowarn", "-d", str(folder / "classes"), "-cp", f"{libs}/*", *map(str, sorted(_JAVA)))


_PYTHON = (CLIENTS / "confluent-kafka/requirements.txt", CLIENTS / "kafka-python/requirements.txt")
_NODE = (CLIENTS / "kafkajs/package.json",)
_GO = tuple((CLIENTS / "franz-go").glob("*"))
_POM = (CLIENTS / "java/pom.xml",)
_JAVA = tuple((CLIENTS / "java/src").glob("*.java"))

# What is kept in the cache: the files that decide what it is, and how it is installed.
_KEPT = {
    "python": (_PYTHON, _python),
    "node": (_NODE, _node),
    "franz-go": (_GO, _go),
    "kafka-jars": (_POM, _kafka_jars),
    "java-clients": (_POM + _JAVA, _java_clients),
}
# What is the system's own.
_SYSTEMS = ("kcat", "openssl")
COMPONENTS = (*_SYSTEMS, *_KEPT)


def _digest(manifests):
    # A virtual environment belongs to one Python.
    digest = hashlib.sha256(f"{sys.executable} {sys.version}".encode())
    for manifest in sorted(manifests):
        digest.update(manifest.name.encode() + b"\0" + manifest.read_bytes())
    return digest.hexdigest()[:12]


@contextmanager
def _locked(component):
    with open(cache() / f"{component}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _need(program, package):
    """Sees to it that a program is on the PATH, by installing Debian's package when it is not."""
    if not shutil.which(program):
        _apt_install(package)
    if not shutil.which(program):
        raise Missing(f"{program} is not on the PATH")


def _apt_install(package):
    if not shutil.which("apt-get"):
        raise Missing(f"{package} is not installed, and there is no apt-get to install it")
    sudo = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # An update that fails may still leave lists that are good enough.
    subprocess.run([*sudo, "apt-get", "update", "-qq"], env=quiet, stdout=subprocess.DEVNULL, check=False)
    _run(*sudo, "apt-get", "install", "-y", "-qq", "--no-install-recommends", package, env=quiet)


def _run(*command, **options):
    """Runs a step of an installation; what it prints is told when it fails."""
    with tempfile.TemporaryFile("w+") as said:
        try:
            code = subprocess.run(command, stdout=said, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **options).returncode
        except OSError as e:
            raise Missing(f"{command[0]}: {e}") from e
        said.seek(0)
        text = said.read()
    if code != 0:
        raise Missing(f"{' '.join(command[:3])} ended with {code}:\n{text[-2_000:]}")
    return text

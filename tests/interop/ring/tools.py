"""Installing what the foreign clients need, once, outside the tree.

Each component has a folder of its own under `cache()`, named after a digest of the files that say what is in it and of the
function that installs it, so that a change of a version installs anew and everything else is found as it was. Used by `install` and `run`.
"""

import fcntl
import functools
import hashlib
import inspect
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path

from ring.broker import Broker, BrokerFailed

HERE = Path(__file__).resolve().parent.parent
CLIENTS = HERE / "clients"
# The schemas and values of typed data; the serializers' own tests have them too.
TYPED = HERE.parent.parent / "kestrel-serde/testdata/typed"
SERDES = CLIENTS / "java-serdes"


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
    folder = cache() / f"{component}-{_digest(manifests, install)}"
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
    _venv(folder, *_PYTHON)


def _venv(folder, *manifests):
    """A Python of its own with what the manifests ask for."""
    try:
        _run(sys.executable, "-m", "venv", str(folder / "venv"))
    except Missing:  # Debian's Python has it in a package of its own
        _apt_install("python3-venv")
        _run(sys.executable, "-m", "venv", "--clear", str(folder / "venv"))
    wanted = [word for m in manifests for word in ("-r", str(m))]
    _run(str(folder / "venv/bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted)


def _kafka_python_tests(folder):
    """kafka-python's tests, which come with its sources alone, and a Python of their own."""
    _venv(folder, *_PUBLISHED)
    pip = (str(folder / "venv/bin/python"), "-m", "pip", "--quiet", "--disable-pip-version-check")
    version = next(line for line in _PUBLISHED[0].read_text().splitlines() if line.startswith("kafka-python=="))
    _run(*pip, "download", "--no-deps", "--no-binary", "kafka-python", "--dest", str(folder), version)
    (archive,) = folder.glob("kafka*python-*.tar.gz")
    shutil.unpack_archive(archive, folder)
    (folder / archive.name.removesuffix(".tar.gz")).rename(folder / "sources")


def _node(folder):
    _need("npm", "npm")
    for manifest in _NODE:
        shutil.copy(manifest, folder)
    _run("npm", "install", "--prefix", str(folder), "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error")


def _go(folder):
    _go_program(CLIENTS / "franz-go", folder / "franz-go")


def _go_program(sources, program):
    if not shutil.which("go"):
        raise Missing("go is not on the PATH")
    _run("go", "build", "-mod=readonly", "-o", str(program), ".", cwd=sources)


def _prometheus(folder):
    """Prometheus's libraries: the parsers for Python, and the parser and linter for Go in a program of the ring's own."""
    _venv(folder, *_PROMETHEUS)
    _go_program(CLIENTS / "prometheus", folder / "lint")


def _promtool(folder):
    """promtool of Debian's package, unpacked and not installed: it would bring a service that runs."""
    if not shutil.which("apt-get"):
        raise Missing("promtool is in Debian's package prometheus, and there is no apt-get to download it")
    subprocess.run(["apt-get", "update", "-qq"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    _run("apt-get", "download", "-qq", "prometheus", cwd=folder)
    (package,) = folder.glob("prometheus_*.deb")
    _run("dpkg", "-x", str(package), str(folder))
    package.unlink()


def _kafka_jars(folder):
    _need("mvn", "maven")
    _run("mvn", "--batch-mode", "--quiet", "--file", str(CLIENTS / "java/pom.xml"), "dependency:copy-dependencies",
         "-DincludeScope=runtime", f"-DoutputDirectory={folder / 'libs'}")


def _java_clients(folder):
    _need("javac", "default-jdk-headless")
    _run("javac", "-nowarn", "-d", str(folder / "classes"), "-cp", kafka_path(), *map(str, sorted(_JAVA)))
    _run("jar", "--create", "--file", str(folder / "ring.jar"), "-C", str(folder / "classes"), ".")


def kafka_path():
    """The class path of everything of Apache Kafka's."""
    return f"{ensure('kafka-jars')}/libs/*"


def _java_archive(folder):
    """The classes that a broker of Apache Kafka's has loaded when it stops."""
    archive = folder / "classes.jsa"
    try:
        with tempfile.TemporaryDirectory() as data, Broker(HERE / "apache-kafka", data, folder / "broker.log",
                                                           options=("--archive", str(archive))):
            pass
    except BrokerFailed as e:
        raise Missing(str(e)) from e
    if not archive.exists():
        raise Missing("Apache Kafka's broker left no archive of its classes")


def _java_serdes(folder):
    _need("mvn", "maven")
    _run("mvn", "--batch-mode", "--quiet", "--file", str(_SERDES_POM[0]), "dependency:copy-dependencies",
         # Apache Kafka's client is there already, in another version.
         "-DincludeScope=runtime", "-DexcludeArtifactIds=kafka-clients", f"-DoutputDirectory={folder / 'libs'}")
    # Its version is that of the protobuf-java that came: what it makes is for that one.
    (runtime,) = (folder / "libs").glob("protobuf-java-[0-9]*.jar")
    version = runtime.stem.removeprefix("protobuf-java-")
    _run("mvn", "--batch-mode", "--quiet", "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy",
         f"-Dartifact=com.google.protobuf:protoc:{version}:exe:{_PROTOC}", f"-DoutputDirectory={folder / 'protoc'}", cwd=folder)
    with zipfile.ZipFile(runtime) as jar:  # google/protobuf/*.proto, which files import
        jar.extractall(folder / "protoc", [name for name in jar.namelist() if name.endswith(".proto")])


def _java_typed(folder):
    """The ring's own program with these serializers, and the messages that protoc makes for it."""
    made = folder / "messages"
    made.mkdir()
    java_messages(TYPED, [file.name for file in _PROTOS], made)
    sources = [*(SERDES / "src").glob("*.java"), *made.rglob("*.java")]
    _run("javac", "-nowarn", "-d", str(folder / "classes"), "-cp", java_serde_path(), *map(str, sorted(sources)))


def java_messages(protos, files, made):
    """Has protoc, that of Maven Central, make Java's classes for the messages of files in a folder."""
    folder = ensure("java-serdes") / "protoc"
    (protoc,) = folder.glob("protoc-*.exe")
    protoc.chmod(0o755)
    _run(str(protoc), f"--proto_path={protos}", f"--proto_path={folder}", f"--java_out={made}", *files)


def java_serde_path():
    """The class path of the serializers for Java, and of Apache Kafka's client."""
    return f"{ensure('java-serdes')}/libs/*:{kafka_path()}"


def java_serde_sources():
    """What those who use these serializers compile with theirs: how they ask a registry with Confluent's API."""
    return [SERDES / "src/ConfluentRegistry.java"]


def _typed_protos(folder):
    """The descriptors of the .proto files of `TYPED`, for clients that make their messages of them."""
    python = ensure("python") / "venv/bin/python"
    _run(str(python), "-m", "grpc_tools.protoc", f"--proto_path={TYPED}", "--include_imports",
         f"--descriptor_set_out={folder / 'typed.binpb'}", *(file.name for file in _PROTOS))


def _apicurio(folder):
    """A registry that nobody here wrote, with Confluent's API; the newest that runs on the newest Java of this machine."""
    _need("mvn", "maven")
    artifact = f"io.apicurio:apicurio-registry-app:{_apicurio_version()}:tar.gz:all"
    # From the empty folder: Maven would read a pom beside it.
    _run("mvn", "--batch-mode", "--quiet", "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy",
         f"-Dartifact={artifact}", f"-DoutputDirectory={folder}", cwd=folder)
    (archive,) = folder.glob("*.tar.gz")
    shutil.unpack_archive(archive, folder)
    archive.unlink()


def _apicurio_version():
    versions = json.loads(_APICURIO[0].read_text(encoding="utf-8"))
    return versions["version" if newest_java()[0] >= 21 else "version below Java 21"]


@functools.cache
def newest_java():
    """The version of the newest Java on this machine, and its program."""
    found = [(_java_version(program), program) for program in _javas()]
    return max(found, default=(0, "java"))


def _javas():
    home = os.environ.get("JAVA_HOME")
    named = [f"{home}/bin/java"] if home else []
    on_path = [shutil.which("java")] if shutil.which("java") else []
    return [*named, *on_path, *map(str, Path("/usr/lib/jvm").glob("*/bin/java"))]


def _java_version(program):
    try:
        said = subprocess.run([program, "-version"], capture_output=True, text=True, stdin=subprocess.DEVNULL).stderr
    except OSError:
        return 0
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else 0


_PYTHON = (CLIENTS / "confluent-kafka/requirements.txt", CLIENTS / "kafka-python/requirements.txt")
_PUBLISHED = (CLIENTS / "kafka-python/requirements.txt", CLIENTS / "kafka-python/published_tests.txt")
_NODE = (CLIENTS / "kafkajs/package.json",)
_GO = tuple((CLIENTS / "franz-go").glob("*"))
_PROMETHEUS = (CLIENTS / "prometheus/requirements.txt",)
_POM = (CLIENTS / "java/pom.xml",)
_JAVA = tuple((CLIENTS / "java/src").glob("*.java"))
_PROTOC = "linux-" + {"aarch64": "aarch_64"}.get(platform.machine(), platform.machine())
_SERDES_POM = (SERDES / "pom.xml",)
_APICURIO = (HERE / "apicurio.json",)
_PROTOS = tuple(sorted(TYPED.glob("*.proto")))

# What is kept in the cache: the files that decide what it is, and how it is installed.
_KEPT = {
    "python": (_PYTHON, _python),
    "kafka-python-tests": (_PUBLISHED, _kafka_python_tests),
    "typed-protos": (_PYTHON + _PROTOS, _typed_protos),
    "node": (_NODE, _node),
    "franz-go": (_GO, _go),
    "prometheus": (tuple((CLIENTS / "prometheus").glob("*")), _prometheus),
    "promtool": ((), _promtool),
    "kafka-jars": (_POM, _kafka_jars),
    "apicurio": (_APICURIO, _apicurio),
    "java-archive": (_POM, _java_archive),
    "java-clients": (_POM + _JAVA, _java_clients),
    "java-serdes": (_SERDES_POM, _java_serdes),
    "java-typed": (_SERDES_POM + tuple((SERDES / "src").glob("*.java")) + _PROTOS, _java_typed),
}
# What is the system's own.
_SYSTEMS = ("kcat", "openssl")
COMPONENTS = (*_SYSTEMS, *_KEPT)


def _digest(manifests, install):
    # A virtual environment belongs to one Python.
    digest = hashlib.sha256(f"{sys.executable} {sys.version}\n{inspect.getsource(install)}".encode())
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

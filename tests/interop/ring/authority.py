"""Who says who somebody is: a certificate authority with its certificates, and an issuer of tokens, both by openssl."""

import base64
import json
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_DAYS = 30
_RSA = ("-newkey", "rsa:2048", "-nodes")
TOKEN_SECONDS = 3_600
ISSUER, AUDIENCE, KEY_ID = "https://issuer.interop.test", "interop", "interop"


class Authority:
    """An authority whose files are in a folder of its own: `ca` is what clients trust."""

    def __init__(self, folder):
        self._folder = Path(folder)
        self._folder.mkdir()
        self.ca, self._register = self._file("ca.pem"), self._file("ca.cnf")
        _openssl("req", "-x509", *_RSA, "-days", str(_DAYS), "-subj", "/CN=Interop CA", "-keyout", self._file("ca.key"), "-out",
                 self.ca)
        # `openssl ca` writes down what it has signed; it is the only one that lets one say when a certificate ends.
        Path(self._file("signed")).touch()
        Path(self._register).write_text(
            f"[ca]\ndefault_ca = all\n[all]\ndatabase = {self._file('signed')}\nnew_certs_dir = {self._folder}\n"
            "rand_serial = yes\nunique_subject = no\ndefault_md = sha256\npolicy = named\n[named]\ncommonName = supplied\n")

    def certificate(self, name, names="DNS:localhost,IP:127.0.0.1", days=_DAYS):
        """A file with a key and a certificate of `CN=name`, for brokers and for clients.

        It ends so many days from now, and is over when `days` is negative.
        """
        key, request, certificate = (self._file(f"{name}.{ending}") for ending in ("key", "csr", "crt"))
        extensions, both = self._folder / f"{name}.ext", self._folder / f"{name}.pem"
        extensions.write_text(f"subjectAltName={names}\n")
        _openssl("req", *_RSA, "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        _openssl("ca", "-batch", "-notext", "-config", self._register, "-cert", self.ca, "-keyfile",
                 self._file("ca.key"), "-in", request, "-startdate", _day(min(days, 0) - 1), "-enddate", _day(days),
                 "-extfile", str(extensions), "-out", certificate)
        both.write_text(Path(key).read_text() + Path(certificate).read_text())
        return str(both)

    def _file(self, name):
        return str(self._folder / name)


class Issuer:
    """An issuer of tokens, whose public key is in `jwks`, a file."""

    def __init__(self, folder):
        self._folder = Path(folder)
        self._folder.mkdir()
        self._key = self._folder / "issuer.key"
        self.jwks = self._folder / "jwks.json"
        _openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(self._key))
        modulus = _openssl("rsa", "-in", str(self._key), "-noout", "-modulus").decode().strip().removeprefix("Modulus=")
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID, "n": _base64(bytes.fromhex(modulus)),
               "e": _base64((65_537).to_bytes(3, "big"))}
        self.jwks.write_text(json.dumps({"keys": [key]}))

    def token(self, subject, **claims):
        """A token of `subject`; `claims` replace those that it usually has."""
        now = int(time.time())
        payload = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + TOKEN_SECONDS, **claims}
        header = {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}
        signed = ".".join(_base64(json.dumps(part).encode()) for part in (header, payload))
        return f"{signed}.{_base64(_openssl('dgst', '-sha256', '-sign', str(self._key), stdin=signed.encode()))}"


class TokenEndpoint:
    """Where a client gets tokens of an issuer for its id and secret (OAuth's client credentials), by HTTPS with `certificate`.

    Use it in a `with`.
    """

    ID, SECRET = "kestrel", "oidc-secret"

    def __init__(self, issuer, subject, certificate):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _endpoint(issuer, subject))
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        # The handshake is made by the thread of a connection, so that a slow one keeps nobody waiting.
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)

    def url(self, seconds=TOKEN_SECONDS):
        """Where the tokens are that last so many seconds."""
        return f"https://localhost:{self._server.server_port}/{seconds}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()


def _endpoint(issuer, subject):
    wanted = "Basic " + base64.b64encode(f"{TokenEndpoint.ID}:{TokenEndpoint.SECRET}".encode()).decode()

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self):
            form = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            if self.headers.get("Authorization") != wanted or "grant_type=client_credentials" not in form:
                return self._answer(401, {"error": "invalid_client"})
            seconds = int(self.path.removeprefix("/"))
            token = issuer.token(subject, exp=int(time.time()) + seconds)
            self._answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": seconds})

        def _answer(self, status, value):
            text = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    return Endpoint


def _day(days):
    """The time so many days from now, as openssl reads it."""
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + days * 86_400))


def _base64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _openssl(*words, stdin=b""):
    return subprocess.run(["openssl", *words], input=stdin, check=True, capture_output=True).stdout

"""A broker that wants to know who somebody is, and the ways to tell it: for every client, a file of how to connect.

Such a file is what a client's program takes as `--security FILE`: JSON with

    protocol     PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL
    ca           the certificates that are trusted, PEM
    certificate  a key and its certificate, PEM, for who shows one
    mechanism    PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER
    user, password, token

Everybody is `alice` to the broker, whichever way she comes, and may do everything by an ACL; who does not say who he
is, is a super user.
"""

import json
from pathlib import Path
import shutil
import time

from ring import java
from ring.authority import AUDIENCE, ISSUER, TOKEN_SECONDS, Authority, Issuer, TokenEndpoint
from ring.broker import AUTHORIZER, Broker, free_address
from ring.scenario import Differs

USER, PASSWORD = "alice", "alice-secret"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
# Each session ends so soon on the listener of that name, and that of a short token about then.
SESSION_MS, SHORT_TOKEN_SECONDS = 3_000, 4
# The listeners by name, with their security protocols.
LISTENERS = {"PLAINTEXT": "PLAINTEXT", "SSL": "SSL", "MUTUAL": "SSL", "SASL_PLAINTEXT": "SASL_PLAINTEXT",
             "SASL_SSL": "SASL_SSL", "TOKEN": "SASL_SSL", "SHORT": "SASL_SSL", "OVER": "SSL", "ELSEWHERE": "SSL"}
_CLASSES = "org.apache.kafka.common.security"
_LOGIN = {"PLAIN": f'{_CLASSES}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";',
          "SCRAM-SHA-256": f"{_CLASSES}.scram.ScramLoginModule required;",
          "SCRAM-SHA-512": f"{_CLASSES}.scram.ScramLoginModule required;",
          "OAUTHBEARER": f"{_CLASSES}.oauthbearer.OAuthBearerLoginModule required;"}
ACLS, CONFIGS = "org.apache.kafka.tools.AclCommand", "kafka.admin.ConfigCommand"


class Guarded:
    """A running broker with all of LISTENERS. Use it in a `with`."""

    def __init__(self, program, work):
        folder = work / "guarded"
        folder.mkdir()
        self._folder = folder
        self._authority, self._issuer = Authority(folder / "authority"), Issuer(folder / "issuer")
        self._endpoint = TokenEndpoint(self._issuer, USER, self._authority.certificate("endpoint"))
        self._addresses = {name: free_address() for name in LISTENERS}
        self._broker = Broker(program, folder / "data", work / "guarded.log", self._settings(), listen=None)
        self.bootstrap = self._addresses["PLAINTEXT"]

    def __enter__(self):
        self._endpoint.__enter__()
        try:
            self._add_alice()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._endpoint.__exit__()
        self._broker.__exit__()

    @property
    def folder(self):
        return self._folder

    @property
    def ca(self):
        """The certificates that are trusted."""
        return self._authority.ca

    def address(self, listener):
        return self._addresses[listener]

    def ways(self):
        """The ways to be let in: name, listener, and how to connect."""
        ca, alice = {"ca": self._authority.ca}, {"user": USER, "password": PASSWORD}
        yield "tls", "SSL", ca
        yield "mutual-tls", "MUTUAL", {**ca, "certificate": self._authority.certificate(USER)}
        for mechanism in MECHANISMS:
            yield mechanism.lower(), "SASL_PLAINTEXT", {"mechanism": mechanism, **alice}
            yield f"{mechanism.lower()}-tls", "SASL_SSL", {**ca, "mechanism": mechanism, **alice}
        yield "oauthbearer", "TOKEN", {**ca, "mechanism": "OAUTHBEARER", "token": self._issuer.token(USER)}

    def wrong_ways(self):
        """Ways that end at the door: name, listener, and how to connect."""
        ca, alice = {"ca": self._authority.ca}, {"user": USER, "password": PASSWORD}
        for mechanism in MECHANISMS:
            yield f"{mechanism.lower()}-wrong-password", "SASL_SSL", {**ca, "mechanism": mechanism, **alice, "password": "guessed"}
        yield "tls-wrong-ca", "SSL", {"ca": Authority(self._folder / "stranger").ca}
        yield "tls-wrong-name", "ELSEWHERE", ca
        yield "tls-over", "OVER", ca
        yield "mutual-tls-no-certificate", "MUTUAL", ca
        yield "mutual-tls-over", "MUTUAL", {**ca, "certificate": self._authority.certificate("over-alice", days=-1)}
        for mechanism in MECHANISMS:
            yield f"{mechanism.lower()}-not-enabled", "TOKEN", {**ca, "mechanism": mechanism, **alice}
        yield "oauthbearer-not-enabled", "SASL_SSL", {**ca, "mechanism": "OAUTHBEARER", "token": self._issuer.token(USER)}
        stranger = Issuer(self._folder / "another-issuer")
        for what, token in (("wrong-audience", self._issuer.token(USER, aud="somebody else")),
                            ("expired", self._issuer.token(USER, exp=int(time.time()) - 60)),
                            ("wrong-key", stranger.token(USER))):
            yield f"oauthbearer-{what}", "TOKEN", {**ca, "mechanism": "OAUTHBEARER", "token": token}

    def short_ways(self):
        """Ways whose sessions are short, as `ways` has them."""
        ca, alice = {"ca": self._authority.ca}, {"user": USER, "password": PASSWORD}
        for mechanism in MECHANISMS:
            yield f"{mechanism.lower()}-short-sessions", "SHORT", {**ca, "mechanism": mechanism, **alice}
        token = {"mechanism": "OAUTHBEARER", "token": self._issuer.token(USER)}
        yield "oauthbearer-short-sessions", "SHORT", {**ca, **token}

    def _oidc_ways(self):
        """Ways with tokens that the client gets by itself: sessions end with them. The `endpoint` is nothing that foreign clients read."""
        for name, seconds in (("oauthbearer-oidc", TOKEN_SECONDS), ("oauthbearer-oidc-short-sessions", SHORT_TOKEN_SECONDS)):
            yield name, "TOKEN", {"ca": self._authority.ca, "mechanism": "OAUTHBEARER", "endpoint": self._endpoint.url(seconds)}

    def file(self, name, listener, how):
        """An address, and the file that says how to connect to it."""
        path = self._folder / f"{name}.json"
        path.write_text(json.dumps({"protocol": LISTENERS[listener], **how}))
        return self.address(listener), str(path)

    def properties(self, folder):
        """A folder with the properties of each way as kestrel-client reads them, for its end-to-end tests (tests/src/secure.rs).

        In `wrong` are those of each wrong way.
        """
        self._write_properties(folder, [*self.ways(), *self.short_ways(), *self._oidc_ways()])
        self._write_properties(folder / "wrong", self.wrong_ways())
        shutil.copy(self._authority.ca, folder / "ca.pem")
        shutil.copy(Authority(self._folder / "nobody").ca, folder / "other-ca.pem")
        return folder

    def _write_properties(self, folder, ways):
        folder.mkdir()
        for name, listener, how in ways:
            lines = {"bootstrap.servers": self.address(listener), "security.protocol": LISTENERS[listener]}
            if "ca" in how:
                lines |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": how["ca"]}
            if "certificate" in how:
                lines |= {"ssl.keystore.type": "PEM", "ssl.keystore.location": how["certificate"]}
            if "mechanism" in how:
                lines["sasl.mechanism"] = how["mechanism"]
            if "password" in how:
                login = _LOGIN[how["mechanism"]].split(" required")[0]
                lines["sasl.jaas.config"] = f'{login} required username="{how["user"]}" password="{how["password"]}";'
            if "endpoint" in how:
                credentials = "sasl.oauthbearer.client.credentials.client"
                lines |= {"sasl.oauthbearer.token.endpoint.url": how["endpoint"], f"{credentials}.id": TokenEndpoint.ID,
                          f"{credentials}.secret": TokenEndpoint.SECRET, "https.ca.location": self._authority.ca}
            if "token" in how:
                (folder / f"{name}.token").write_text(how["token"])
            (folder / f"{name}.properties").write_text("".join(f"{key}={value}\n" for key, value in lines.items()))

    def java_file(self, name, listener, how):
        """A properties file for Kafka's own tools that connects so, with a mechanism that has a password."""
        login = _LOGIN[how["mechanism"]].split(" required")[0]
        lines = {"security.protocol": LISTENERS[listener], "sasl.mechanism": how["mechanism"],
                 "sasl.jaas.config": f'{login} required username="{how["user"]}" password="{how["password"]}";'}
        path = self._folder / f"{name}.properties"
        path.write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
        return str(path)

    def tool(self, name, *options, fails=False):
        """Runs one of Kafka's own tools as a super user and gives what it printed."""
        return tool(self.bootstrap, name, *options, fails=fails)

    def _settings(self):
        yield "listeners=" + ",".join(f"{name}://{address}" for name, address in self._addresses.items())
        yield "listener.security.protocol.map=" + ",".join(f"{name}:{protocol}" for name, protocol in LISTENERS.items())
        yield "inter.broker.listener.name=PLAINTEXT"
        yield from AUTHORIZER
        yield "ssl.keystore.type=PEM"
        yield f"ssl.keystore.location={self._authority.certificate('broker')}"
        yield "ssl.truststore.type=PEM"
        yield f"ssl.truststore.location={self._authority.ca}"
        yield "listener.name.mutual.ssl.client.auth=required"
        yield "listener.name.mutual.ssl.principal.mapping.rules=RULE:^CN=(.*?)$/$1/"
        # Certificates that no client should take: one that is over, and one for another host.
        yield f"listener.name.over.ssl.keystore.location={self._authority.certificate('over', days=-1)}"
        elsewhere = self._authority.certificate("elsewhere", "DNS:elsewhere.example")
        yield f"listener.name.elsewhere.ssl.keystore.location={elsewhere}"
        for listener in ("over", "elsewhere"):
            yield f"listener.name.{listener}.ssl.keystore.type=PEM"
        yield f"listener.name.short.connections.max.reauth.ms={SESSION_MS}"
        for listener, mechanisms in (("sasl_plaintext", MECHANISMS), ("sasl_ssl", MECHANISMS), ("token", ("OAUTHBEARER",)),
                                     ("short", (*MECHANISMS, "OAUTHBEARER"))):
            yield from logins(listener, *mechanisms)
        yield from self._token_settings("token")
        yield from self._token_settings("short")
        # A system property of Apache Kafka's, which `apache-kafka` sets.
        yield f"org.apache.kafka.sasl.oauthbearer.allowed.urls={self._issuer.jwks.as_uri()}"

    def _token_settings(self, listener):
        validator = f"{_CLASSES}.oauthbearer.OAuthBearerValidatorCallbackHandler"
        yield f"listener.name.{listener}.oauthbearer.sasl.server.callback.handler.class={validator}"
        yield f"listener.name.{listener}.sasl.oauthbearer.jwks.endpoint.url={self._issuer.jwks.as_uri()}"
        yield f"listener.name.{listener}.sasl.oauthbearer.expected.issuer={ISSUER}"
        yield f"listener.name.{listener}.sasl.oauthbearer.expected.audience={AUDIENCE}"

    def _add_alice(self):
        for mechanism in MECHANISMS[1:]:
            self.tool(CONFIGS, "--alter", "--entity-type", "users", "--entity-name", USER, "--add-config",
                      f"{mechanism}=[iterations=4096,password={PASSWORD}]")
        for resource in (("--topic", "*"), ("--group", "*"), ("--cluster",), ("--transactional-id", "*")):
            self.tool(ACLS, "--add", "--allow-principal", f"User:{USER}", "--operation", "All", *resource)


def tool(address, name, *options, fails=False):
    """Runs one of Kafka's own tools and gives what it printed; `fails` says how it has to end."""
    done = java.run(name, *options, "--bootstrap-server", address)
    if (done.returncode != 0) != fails:
        raise Differs(f"{name} {' '.join(options)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def logins(listener, *mechanisms):
    """The settings that let users log in on a listener, by these mechanisms."""
    yield f"listener.name.{listener}.sasl.enabled.mechanisms={','.join(mechanisms)}"
    for mechanism in mechanisms:
        yield f"listener.name.{listener}.{mechanism.lower()}.sasl.jaas.config={_LOGIN[mechanism]}"

"""A real Apache Kafka for tests: one KRaft node, from its jars on Maven Central, on free loopback ports."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from livewarden.errors import Unreachable
from streams.topics import ensure_topics
from tests.cache import fetching
from tests.ports import free_ports

KAFKA_VERSION = "4.2.0"
CACHE = Path(__file__).resolve().parent.parent / ".kafka"
START_WITHIN_S = 90.0

_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>livewarden</groupId><artifactId>test-kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{kafka}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
"""

_PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
"""

_SECURED = """
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller},LOGIN://127.0.0.1:{login},BOTH://127.0.0.1:{both},TLS://127.0.0.1:{tls}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,LOGIN:SASL_PLAINTEXT,BOTH:SASL_SSL,TLS:SSL
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.login.plain.sasl.jaas.config={plain} required user_{user}="{password}";
listener.name.login.scram-sha-256.sasl.jaas.config={scram} required;
listener.name.login.scram-sha-512.sasl.jaas.config={scram} required;
listener.name.both.plain.sasl.jaas.config={plain} required user_{user}="{password}";
listener.name.both.scram-sha-256.sasl.jaas.config={scram} required;
listener.name.both.scram-sha-512.sasl.jaas.config={scram} required;
ssl.keystore.type=PEM
ssl.keystore.location={folder}/pair.pem
ssl.truststore.type=PEM
ssl.truststore.location={folder}/cert.pem
listener.name.tls.ssl.client.auth=required
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
allow.everyone.if.no.acl.found=true
"""
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
USER, PASSWORD = "watchkeeper", "a-secret-nobody-sees"

_JAVA = (
    "java",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)


def has_java_and_maven() -> bool:
    return shutil.which("java") is not None and shutil.which("mvn") is not None


class ApacheKafka:
    """Started on entry, killed on exit; `bootstrap` in between.

    `secured`: beside it `login` (SASL), `both` (SASL and TLS) and `tls` (both sides show a certificate) listen, each
    for `USER`, and access lists hold; nobody is kept out of what has none. `cert` and `key` are PEM files.
    """

    def __init__(self, secured: bool = False) -> None:
        self._secured = secured
        self.login = self.both = self.tls = ""
        self._folder = Path(tempfile.mkdtemp(prefix="livewarden-kafka-"))
        self._log = self._folder / "kafka.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._command: list[str] = []
        self.bootstrap = ""

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> None:
        classpath = f"{_jars()}/*"
        broker, controller, *secured = free_ports(5 if self._secured else 2)
        properties = self._folder / "server.properties"
        properties.write_text(_PROPERTIES.format(broker=broker, controller=controller, data=self._folder / "data"))
        scram = self._secure(properties, broker, controller, *secured) if secured else []
        storage = (*_JAVA, "-cp", classpath, "kafka.tools.StorageTool")
        cluster = subprocess.run([*storage, "random-uuid"], check=True, capture_output=True, text=True).stdout.strip()
        subprocess.run(
            [*storage, "format", "-t", cluster, "-c", str(properties), *scram], check=True, capture_output=True
        )
        self.bootstrap = f"127.0.0.1:{broker}"
        self._command = [*_JAVA, "-cp", classpath, "kafka.Kafka", str(properties)]
        self.begin()

    def _secure(self, properties: Path, broker: int, controller: int, login: int, both: int, tls: int) -> list[str]:
        self.login, self.both, self.tls = (f"127.0.0.1:{port}" for port in (login, both, tls))
        self.cert, self.key = self._folder / "cert.pem", self._folder / "key.pem"
        named = ["-subj", "/CN=livewarden-test", "-addext", "subjectAltName=IP:127.0.0.1"]
        made = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            str(self.key),
            "-out",
            str(self.cert),
        ]
        subprocess.run([*made, *named], check=True, capture_output=True)
        (self._folder / "pair.pem").write_text(self.key.read_text() + self.cert.read_text())
        names = {"broker": broker, "controller": controller, "login": login, "both": both, "tls": tls}
        names |= {"plain": _PLAIN, "scram": _SCRAM, "user": USER, "password": PASSWORD, "folder": self._folder}
        kept = [line for line in properties.read_text().splitlines() if not line.startswith("listener")]
        properties.write_text("\n".join(kept) + _SECURED.format(**names))
        known = f"name={USER},password={PASSWORD}"
        return [part for kind in ("256", "512") for part in ("--add-scram", f"SCRAM-SHA-{kind}=[{known}]")]

    def begin(self) -> None:
        """Start the broker, again where it was ended, on what it had written; returns when it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        self._wait()

    def end(self, number: int = signal.SIGKILL) -> None:
        """End the broker and keep what it has written."""
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait()

    def _wait(self) -> None:
        assert self._process is not None
        port = int(self.bootstrap.rpartition(":")[2])
        deadline = time.monotonic() + START_WITHIN_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError, Unreachable), socket.create_connection(("127.0.0.1", port), timeout=1):
                asyncio.run(ensure_topics(self.bootstrap, {}))
                return
            time.sleep(0.1)
        raise RuntimeError(f"Apache Kafka {KAFKA_VERSION} does not start:\n{self._log.read_text()[-4000:]}")


def _jars() -> Path:
    jars = CACHE / f"kafka-{KAFKA_VERSION}"
    with fetching(CACHE):
        if not jars.exists():
            with tempfile.TemporaryDirectory(dir=CACHE) as folder:
                (Path(folder) / "pom.xml").write_text(_POM.format(kafka=KAFKA_VERSION))
                fetched = Path(folder) / "jars"
                maven = ["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={fetched}"]
                subprocess.run(maven, cwd=folder, check=True, timeout=600)
                os.rename(fetched, jars)
    return jars

"""The way into Kafka: where it is, what protects the connection, who we are, and why it did not let us in."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import faust
from aiokafka.conn import create_conn
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from livewarden.errors import SetupError, Unreachable
from livewarden.settings import Settings

ASKED_WITHIN_MS = 5_000
DENIED = (ClusterAuthorizationFailedError, GroupAuthorizationFailedError, TopicAuthorizationFailedError)
"""What Kafka answers those whom its access lists do not allow."""


@dataclass(frozen=True)
class Access:
    """Bootstrap servers and what opens them. Its representation holds no password.

    >>> Access("broker:9092").client()
    {'bootstrap_servers': 'broker:9092', 'security_protocol': 'PLAINTEXT'}
    """

    bootstrap: str
    context: ssl.SSLContext | None = None
    mechanism: str = ""
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"<Kafka at {self.bootstrap}, {self.protocol}>"

    @property
    def protocol(self) -> str:
        """PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."""
        return ("SASL_" if self.mechanism else "") + ("SSL" if self.context else "PLAINTEXT")

    def client(self) -> dict[str, Any]:
        """Arguments of any aiokafka client."""
        return {"bootstrap_servers": self.bootstrap} | self._security()

    def credentials(self) -> faust.SASLCredentials | faust.SSLCredentials | None:
        """The same for Faust; None where neither TLS nor SASL is asked for."""
        if self.mechanism:
            return faust.SASLCredentials(
                username=self.user, password=self.password, ssl_context=self.context, mechanism=self.mechanism
            )
        return faust.SSLCredentials(context=self.context) if self.context else None

    def _security(self) -> dict[str, Any]:
        security: dict[str, Any] = {"security_protocol": self.protocol}
        if self.context:
            security["ssl_context"] = self.context
        if self.mechanism:
            security |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password,
            }
        return security

    async def refusal(self) -> SetupError:
        """Why no client gets in: asks each server once more, and answers with one line that names the settings."""
        for server in self.bootstrap.split(","):
            host, _, port = server.strip().rpartition(":")
            try:
                connection = await create_conn(
                    host, int(port), client_id="livewarden", request_timeout_ms=ASKED_WITHIN_MS, **self._security()
                )
                try:
                    await connection.send(MetadataRequest([]))
                finally:
                    connection.close()
            except (SaslAuthenticationFailed, UnsupportedSaslMechanismError, IllegalSaslStateError) as error:
                return SetupError(
                    f"Kafka at {self.bootstrap} does not let {self.user} in ({error.message}): "
                    "see LIVEWARDEN_KAFKA_USER,"
                    " LIVEWARDEN_KAFKA_PASSWORD and LIVEWARDEN_KAFKA_MECHANISM"
                )
            except ssl.SSLError as error:
                return SetupError(
                    f"no TLS with Kafka at {self.bootstrap} ({error.reason or error}): see LIVEWARDEN_KAFKA_SECURITY,"
                    " LIVEWARDEN_KAFKA_CA_FILE and LIVEWARDEN_KAFKA_CERT_FILE"
                )
            except KafkaConnectionError:  # one that was there, and was ended
                return Unreachable(
                    f"Kafka at {self.bootstrap} ends the connection: it may want another"
                    f" LIVEWARDEN_KAFKA_SECURITY than {self.protocol}"
                )
            except (KafkaError, OSError, TimeoutError, ValueError):
                continue
        return no_answer(self.bootstrap)


class _Client(Protocol):
    async def start(self) -> Any: ...


def no_answer(bootstrap: str) -> Unreachable:
    """The one error for a Kafka that does not answer at start."""
    return Unreachable(f"Kafka at {bootstrap} does not answer: start it, or set LIVEWARDEN_KAFKA")


def denied(error: KafkaError, group: str = "") -> SetupError:
    """One of `DENIED` as a line that says what is to be allowed. `group`: whose member was refused."""
    named = ", ".join(sorted(str(name) for arg in error.args for name in (arg if isinstance(arg, set) else (arg,))))
    if isinstance(error, TopicAuthorizationFailedError):
        what = f"the topic {named}" if named else "a topic"
    elif isinstance(error, GroupAuthorizationFailedError):
        what = f"the group {named or group}"
    else:
        what = "what concerns the whole cluster"
    return SetupError(
        f"Kafka denies livewarden {what}: allow its user to read and write topics and to read in its group, "
        "then start again"
    )


async def start(client: _Client, access: Access, within_s: float | None = None) -> None:
    """Start an aiokafka client; SetupError where Kafka does not let us in, Unreachable where it does not answer."""
    try:
        async with asyncio.timeout(within_s):
            await client.start()
    except TimeoutError as error:
        raise no_answer(access.bootstrap) from error
    except DENIED as error:
        raise denied(error) from error
    except (KafkaError, OSError) as error:
        raise await access.refusal() from error


def access_of(settings: Settings) -> Access:
    """The access that the settings describe; SetupError where they contradict each other or a file cannot be read."""
    security, password = settings.kafka_security, settings.kafka_password.get_secret_value()
    if security.startswith("SASL_") and not (settings.kafka_user and password):
        raise SetupError(
            f"LIVEWARDEN_KAFKA_SECURITY={security} needs LIVEWARDEN_KAFKA_USER and LIVEWARDEN_KAFKA_PASSWORD"
        )
    if not security.startswith("SASL_") and (settings.kafka_user or password):
        raise SetupError(
            f"LIVEWARDEN_KAFKA_USER has no use with LIVEWARDEN_KAFKA_SECURITY={security}: "
            "set SASL_SSL or SASL_PLAINTEXT"
        )
    files = (settings.kafka_ca_file, settings.kafka_cert_file, settings.kafka_key_file)
    if not security.endswith("SSL") and any(files):
        raise SetupError(
            "LIVEWARDEN_KAFKA_CA_FILE, …_CERT_FILE and …_KEY_FILE have no use with "
            f"LIVEWARDEN_KAFKA_SECURITY={security}:"
            " set SSL or SASL_SSL"
        )
    return Access(
        settings.kafka,
        _context(settings) if security.endswith("SSL") else None,
        settings.kafka_mechanism if security.startswith("SASL_") else "",
        settings.kafka_user,
        password,
    )


def _context(settings: Settings) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if settings.kafka_ca_file is not None:
        context = _read("CA", settings.kafka_ca_file, lambda: ssl.create_default_context(cafile=settings.kafka_ca_file))
    certificate, key = settings.kafka_cert_file, settings.kafka_key_file
    if certificate is not None:
        secret = settings.kafka_key_password.get_secret_value()  # of an encrypted key; else nobody asks for it
        _read("CERT", certificate, lambda: context.load_cert_chain(certificate, key, lambda: secret))
    elif key is not None:
        raise SetupError("LIVEWARDEN_KAFKA_KEY_FILE needs LIVEWARDEN_KAFKA_CERT_FILE")
    return context


def _read(kind: str, path: Path, load: Any) -> Any:
    try:
        return load()
    except OSError as error:  # SSLError is one
        why = (error.reason or "no PEM") if isinstance(error, ssl.SSLError) else error.strerror
        raise SetupError(f"LIVEWARDEN_KAFKA_{kind}_FILE: {path}: {why}") from error

"""Settings: one frozen object, read from the environment at the start and handed down."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from livewarden.action import Role
from livewarden.contracts import AGGREGATES, TOPICS

PARTIALS = "livewarden.partials"
"""The topic between the stages."""
CANARY = "livewarden.canary"
"""The topic on which canaries are sent, and the channel to which they go; only livewarden reads either."""
RESPONSE = "livewarden.response"
"""What is to be answered, and every answer: alerts, cases, people's actions, deliveries.

One partition, so one order.
"""
LATENESS_BY_TOPIC = {AGGREGATES: 2 * 86_400.0}
"""A day's count comes the next day, beside the hour's counts of that day."""
IDLE_BY_TOPIC = {AGGREGATES: 7 * 86_400.0, "live.changes": 0.0}
"""A day's count may come days later. Nobody waits for the next change,
but every bucket for the word that there was none.
"""

Name = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True, pattern=r"^\PC+$")]
"""Of a person: printable."""


SHORTEST_SECRET = 16
"""Characters of what several share."""


class ConsolePerson(BaseModel):
    """A person who may use the console: their token, and what they may do."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(min_length=8)
    role: Role = "viewer"


class Settings(BaseSettings):
    """What a deployment sets. Every field is an environment variable: `kafka` is `LIVEWARDEN_KAFKA`.

    A variable that cannot be read is one line on stderr and exit code 2.

    >>> Settings(kafka="broker:9092").group
    'livewarden'
    """

    model_config = SettingsConfigDict(env_prefix="LIVEWARDEN_", frozen=True, extra="forbid")

    kafka: str = Field(default="127.0.0.1:9092", description="Kafka bootstrap servers, host:port, several with commas")
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT",
        description="what protects the connections to Kafka: TLS is SSL, a user and a password SASL",
    )
    kafka_ca_file: Path | None = Field(
        default=None,
        description="PEM file of the authorities that Kafka's certificate is checked by; unset: the system's",
    )
    kafka_cert_file: Path | None = Field(
        default=None, description="PEM file of our own certificate, where Kafka asks for one"
    )
    kafka_key_file: Path | None = Field(default=None, description="PEM file of its key; unset: it is in the same file")
    kafka_key_password: SecretStr = Field(
        default=SecretStr(""), description="password of that key where it is encrypted"
    )
    kafka_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="SASL mechanism; PLAIN sends the password itself, so only with TLS"
    )
    kafka_user: str = Field(default="", description="SASL user")
    kafka_password: SecretStr = Field(default=SecretStr(""), description="its password")
    group: str = Field(default="livewarden", description="consumer group of the workers")
    member: str | None = Field(default=None, description="stable name of this worker's place in the group")
    topic_prefix: str = Field(
        default="", pattern=r"^[A-Za-z0-9._-]*$", description="before every topic name on a shared cluster"
    )
    partitions: int = Field(default=4, ge=1, le=1024, description="partitions of each source topic")
    partials_partitions: int = Field(default=4, ge=1, le=1024, description="partitions of livewarden.partials")
    replication: int = Field(default=1, ge=1, description="copies of each topic that is created")
    embedded_kafka: bool = Field(default=False, description="the broker is the embedded one")
    session_timeout_s: float = Field(default=10.0, gt=0, description="a worker silent for longer loses its partitions")
    clickhouse_url: str = Field(
        default="http://127.0.0.1:8123",
        repr=False,
        description="ClickHouse HTTP interface; a user and a password in it win over the two settings below",
    )
    clickhouse_user: str = Field(default="default", description="who asks ClickHouse")
    clickhouse_password: SecretStr = Field(default=SecretStr(""), description="their password")
    clickhouse_database: str = Field(
        default="livewarden", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="database with the tables"
    )
    clickhouse_ca: str = Field(
        default="", description="file with the authorities to trust at an https URL; empty: those of the system"
    )
    clickhouse_cluster: str = Field(
        default="",
        pattern=r"^[\w.-]{0,64}$",
        description="cluster (of system.clusters) whose shards hold the tables together; empty: one server holds them",
    )
    clickhouse_nodes: str = Field(
        default="",
        repr=False,
        description="HTTP interfaces of all its nodes, with commas: migrate makes the tables on each of them",
    )
    monitors: Path | None = Field(default=None, description="monitors file; the one that ships where unset")
    response: Path | None = Field(default=None, description="response file; the one that ships where unset")
    lateness_s: float = Field(default=30.0, ge=0, description="how far behind the newest event an event may be")
    lateness_by_topic: dict[str, float] = Field(
        default_factory=dict, description="the same, by topic, as JSON; live.aggregates: two days where it says nothing"
    )
    ahead_s: float = Field(
        default=300.0,
        ge=0,
        description="an event that speaks of a moment so far after Kafka took it is set aside: its clock was wrong",
    )
    idle_after_s: float = Field(
        default=30.0,
        ge=0,
        description="a partition read to its end and quiet for so long is sealed by the clock; 0: never",
    )
    idle_by_topic: dict[str, float] = Field(
        default_factory=dict,
        description="how far such a seal stays behind the lateness, by topic, as JSON; else as long as it was quiet;"
        " live.aggregates: a week where it says nothing, live.changes: 0",
    )
    stalled_after_s: float = Field(
        default=40.0,
        ge=0,
        description="a worker that makes no progress for so long, though nothing holds it up, "
        "ends for its supervisor to"
        " start it again; 0: never",
    )
    canary_s: float = Field(
        default=60.0,
        ge=0,
        description="seconds between two canaries, synthetic events that show that the whole path works; 0: none",
    )
    radar_s: float = Field(
        default=3600.0,
        ge=0,
        description="seconds between two looks of the misjudgement radar at all measures and their appeals; 0: none",
    )
    flush_s: float = Field(default=0.5, gt=0, description="longest wait of a row before it is written")
    ingest_checkpoint_s: float = Field(default=5.0, gt=0, description="seconds between positions of the ingest stage")
    detect_checkpoint_s: float = Field(default=20.0, gt=0, description="seconds between states of the detect stage")
    metrics_port: int = Field(
        default=0, ge=0, le=65535, description="Prometheus metrics and /ready on that port; 0: none"
    )
    metrics_host: str = Field(default="127.0.0.1", description="address that the metrics are served on")
    ends_with_stdin: bool = Field(
        default=False, description="the worker stops when its standard input ends: whoever started it is gone"
    )
    console_token: SecretStr = Field(
        default=SecretStr(""),
        description=(
            "what the console asks for, as a bearer token or a password, at least 16 characters; empty: nothing"
        ),
    )
    console_people: dict[Name, ConsolePerson] = Field(
        default_factory=dict,
        description='who has a token of their own, as JSON: {"maria": {"token": "…", "role": "operator"}}',
    )
    console_proxy_header: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9-]*$",
        description="header in which a proxy before the console names the person it let through; empty: no proxy",
    )
    console_proxies: str = Field(
        default="127.0.0.1,::1", description="addresses from which that header is believed, with commas"
    )
    console_proxy_secret: SecretStr = Field(
        default=SecretStr(""),
        description="what that proxy sends as X-Livewarden-Proxy, at least 16 characters; empty: its address is enough",
    )
    console_path: str = Field(
        default="",
        pattern=r"^(/[A-Za-z0-9._~-]+)*$",
        description=(
            "path that the console is under at its proxy, such as /livewarden; empty: the whole host is its own"
        ),
    )
    console_role_header: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9-]*$",
        description="header in which the proxy names the person's role: viewer, operator or admin",
    )
    console_roles: dict[Name, Role] = Field(
        default_factory=dict, description='roles of those whom the proxy names, as JSON: {"maria": "admin"}'
    )
    evidence_dir: Path | None = Field(
        default=None, description="folder for evidence packages that are built in the console; unset: none are"
    )
    console_secret: SecretStr = Field(
        default=SecretStr(""),
        description=(
            "what the tokens of forms are signed with; the same for all consoles behind one address; empty: "
            "one of its own"
        ),
    )
    log_level: str = Field(
        default="WARNING", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="DEBUG, INFO, WARNING or ERROR"
    )

    @field_validator("console_token", "console_proxy_secret")
    @classmethod
    def _not_guessed(cls, secret: SecretStr) -> SecretStr:
        if 0 < len(secret.get_secret_value()) < SHORTEST_SECRET:
            raise ValueError(
                f"shorter than {SHORTEST_SECRET} characters: take a longer one, such as `openssl rand -hex 16`"
            )
        return secret

    @field_validator("console_people")
    @classmethod
    def _told_apart(cls, people: dict[str, ConsolePerson]) -> dict[str, ConsolePerson]:
        tokens = [person.token.get_secret_value() for person in people.values()]
        if len(set(tokens)) < len(tokens):
            raise ValueError("two people have the same token")
        if "livewarden" in people:
            raise ValueError("nobody is called livewarden: that is what happens of itself")
        return people

    def partitions_by_topic(self) -> dict[str, int]:
        """Partition count of every source topic."""
        return dict.fromkeys(TOPICS, self.partitions)

    def topics(self) -> dict[str, int]:
        """Every topic as it is called on the cluster, with its partition count."""
        named = self.partitions_by_topic() | {PARTIALS: self.partials_partitions, RESPONSE: 1}
        named |= {CANARY: 1} if self.canary_s else {}
        return {f"{self.topic_prefix}{topic}": partitions for topic, partitions in named.items()}

    def topic_configs(self) -> dict[str, dict[str, str]]:
        """Kafka settings of topics that are created.

        The broker's clock stamps every record, so that no other machine's can move event time or hold up a
        notification. What people did is kept for ever; it is little.
        """
        configs = {name: {"message.timestamp.type": "LogAppendTime"} for name in self.topics()}
        configs[f"{self.topic_prefix}{RESPONSE}"]["retention.ms"] = "-1"
        return configs

    def proxies(self) -> tuple[str, ...]:
        """The addresses of `console_proxies`."""
        return tuple(address.strip() for address in self.console_proxies.split(",") if address.strip())

    def lateness_ms(self) -> dict[str, int]:
        """Lateness of every source topic, milliseconds."""
        given = LATENESS_BY_TOPIC | self.lateness_by_topic
        return {topic: int(1000 * given.get(topic, self.lateness_s)) for topic in TOPICS}

    def idle_ms(self) -> dict[str, int]:
        """How far a seal by the clock stays behind the lateness, by source topic, milliseconds."""
        given = IDLE_BY_TOPIC | self.idle_by_topic
        return {topic: int(1000 * given.get(topic, self.idle_after_s)) for topic in TOPICS}

    def ahead_ms(self) -> int:
        """`ahead_s` in milliseconds."""
        return int(1000 * self.ahead_s)

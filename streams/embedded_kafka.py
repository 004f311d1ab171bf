"""A Kafka broker inside this process: librdkafka's own mock cluster, out of confluent-kafka's wheel, through ctypes."""

from __future__ import annotations

import ctypes
import importlib.util
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from livewarden.errors import SetupError

MAX_PARTITION_BYTES = 5 * 1024 * 1024
MAX_PARTITION_BATCHES = 100_000

_ERROR_BYTES = 512
_PRODUCER = 0
_BROKER_ID = 1
_LOG_ERRORS_ONLY = b"3"


class EmbeddedKafka:
    """One broker on a free loopback port, with real sockets and the real protocol; it dies with the process.

    For the demo and for fast tests, never for data that matters:

    - a partition keeps 5 MiB or 100,000 batches (`MAX_PARTITION_BYTES`, `MAX_PARTITION_BATCHES`); beyond that the
      *oldest records vanish without a word*, so a feeder must not run further ahead of the consumers than that;
    - it looks up no offset by time, compacts nothing and forgets everything at `close()`;
    - it creates no topic over the wire: use `create_topic`. A topic that a client merely mentions springs up with four
      partitions, so create before anybody connects;
    - it refuses commits while a group rebalances, so what a worker saves when it gives a partition away is read again;
    - two members that join a group at once can meet a bug of its coordinator: see `streams.faust_app`, `embedded=True`.

    Raises SetupError when confluent-kafka is not installed.

    >>> with EmbeddedKafka() as kafka:
    ...     kafka.create_topic("live.traffic", 4)
    ...     kafka.bootstrap.partition(":")[0]
    '127.0.0.1'
    """

    def __init__(self) -> None:
        self._lib = _librdkafka()
        error = ctypes.create_string_buffer(_ERROR_BYTES)
        conf = self._lib.rd_kafka_conf_new()
        self._lib.rd_kafka_conf_set(conf, b"log_level", _LOG_ERRORS_ONLY, error, _ERROR_BYTES)
        self._handle: int | None = self._lib.rd_kafka_new(_PRODUCER, conf, error, _ERROR_BYTES)
        if not self._handle:
            self._lib.rd_kafka_conf_destroy(conf)
            raise SetupError(f"the embedded Kafka does not start: {error.value.decode()}")
        self._cluster: int | None = self._lib.rd_kafka_mock_cluster_new(self._handle, 1)
        if not self._cluster:
            self._lib.rd_kafka_destroy(self._handle)
            self._handle = None
            raise SetupError("the embedded Kafka does not start: no loopback port")
        self._lib.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)
        self._bootstrap: str = self._lib.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    @property
    def bootstrap(self) -> str:
        """Where clients connect: `127.0.0.1:<port>`."""
        return self._bootstrap

    def create_topic(self, name: str, partitions: int) -> None:
        """Create a topic. One that exists already is a SetupError: its partition count cannot change."""
        self._call("rd_kafka_mock_topic_create", name.encode(), partitions, 1, what=f"topic {name!r} is not created")

    def down(self) -> None:
        """Close the port and every connection; what is stored stays."""
        self._call("rd_kafka_mock_broker_set_down", _BROKER_ID, what="the broker does not go down")

    def up(self) -> None:
        """Open the same port again."""
        self._call("rd_kafka_mock_broker_set_up", _BROKER_ID, what="the broker does not come up")

    def fail_next(self, api_key: int, error_code: int, times: int = 1) -> None:
        """Answer the next `times` requests of `api_key` with `error_code` (numbers of the Kafka protocol).

        Injected errors of one API are used up in the order in which they were given.
        """
        codes = (ctypes.c_int * times)(*[error_code] * times)
        self._lib.rd_kafka_mock_push_request_errors_array(self._open(), api_key, times, codes)

    def close(self) -> None:
        """Stop the broker and forget its data. A second call does nothing."""
        if self._cluster is not None:
            self._lib.rd_kafka_mock_cluster_destroy(self._cluster)
            self._lib.rd_kafka_destroy(self._handle)
            self._cluster = self._handle = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> int:
        if self._cluster is None:
            raise SetupError("the embedded Kafka is closed: start a new one")
        return self._cluster

    def _call(self, function: str, *arguments: Any, what: str) -> None:
        code = getattr(self._lib, function)(self._open(), *arguments)
        if code != 0:
            raise SetupError(f"{what}: {self._lib.rd_kafka_err2str(code).decode()}")


@cache
def _librdkafka() -> ctypes.CDLL:
    lib = ctypes.CDLL(str(_library_path()))
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "rd_kafka_conf_new": (pointer, []),
        "rd_kafka_conf_destroy": (None, [pointer]),
        "rd_kafka_conf_set": (number, [pointer, text, text, text, ctypes.c_size_t]),
        "rd_kafka_new": (pointer, [number, pointer, text, ctypes.c_size_t]),
        "rd_kafka_destroy": (None, [pointer]),
        "rd_kafka_err2str": (text, [number]),
        "rd_kafka_mock_cluster_new": (pointer, [pointer, number]),
        "rd_kafka_mock_cluster_destroy": (None, [pointer]),
        "rd_kafka_mock_cluster_bootstraps": (text, [pointer]),
        "rd_kafka_mock_topic_create": (number, [pointer, text, number, number]),
        "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [pointer, ctypes.c_int32]),
        "rd_kafka_mock_broker_set_down": (number, [pointer, ctypes.c_int32]),
        "rd_kafka_mock_broker_set_up": (number, [pointer, ctypes.c_int32]),
        "rd_kafka_mock_push_request_errors_array": (
            None,
            [pointer, ctypes.c_int16, ctypes.c_size_t, ctypes.POINTER(number)],
        ),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


def _library_path() -> Path:
    spec = importlib.util.find_spec("confluent_kafka")
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin).parent
        for folder in (package.parent / "confluent_kafka.libs", package / ".dylibs"):
            for path in sorted(folder.glob("*librdkafka*")):
                return path
    raise SetupError("the embedded Kafka needs confluent-kafka: pip install 'livewarden[embedded]'")

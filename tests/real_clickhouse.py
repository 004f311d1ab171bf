"""A real ClickHouse for tests: two nodes of one cluster, out of an npm package, on free loopback ports.

The package carries ClickHouse as one library; its C function `chdb_query_cmdline` runs the command line of
clickhouse-local, whose `SYSTEM START LISTEN` opens the server's own HTTP and native handlers. It has no ON CLUSTER, no
Replicated tables and no HTTPS.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.cache import fetching
from tests.ports import free_ports

PACKAGE = "@chdb/lib-linux-x64-gnu"
VERSIONS = {
    "26.7.3-stable.1": "XP97mMqnc5tZpKQywR8N7cLTsHNiTmHr30pC5mzo3jWmukjKn2IBa60c2B/gWUNcuFjOMjWoorQICCqBVj5wpw==",
}
"""The SHA-512 of each package that the tests run on, in base64."""
NEWEST = "26.7.3-stable.1"
CACHE = Path(__file__).resolve().parent.parent / ".clickhouse"
USER, PASSWORD = "livewarden", "secret"
CLUSTER = "two"
START_WITHIN_S = 60.0

_SERVER = """
import ctypes, signal, sys
library, *arguments = sys.argv[1:]
ctypes.CDLL("libc.so.6").prctl(1, signal.SIGKILL)  # goes with the tests, however they end
run = ctypes.CDLL(library).chdb_query_cmdline
run.restype, run.argtypes = ctypes.c_void_p, [ctypes.c_int, ctypes.POINTER(ctypes.c_char_p)]
run(len(arguments), (ctypes.c_char_p * len(arguments))(*[each.encode() for each in arguments]))
"""
_FOREVER = (
    "SELECT sleepEachRow(3) FROM numbers(1000000)"
    " SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 100000000 FORMAT Null"
)
_CONFIG = """<clickhouse>
  <user_directories><users_xml><path>{users}</path></users_xml></user_directories>
  <remote_servers><{cluster}>{shards}</{cluster}></remote_servers>
</clickhouse>
"""
_SHARD = """
    <shard><internal_replication>true</internal_replication>
      <replica><host>127.0.0.1</host><port>{port}</port><user>{user}</user><password>{password}</password></replica></shard>
"""
_USERS = """<clickhouse>
  <profiles><default/><readonly><readonly>2</readonly></readonly></profiles>
  <users>
    <default><password/><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default>
    <{user}><password>{password}</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></{user}>
    <viewer><password/><networks><ip>127.0.0.1</ip></networks><profile>readonly</profile><quota>default</quota></viewer>
  </users>
  <quotas><default/></quotas>
</clickhouse>
"""


def why_not() -> str | None:
    """What keeps this machine from running it, or None."""
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        return "the ClickHouse of the tests is built for Linux on x86-64"
    if not any((CACHE / each).exists() for each in VERSIONS) and shutil.which("npm") is None:
        return "a real ClickHouse needs npm, or LIVEWARDEN_TEST_CLICKHOUSE=http://user:password@host:port"
    return None


class RealClickHouse:
    """Two nodes of a cluster `two`, each started when first asked for, killed on exit;
    the user `viewer`, without a password, may only read.
    """

    def __init__(self, version: str = NEWEST) -> None:
        self._version = version
        self._folder = Path(tempfile.mkdtemp(prefix="livewarden-clickhouse-"))
        self._ports = free_ports(4)
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()
        self._processes.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, node: int = 0) -> str:
        """`http://127.0.0.1:PORT` of node 0 or 1, which answers."""
        if node not in self._processes:
            self._start(node)
        return f"http://127.0.0.1:{self._ports[node]}"

    def stop(self, node: int) -> None:
        """Kill a node; `url` starts it again with its data."""
        process = self._processes.pop(node)
        process.kill()
        process.wait()

    def _start(self, node: int) -> None:
        library = fetched(self._version)
        http, native = self._ports[node], self._ports[node + 2]
        users, config, log = (self._folder / f"{node}-{name}" for name in ("users.xml", "config.xml", "log"))
        users.write_text(_USERS.format(user=USER, password=PASSWORD))
        shards = "".join(_SHARD.format(port=each, user=USER, password=PASSWORD) for each in self._ports[2:])
        config.write_text(_CONFIG.format(users=users, cluster=CLUSTER, shards=shards))
        command = [
            "clickhouse",
            f"--path={self._folder / str(node)}",
            "--listen_host=127.0.0.1",
            f"--http_port={http}",
            f"--tcp_port={native}",
            f"--query=SYSTEM START LISTEN QUERIES ALL; {_FOREVER}",
            f"--config-file={config}",
        ]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", _SERVER, str(library), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._processes[node] = process
        deadline = time.monotonic() + START_WITHIN_S
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{http}/ping", timeout=1):
                return
            time.sleep(0.05)
        raise RuntimeError(f"ClickHouse {self._version} does not start:\n{log.read_text(errors='replace')[-4000:]}")


def fetched(version: str) -> Path:
    """The library of `version`, fetched once (180 MB; 570 MB on disk) and checked against its SHA-512."""
    folder = CACHE / version
    with fetching(CACHE):
        if not folder.exists():
            _fetch(version, folder)
    return folder / "libchdb.so"


def _fetch(version: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=CACHE) as temporary:
        pack = ["npm", "pack", f"{PACKAGE}@{version}", "--silent", f"--pack-destination={temporary}"]
        subprocess.run(pack, check=True, timeout=600, stdout=subprocess.DEVNULL)
        (archive,) = Path(temporary).glob("*.tgz")
        with archive.open("rb") as opened:
            found = base64.b64encode(hashlib.file_digest(opened, "sha512").digest()).decode()
        if found != VERSIONS[version]:
            raise RuntimeError(f"{PACKAGE} {version} has another checksum than the one pinned here: {found}")
        target = Path(temporary) / "package"
        target.mkdir()
        with tarfile.open(archive) as opened_archive:
            opened_archive.extract("package/libchdb.so", temporary, filter="data")
        os.rename(target, folder)

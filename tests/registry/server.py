"""A real schema registry on this machine: Apicurio, whose REST API is Confluent's, on loopback.

Its jar comes from Maven Central, once, into `STREAMSQL_REGISTRY_LIBS` or the user's cache. It
listens on a port that was free, keeps its data in memory, and is ended by its own process id.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import time
import urllib.request
from pathlib import Path

from tests.kafka.broker import KafkaUnavailable, free_port

VERSION = "3.0.9"
_ARTIFACT = f"io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"
_START_S = 90


def library() -> Path:
    """The server's jar, fetched where it is not there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
    default = cache / "streamsql" / "registry" / VERSION
    folder = Path(os.environ.get("STREAMSQL_REGISTRY_LIBS", str(default)))
    name = f"apicurio-registry-app-{VERSION}-runner.jar"
    if not (folder / name).exists():
        if shutil.which("mvn") is None:
            raise KafkaUnavailable(f"no registry in {folder} and no mvn to get it")
        folder.mkdir(parents=True, exist_ok=True)
        command = ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={_ARTIFACT}"]
        done = subprocess.run(
            [*command, f"-DoutputDirectory={folder}"], capture_output=True, text=True
        )
        if done.returncode:
            raise KafkaUnavailable(f"mvn: {done.stdout[-500:]}")
        for archive in folder.glob("*.tar.gz"):
            with tarfile.open(archive) as packed:
                packed.extractall(folder, filter="data")
            archive.unlink()
    return folder / name


class RegistryServer:
    """A registry that runs; `url` is where clients go."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("java") is None:
            raise KafkaUnavailable("no java")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/apis/ccompat/v7"
        options = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        options += ["-Dquarkus.http.host=127.0.0.1", f"-Dquarkus.http.port={port}"]
        self._log = folder / "registry.log"
        with open(self._log, "wb") as output:
            self._process = subprocess.Popen(
                ["java", *options, "-jar", str(library())],
                stdout=output,
                stderr=output,
                cwd=folder,
                env={**os.environ, "APICURIO_STORAGE_KIND": "sql"},
            )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/subjects", timeout=2):
                    return
            except OSError:
                time.sleep(0.2)
        self.stop()
        raise KafkaUnavailable(self._log.read_text()[-1_000:])

    def stop(self) -> None:
        """Ends the process."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

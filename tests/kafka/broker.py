"""A real Apache Kafka on this machine: one node, KRaft, loopback, in a folder of its own.

Its jars come from Maven Central, once, into `STREAMSQL_KAFKA_LIBS` or the user's cache. It is found
by ports that were free, and ended by its own process id.

    python -m tests.kafka.broker            # starts one, prints its address, ends with Ctrl-C
    python -m tests.kafka.broker libraries  # only gets the jars
    python -m tests.kafka.broker with WORDS # starts one, runs WORDS and its address, stops it
"""

from __future__ import annotations

import base64
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

VERSION = "4.1.0"
POM = Path(__file__).with_name("pom.xml")

_PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners={listeners},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={listeners}
controller.listener.names=CONTROLLER
listener.security.protocol.map=\
CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT
log.dirs={folder}/data
num.partitions=1
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# Retention goes by the records' timestamps: old event times would be gone within minutes.
log.retention.ms=-1
# The end of a transaction is of now: behind records of long ago each would begin a new segment.
log.roll.ms=9000000000000000
log.segment.delete.delay.ms=1000
log.cleaner.backoff.ms=200
num.network.threads=2
num.io.threads=2
{more}
"""

# Users of the SASL listener; the second may do nothing.
_SASL = """
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256
listener.name.sasl_plaintext.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required \
user_engine="engine-secret" user_nobody="nobody-secret";
listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:engine
allow.everyone.if.no.acl.found=false
"""


class KafkaUnavailable(Exception):
    """The jars or Java are not to be had here."""


def libraries() -> Path:
    """The folder of the jars, filled where it is not."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
    default = cache / "streamsql" / "kafka" / VERSION
    folder = Path(os.environ.get("STREAMSQL_KAFKA_LIBS", str(default)))
    if any(folder.glob("kafka_2.13-*.jar")):
        return folder
    if shutil.which("mvn") is None:
        raise KafkaUnavailable(f"no jars in {folder} and no mvn to get them")
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies"]
    done = subprocess.run([*command, f"-DoutputDirectory={folder}"], capture_output=True, text=True)
    if done.returncode:
        raise KafkaUnavailable(f"mvn: {done.stdout[-500:]}")
    return folder


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Broker:
    """A broker that runs; `address` and, with SASL, `sasl_address` are where clients go."""

    def __init__(self, folder: Path, *, more: str = "", memory: str = "512m") -> None:
        if shutil.which("java") is None:
            raise KafkaUnavailable("no java")
        self.folder = folder
        self._libraries = libraries()
        self._memory = memory
        self._process: subprocess.Popen[bytes] | None = None
        port, sasl, controller = free_port(), free_port(), free_port()
        self.address = f"127.0.0.1:{port}"
        self.sasl_address = f"127.0.0.1:{sasl}"
        text = _PROPERTIES.format(
            controller=controller,
            listeners=f"PLAINTEXT://{self.address},SASL_PLAINTEXT://{self.sasl_address}",
            folder=folder,
            more=_SASL + more,
        )
        (folder / "server.properties").write_text(text)
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        scram = "SCRAM-SHA-256=[name=engine,password=engine-secret]"
        # Joined by "=", since an id may begin with "-".
        named = f"--cluster-id={cluster}"
        self._java("kafka.tools.StorageTool", "format", named, "-S", scram, "-c", self._config)
        self.start()

    @property
    def _config(self) -> str:
        return str(self.folder / "server.properties")

    @property
    def pid(self) -> int:
        """The broker's process id."""
        assert self._process is not None
        return self._process.pid

    def _command(self, *words: str) -> list[str]:
        log = f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.yaml')}"
        # A broker that is killed leaves the libraries that it unpacked.
        unpacked = f"-Djava.io.tmpdir={self.folder}"
        heap = [f"-Xmx{self._memory}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        return ["java", *heap, unpacked, log, "-cp", f"{self._libraries}/*", *words]

    def _java(self, *words: str) -> str:
        done = subprocess.run(self._command(*words), capture_output=True, text=True)
        if done.returncode:
            raise KafkaUnavailable(f"{words[0]}: {done.stdout[-500:]}{done.stderr[-500:]}")
        return done.stdout

    def start(self) -> None:
        """Starts the process and waits until it takes connections."""
        with open(self.folder / "broker.log", "ab") as output:
            self._process = subprocess.Popen(
                self._command("kafka.Kafka", self._config), stdout=output, stderr=output
            )
        deadline = time.monotonic() + 120
        host, port = self.address.split(":")
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                socket.create_connection((host, int(port)), timeout=1).close()
                return
            except OSError:
                time.sleep(0.2)
        self.stop()
        raise KafkaUnavailable((self.folder / "broker.log").read_text()[-1_000:])

    def stop(self) -> None:
        """Ends the process: asks it to, and kills it where it does not within ten seconds."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self) -> None:
        """Ends the process at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def main() -> None:
    if sys.argv[1:] == ["libraries"]:
        sys.stdout.write(f"{libraries()}\n")
        return
    # Before there are threads: a signal that comes while the broker starts waits for sigwait.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    with tempfile.TemporaryDirectory(prefix="streamsql-kafka-") as folder:
        broker = Broker(Path(folder))
        sys.stdout.write(f"{broker.address}\n")
        sys.stdout.flush()
        try:
            if sys.argv[1:2] == ["with"]:
                raise SystemExit(subprocess.run([*sys.argv[2:], broker.address]).returncode)
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
        finally:
            broker.stop()


if __name__ == "__main__":
    main()

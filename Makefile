# The words of this project: people and .ci/run say the same ones. `make` alone lists them.
#
# Every target sets up what it needs in .venv and does so once: a stamp per extra, older than pyproject.toml when its
# requirements changed.

PYTHON ?= python3
PYTHONS = $(PYTHON) python3.13 python3.12 python3.11 python3 python
BIN = .venv/bin
# Tests run in two processes: more gain nothing on two cores, and each holds a database of its own.
PYTEST = $(BIN)/python -m pytest -n 2 --dist loadgroup
CONFORMANCE ?= ../shared/conformance/run.py
# Bounds what `make all` spends on killing processes; `make soak` kills 100 times unless somebody asks for KILLS.
KILLS ?= 5
# Where Kafka has to be there, a number of tests that only goes up.
KAFKA_MIN_PASS = $(if $(STREAMSQL_REQUIRE_KAFKA),--kafka-min-pass "$$(cat tests/kafka-min-pass)")
# How long `make soak` keeps an engine on Kafka under load.
MINUTES ?= 10

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo demo-kafka test check all modes conformance soak bench bench-peers bench-state kafka kafka-libs clean

help:  ## What there is
	@awk -F ':.*##  *' '/^[a-z-]+:.*##/ { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: .venv/.installed-demo  ## Continuous queries over 336,776 flights; leaves demo.duckdb
	$(BIN)/python examples/demo.py

test: .venv/.installed-test  ## The tests, without those that only `make all` runs
	$(PYTEST) -m "not modes and not crash and not kafka and not soak"

check: .venv/.installed-dev  ## Format, lint, types, the map of the rooms, fast tests: under a minute
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(PYTEST) -q -m "not slow and not modes and not crash and not kafka and not soak"

all: test modes conformance  ## Everything but soak: every mode, crashes, conformance, Kafka where it is

modes: .venv/.installed-test
	$(PYTEST) -m "(modes or crash or kafka) and not soak" --kills $(KILLS) $(KAFKA_MIN_PASS)

conformance: .venv/.installed-test  ## Count the conformance cases that pass, against tests/conformance-min-pass
	@if [ -f "$(CONFORMANCE)" ]; then \
	  set -x; $(BIN)/python "$(CONFORMANCE)" --quiet --min-pass "$$(cat tests/conformance-min-pass)"; \
	else \
	  echo "conformance: no $(CONFORMANCE) beside this checkout; nothing was counted"; \
	fi

soak: .venv/.installed-test  ## Long runs: crashes, simulation, load; KILLS=1000 MINUTES=30 for more
	$(PYTEST) -m "soak or crash" --kills $(if $(filter file,$(origin KILLS)),100,$(KILLS)) --minutes $(MINUTES)
	STREAMSQL_SEEDS=1 STREAMSQL_INPUTS=1000 $(PYTEST) tests/operators/test_oracle.py

kafka: .venv/.installed-test  ## Start Apache Kafka on a free loopback port; Ctrl-C stops it
	$(BIN)/python -m tests.kafka.broker

demo-kafka: .venv/.installed-demo .venv/.installed-test  ## The demo on an Apache Kafka that it starts and stops
	$(BIN)/python -m tests.kafka.broker with $(BIN)/python examples/demo.py --broker

kafka-libs: .venv/.installed-test  # The broker's jars, by Maven, into STREAMSQL_KAFKA_LIBS or the cache
	$(BIN)/python -m tests.kafka.broker libraries

# BENCH_… settings reach the program through the environment, as make passes them on.
bench: .venv/.installed-test  ## Measure, embedded and on Kafka; benchmarks/README.md lists the settings
	$(BIN)/python -m benchmarks.run

# Needs Java, Maven and a registry of jars; the first run brings some 200 MB into the cache.
bench-peers: .venv/.installed-test  ## Measure Kafka Streams and Flink SQL beside streamsql on Kafka
	BENCH_LOGS=kafka BENCH_KAFKA=queries BENCH_PEERS=kstreams,flink BENCH_GUARANTEES=at_least_once \
	  BENCH_QUERIES=$${BENCH_QUERIES:-q1,agg,q12} BENCH_RESULTS=$${BENCH_RESULTS:-benchmarks/results/peers.json} \
	  $(BIN)/python -m benchmarks.run

# Enough records that a uniform choice reaches most keys.
bench-state: .venv/.installed-test  ## Measure GROUP BY over 10 k, 1 M and 10 M keys
	for keys in 10000 1000000 10000000; do for skew in uniform zipf; do \
	  records=$$((keys * 6 / 5)); [ $$records -ge 1000000 ] || records=1000000; \
	  BENCH_QUERIES=agg BENCH_ENGINES=streamsql BENCH_SKEW=$$skew BENCH_KEYS=$$keys BENCH_RECORDS=$$records \
	    BENCH_RESULTS=benchmarks/results/state-$$skew-$$keys.json $(BIN)/python -m benchmarks.run || exit 1; \
	done; done

clean:  ## Remove what the other words made, .venv included
	rm -rf .venv .cache .pytest_cache .ruff_cache build dist demo.duckdb demo.duckdb.wal
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.installed-%: pyproject.toml .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

# A candidate is run, not only looked up: a version manager leaves commands on the PATH that answer with an error.
.venv/bin/python:
	@for python in $(PYTHONS); do \
	  if $$python -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null </dev/null; then \
	    echo "setting up .venv with $$($$python --version)"; \
	    exec $$python -m venv --clear .venv; \
	  fi; \
	done; \
	echo "streamsql needs Python 3.11 or later with venv (Debian: python3-venv); tried: $(PYTHONS)." >&2; \
	echo "Name one with: make PYTHON=/path/to/python3.12" >&2; \
	exit 1

# Two commands are all a newcomer needs: `make run` and `make test`.

DATA ?= bartizan-data
PORT ?= 8443

.PHONY: run build test soak bench lint fmt

run: build
	$${CARGO_TARGET_DIR:-target}/release/bartizan quickstart --data $(DATA) --port $(PORT)

build: tools
	cargo build --release --workspace --locked

test: tools
	scripts/test.sh

# Long evidence: other engines read the lake live, hundreds of kills and power losses.
soak: build
	tests/open-lake.sh $${CARGO_TARGET_DIR:-target}/release/bartizan
	cargo nextest run --release --locked -p query --run-ignored only -E 'test(hostile)'
	tests/hostile.sh $${CARGO_TARGET_DIR:-target}/release/bartizan
	CHANGES=100000 tests/changes.sh $${CARGO_TARGET_DIR:-target}/release/bartizan
	SECONDS_MAX=1200 EXAMPLES=100 tests/openapi.sh $${CARGO_TARGET_DIR:-target}/release/bartizan
	KILLS=300 cargo nextest run --release --locked -p bartizan --no-capture -E 'test(survive_kills)'
	for seed in 11 12 13 14 15 16 17 18 19; do \
	  SIMULATION_SEED=$$seed cargo nextest run --release --locked -p lake --no-capture -E 'test(an_hour_from_a_seed)' || exit 1; \
	done

# Rates, sizes and times beside other engines, and a plot of them: NDJSON names a file of rows of DeviceProcessEvents,
# GENERATOR the program that makes such rows. Needs numpy, pyarrow, chdb, duckdb and matplotlib for PYTHON, and an hour.
RESULTS ?= bench/results
PYTHON ?= python3
BENCH = --bartizan $${CARGO_TARGET_DIR:-target}/release/bartizan --out $(RESULTS)
bench: build
	mkdir -p $(RESULTS)
	$(PYTHON) bench/ingest.py $(BENCH)/ingest.json --ndjson "$(NDJSON)" --plain
	$(PYTHON) bench/latency.py $(BENCH)/latency.json --ndjson "$(NDJSON)"
	$(PYTHON) bench/size.py $(BENCH)/size.json --ndjson "$(NDJSON)"
	bench/tokens.sh $(RESULTS)/tokens.json
	$(PYTHON) bench/lake.py $(BENCH)/lake.json --generator "$(GENERATOR)"
	$(PYTHON) bench/hunting.py $(BENCH)/hunting.json --generator "$(GENERATOR)"
	$(PYTHON) bench/plot.py docs/hunting.svg --hunting $(RESULTS)/hunting.json
	$(PYTHON) bench/plot.py docs/benchmarks.svg --ingest $(RESULTS)/ingest.json --latency $(RESULTS)/latency.json \
	  --size $(RESULTS)/size.json --lake $(RESULTS)/lake.json

lint: tools
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets --locked -- -D warnings

fmt:
	cargo fmt --all

.PHONY: tools
tools:
	@scripts/tools.sh

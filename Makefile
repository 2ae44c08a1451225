# Two commands are all a newcomer needs: `make run` and `make test`.

DATA ?= bartizan-data
PORT ?= 8443

.PHONY: run build test lint fmt

run: build
	$${CARGO_TARGET_DIR:-target}/release/bartizan quickstart --data $(DATA) --port $(PORT)

build: tools
	cargo build --release --workspace --locked

test: tools
	scripts/test.sh

lint: tools
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets --locked -- -D warnings

fmt:
	cargo fmt --all

.PHONY: tools
tools:
	@scripts/tools.sh

.PHONY: bench-engine

bench-engine: setup ## cost against size, 0.5 to 5 million events (SIZES="0.5 1" for others, in millions)
	@$(BIN)/python -m tests.bench.growth

.PHONY: bench-engine

bench-engine: setup ## cost against size, 0.5 to 5 million events (SIZES="0.5 1" for others, in millions)
	@$(BIN)/python -m tests.bench.growth

.PHONY: bench-capacity
bench-capacity: setup ## what a million events take on disk, in a backup and in memory (ARGS="--events N")
	@$(BIN)/python -m tests.bench.capacity $(ARGS)

.PHONY: bench-relay
bench-relay: setup ## the relay at 5 million organizations to a real Kafka, killed in the middle (ARGS="--organizations N --sent N")
	@$(BIN)/python -m tests.bench.relay $(ARGS)

# A real Apache Kafka for development and tests; deploy/kafka/broker says what it reads.
export KAFKA_PORT ?= 19092

.PHONY: kafka kafka-stop kafka-status

kafka: ## Apache Kafka on 127.0.0.1:19092, its data in .kafka (KAFKA_PORT=N for another port)
	@deploy/kafka/broker start

kafka-stop: ## ends it
	@deploy/kafka/broker stop

kafka-status: ## whether it runs
	@deploy/kafka/broker status

.PHONY: demo-kafka
demo-kafka: setup ## publish, topic, ingest, rates, with a broker from a wheel and no Java
	@$(BIN)/python deploy/kafka/demo.py $(ARGS)

.PHONY: test-kafka
test-kafka: setup ## Kafka intake, on a real broker of the tests' own (ARGS="-k name" for a part)
	@$(BIN)/python -m pytest -m "kafka and not chaos" tests/kafka $(ARGS)

.PHONY: test-kafka-chaos
test-kafka-chaos: setup ## intake, the service and rebuilds while everything that can fail fails; takes many minutes
	@$(BIN)/python -m pytest -m chaos tests/kafka tests/integration/test_frozen.py tests/integration/test_outages_served.py $(ARGS)

.PHONY: setup-chaos
setup-chaos: ## what sets a process's clock, for the test of a clock a year ahead
	@sh deploy/programs.sh faketime=faketime mount=mount

# A real Apache Kafka for development and tests; deploy/kafka/broker says what it reads.
export KAFKA_PORT ?= 19092

.PHONY: kafka kafka-stop kafka-status

kafka:
	@deploy/kafka/broker start

kafka-stop:
	@deploy/kafka/broker stop

kafka-status:
	@deploy/kafka/broker status

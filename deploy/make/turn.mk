.PHONY: test-turn
test-turn: setup ## what is decided in turn, each race a hundred times (ARGS="-k name" for a part)
	@TURN_TRIALS=100 $(BIN)/python -m pytest -n 0 --timeout 0 -m race tests/turn tests/access tests/integration $(ARGS)

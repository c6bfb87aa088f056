.PHONY: test-edge
test-edge: setup ## crowds of sockets, heads, bodies, streams and waits, ten times over (ROUNDS=N for another number)
	@TAIZHANG_TEST_EDGE_ROUNDS=$(or $(ROUNDS),10) TAIZHANG_TEST_EDGE_S=$(or $(WITHIN),1) $(BIN)/python -m pytest -n 0 tests/integration/test_edge.py $(ARGS)

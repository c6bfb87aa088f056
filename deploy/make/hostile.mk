.PHONY: test-hostile
test-hostile: setup ## a hundred thousand hostile events through intake and projector (HOSTILE=N for another number)
	@TAIZHANG_TEST_HOSTILE=$(or $(HOSTILE),100000) $(BIN)/python -m pytest -n 0 tests/integration/test_hostile.py $(ARGS)

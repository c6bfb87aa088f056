.PHONY: test-notices
test-notices: setup ## a receiver of notices that is away for an hour, by a clock that makes AWAY_S of it (NOTICES=10000 AWAY_S=60)
	@TAIZHANG_TEST_NOTICES=$(or $(NOTICES),10000) TAIZHANG_TEST_AWAY_S=$(or $(AWAY_S),60) $(BIN)/python -m pytest -n 0 --timeout 0 tests/e2e/test_notices_away.py $(ARGS)

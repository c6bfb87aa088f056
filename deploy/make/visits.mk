.PHONY: test-visits
test-visits: browser ## 500 visits on two phones without a network, the service killed twice (VISITS=N for another number)
	@TAIZHANG_TEST_VISITS=$(or $(VISITS),500) $(BIN)/python -m pytest -n 0 -m pages tests/pages/test_visits.py -k whatever_breaks --timeout=3600 $(ARGS)

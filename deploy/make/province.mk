.PHONY: test-province
test-province: setup ## a province of 100 simulated cities, three of which lie: what is found, how fast, and how large a file is
	@TAIZHANG_TEST_CITIES=100 $(BIN)/python -m pytest -q -s tests/unit/test_simulated_province.py $(ARGS)

.PHONY: demo-province
demo-province: setup ## three small cities and their province as services on this machine; one of the cities lies
	@$(BIN)/python -m deploy.province.demo $(ARGS)

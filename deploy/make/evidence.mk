.PHONY: test-forgeries
BUNDLES ?= 1000

test-forgeries: setup ## evidence forged at random, ten times each of many honest bundles (BUNDLES=1000)
	@TAIZHANG_TEST_BUNDLES=$(BUNDLES) $(BIN)/python -m pytest -n 0 --timeout 0 tests/unit/test_forgeries.py $(ARGS)

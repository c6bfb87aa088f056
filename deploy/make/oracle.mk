.PHONY: test-oracle
HISTORIES ?= 10000

test-oracle: setup ## the ledger's laws over many random histories (HISTORIES=10000)
	@TAIZHANG_TEST_HISTORIES=$(HISTORIES) $(BIN)/python -m pytest -n 0 --timeout 0 tests/unit/test_ledger_laws.py $(ARGS)

.PHONY: audit
audit: setup ## known vulnerabilities of the pinned dependencies (pip-audit; fails where its source is away, but for OFFLINE=1)
	@$(BIN)/python deploy/audit.py

.PHONY: test-fuzz
test-fuzz: setup ## schemathesis over the whole OpenAPI document, signed in (FUZZ_S=600 for ten minutes)
	@TAIZHANG_TEST_FUZZ_S=$(or $(FUZZ_S),60) $(BIN)/python -m pytest -m fuzz tests/fuzz $(ARGS)

.PHONY: audit
audit: setup ## known vulnerabilities of the pinned dependencies (pip-audit; skipped, and said so, where its source is away)
	@$(BIN)/python deploy/audit.py

.PHONY: test-fuzz
test-fuzz: setup ## schemathesis over the whole OpenAPI document, signed in (FUZZ_S=600 for ten minutes)
	@TAIZHANG_TEST_FUZZ_S=$(or $(FUZZ_S),60) $(BIN)/python -m pytest -m fuzz tests/fuzz $(ARGS)

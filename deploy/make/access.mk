.PHONY: audit
audit: setup ## known vulnerabilities of the pinned dependencies (pip-audit; skipped, and said so, where its source is away)
	@$(BIN)/python deploy/audit.py

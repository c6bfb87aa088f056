# The archive on DuckDB: a heavy extra, which nothing else needs.
.PHONY: setup-archive test-archive

setup-archive: setup ## adds pyarrow and DuckDB to .venv
	@$(BIN)/python deploy/setup_extra.py archive

test-archive: setup-archive ## the archive and its answers on DuckDB (ARGS="-k name" for a part)
	@$(BIN)/python -m pytest -m archive tests/archive $(ARGS)

.PHONY: domain-wheel
domain-wheel: setup ## dist/taizhang_domain: the rules alone, which need pydantic and python-stdnum
	@$(BIN)/python deploy/domain_wheel.py dist

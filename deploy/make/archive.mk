# The archive on DuckDB and on Spark: heavy extras, which nothing else needs.
.PHONY: setup-archive setup-spark test-archive test-spark

setup-archive: setup ## adds pyarrow and DuckDB to .venv
	@$(BIN)/python deploy/setup_extra.py archive

setup-spark: setup-archive ## adds PySpark too; it runs on Java 17 or 21
	@$(BIN)/python deploy/setup_extra.py spark

test-spark: setup-spark ## the fold on a real Spark in local mode (ARGS="-k name" for a part)
	@$(BIN)/python -m pytest -m spark tests/archive $(ARGS)

test-archive: setup-archive ## the archive and its answers on DuckDB (ARGS="-k name" for a part)
	@$(BIN)/python -m pytest -m archive tests/archive $(ARGS)

.PHONY: domain-wheel
domain-wheel: setup ## dist/taizhang_domain: the rules alone, which need pydantic and python-stdnum
	@$(BIN)/python deploy/domain_wheel.py dist

.PHONY: bench-province
bench-province: setup-archive ## a province of 42 million entries asked on DuckDB (ARGS="DIR --logs 100 --copies 10")
	@$(BIN)/python -m tests.bench.province $(ARGS)

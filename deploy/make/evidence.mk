.PHONY: test-forgeries bench-evidence
BUNDLES ?= 1000
FIGURES ?= 1000

test-forgeries: setup ## evidence forged at random, ten times each of many honest bundles and figures (BUNDLES=1000, FIGURES=1000 in Go)
	@TAIZHANG_TEST_BUNDLES=$(BUNDLES) TAIZHANG_TEST_FIGURES=$(FIGURES) $(BIN)/python -m pytest -n 0 --timeout 0 \
	  tests/unit/test_forgeries.py tests/unit/test_figure_proofs.py tests/unit/test_figure_in_go.py $(ARGS)

bench-evidence: setup ## size of proofs and bundles, time to verify, time to fold the roots, at full scale (ARGS="--city 1 --elsewhere 145000")
	@$(BIN)/python -m tests.bench.evidence $(ARGS)

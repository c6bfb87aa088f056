.PHONY: test-forgeries
BUNDLES ?= 1000
FIGURES ?= 1000

test-forgeries: setup ## evidence forged at random, ten times each of many honest bundles and figures (BUNDLES=1000, FIGURES=1000 in Go)
	@TAIZHANG_TEST_BUNDLES=$(BUNDLES) TAIZHANG_TEST_FIGURES=$(FIGURES) $(BIN)/python -m pytest -n 0 --timeout 0 \
	  tests/unit/test_forgeries.py tests/unit/test_figure_proofs.py tests/unit/test_figure_in_go.py $(ARGS)

.PHONY: test-lists
test-lists: setup ## 200 mutated workbooks and as many mutated texts as full lists (MUTATIONS=2000 for more)
	@TAIZHANG_TEST_MUTATIONS=$(or $(MUTATIONS),200) $(BIN)/python -m pytest tests/unit/test_list_mutations.py $(ARGS)

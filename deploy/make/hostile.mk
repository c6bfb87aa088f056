.PHONY: test-hostile
test-hostile: setup ## a hundred thousand hostile events through intake and projector (HOSTILE=N for another number)
	@TAIZHANG_TEST_HOSTILE=$(or $(HOSTILE),100000) $(BIN)/python -m pytest -n 0 tests/integration/test_hostile.py $(ARGS)

.PHONY: test-publication
test-publication: setup ## what is published of a hundred random cities, attacked by integer programming (CITIES=N)
	@TAIZHANG_TEST_CITIES=$(or $(CITIES),100) $(BIN)/python -m pytest -n 0 --timeout 0 tests/integration/test_publication_attack.py $(ARGS)

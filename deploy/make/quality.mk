.PHONY: coverage dead-code release

coverage: setup ## the whole suite once more under coverage; fails where a room is below its floor
	@rm -f .coverage .coverage.*
	@$(BIN)/python -m coverage run -m pytest -n 2 --dist loadfile -m "not kafka and not chaos and not pages and not fuzz" $(ARGS)
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python deploy/coverage_floors.py

dead-code: setup ## code that nothing but its test uses
	@if $(BIN)/python -m vulture | grep -v 'unused variable'; then exit 1; fi

release: setup ## dist/: the wheel, its hashes, what it is made of (CycloneDX); opens the last release's database
	@$(BIN)/python deploy/release.py

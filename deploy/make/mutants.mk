.PHONY: mutants
mutants: setup ## 300 small changes of the code, and which of them no test notices (MINUTES=20 for a part; goes on where it ended)
	@$(BIN)/python -m tests.mutants $(or $(MINUTES),20) $(ARGS)

.PHONY: questions
questions: setup ## who may ask what, where, with which trail, page, command and form: deploy/questions.md
	@$(BIN)/python -m api.question_table deploy/questions.md

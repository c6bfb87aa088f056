.PHONY: test-turn
# The races of a list's plan, and of what is judged by place and grant, stand beside the rest of their subjects.
RACES := tests/turn tests/integration/test_list_turns.py tests/integration/test_writing_story.py

test-turn: setup ## what is decided in turn, each race a hundred times (ARGS="-k name" for a part)
	@TURN_TRIALS=100 $(BIN)/python -m pytest -n 0 --timeout 0 $(RACES) $(ARGS)

.PHONY: test-demo-city

test-demo-city: setup ## the demo city's figures at full scale (about three minutes)
	@TAIZHANG_TEST_CITY_SCALE=1 $(BIN)/python -m pytest tests/integration/test_demo_city_figures.py $(ARGS)

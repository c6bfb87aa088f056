.PHONY: test-demo-city

test-demo-city: setup ## the demo city's figures and daily work at full scale, over HTTP (about five minutes)
	@TAIZHANG_TEST_CITY_SCALE=1 $(BIN)/python -m pytest -n 2 --dist loadfile \
	  tests/integration/test_demo_city_figures.py tests/integration/test_daily_work.py \
	  tests/integration/test_city_tables.py $(ARGS)

.PHONY: test-pages screenshots browser
OUT ?= screenshots

browser: setup ## Chromium, installed where it is missing and this is CI as root
	@command -v chromium >/dev/null 2>&1 || { [ -n "$$CI" ] && [ "$$(id -u)" = 0 ] && \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y chromium fonts-noto-cjk; } || \
	  { echo "没有 chromium。请安装: apt-get install chromium fonts-noto-cjk. No chromium: install it, as above." >&2; exit 1; }

test-pages: browser ## the pages in a real browser (ARGS="-k name" for a part)
	@$(BIN)/python -m pytest -m pages tests/pages $(ARGS)

screenshots: browser ## every page in both languages at two widths, as PNG files (OUT=folder, URL=a running service)
	@URL="$(URL)" ONLY="$(ONLY)" $(BIN)/python -m tests.pages.screenshots "$(OUT)"

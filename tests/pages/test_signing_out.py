"""Signing out in a real browser: where the form leads to, what stays on the screen, what the way back shows."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from services.access.api_keys import add_key
from tests.access.provider import provider
from tests.fix_service import Service, free_port, new_database

pytestmark = pytest.mark.pages


def test_whoever_signs_out_is_told_so_and_leaves_nothing_behind(
    browser: Browser, postgres: str, tmp_path: Path
) -> None:
    port = free_port()
    settings = {"oidc_issuer": f"http://127.0.0.1:{port}", "oidc_client_id": "taizhang", "oidc_client_secret": "s"}
    with provider(port), Service(tmp_path, database_url=new_database(postgres), **settings) as service:
        key = add_key(tmp_path / "data" / "api-keys.json", "admin", frozenset({"administrator"}), None)
        context = browser.new_context(base_url=service.url, locale="zh-CN")
        tab = context.new_page()
        tab.goto("/")
        assert f":{port}/" in tab.url
        tab.locator("input[name=sub]").fill("zhang.san")
        tab.locator("button[type=submit], input[type=submit], button").first.click()
        tab.wait_for_url("**/me")
        holder = tab.locator("dl code").inner_text()
        assert "您还没有任何权限" in tab.content()
        body = {"holder": holder, "roles": ["inspector", "operator"], "key": False}
        granted = service.http.post("/v1/access", json=body, headers={"authorization": f"Bearer {key}"})
        assert granted.is_success, granted.text
        tab.goto("/ledger")
        assert tab.locator("h1").inner_text() != "您已退出"
        tab.locator("form[action='/sign-out'] button").click()
        tab.wait_for_url(f"http://127.0.0.1:{port}/oauth2/end_session**")
        tab.locator("button, input[type=submit]").first.click()
        tab.wait_for_url(f"{service.url}/signed-out")
        assert tab.locator("h1").inner_text() == "您已退出"
        assert not [each for each in context.cookies() if each["name"] == "taizhang"]
        tab.goto("/ledger")
        assert tab.url.startswith(f"http://127.0.0.1:{port}/"), "nobody is signed in"
        context.close()

"""Settings come from the environment, are checked at start, and a wrong one is named."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.commands.cli import command_line
from services.commands.settings_help import CHINESE, described
from services.system.settings import Settings, SettingsError, export, load, variable


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)


def test_every_wrong_setting_is_named_with_what_is_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAIZHANG_PORT", "eighty")
    monkeypatch.setenv("TAIZHANG_LOG_FORMAT", "xml")
    with pytest.raises(SettingsError) as caught:
        load()
    assert "TAIZHANG_PORT: 'eighty': Input should be a valid integer" in str(caught.value)
    assert "TAIZHANG_LOG_FORMAT: 'xml': Input should be 'console' or 'json'" in str(caught.value)


def test_a_misspelt_setting_is_refused_not_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAIZHANG_DATABSE_URL", "postgresql://elsewhere/ledger")
    with pytest.raises(SettingsError, match="no such setting; did you mean TAIZHANG_DATABASE_URL"):
        load()


def test_a_wrong_secret_is_named_but_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAIZHANG_DATABASE_URL", "postgres//user:hunter2@host")
    with pytest.raises(SettingsError) as caught:
        load()
    assert "TAIZHANG_DATABASE_URL: expected postgresql://" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_secret_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://ledger@db/ledger\n")
    monkeypatch.setenv("TAIZHANG_DATABASE_URL_FILE", str(file))
    settings = load()
    assert settings.conninfo == "postgresql://ledger@db/ledger"
    assert "db/ledger" not in repr(settings)


def test_a_secret_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TAIZHANG_API_KEY_FILE", str(tmp_path / "none"))
    with pytest.raises(SettingsError, match="TAIZHANG_API_KEY_FILE: cannot read"):
        load()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])  # noqa: S104 - refused
def test_without_sign_in_only_this_machine_may_call(host: str) -> None:
    with pytest.raises(SettingsError, match="TAIZHANG_HOST"):
        load(dev=True, host=host)


def test_an_option_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAIZHANG_PORT", "8001")
    assert load(port=8002).port == 8002
    assert load(port=None).port == 8001


def test_settings_travel_to_child_processes_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", {})
    given = load(port=8123, dev=True, api_key="secret", data=Path("数据 folder"))
    export(given)
    assert load() == given


def test_the_help_names_every_setting() -> None:
    text = CliRunner().invoke(command_line(), ["--help"], env={"COLUMNS": "400"}).output
    for each in described():
        assert each.variable in text
        assert each.default in text
    assert "TAIZHANG_DATABASE_URL_FILE" in text


def test_every_setting_is_said_in_chinese_and_in_english() -> None:
    assert list(CHINESE) == list(Settings.model_fields)
    assert all(each.description for each in Settings.model_fields.values())


@pytest.mark.parametrize("mode", [0o666, 0o622, 0o620])
def test_a_secret_that_others_can_write_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mode: int) -> None:
    file = tmp_path / "secret"
    file.write_text("tz_x")
    file.chmod(mode)
    monkeypatch.setenv("TAIZHANG_API_KEY_FILE", str(file))
    with pytest.raises(SettingsError, match="others can write"):
        load()
    file.chmod(0o600)
    key = load().api_key
    assert key is not None
    assert key.get_secret_value() == "tz_x"

"""Settings: read in one place, refused by name."""

from pathlib import Path

import msgspec
import pytest

from app.console.settings_page import setting_rows, shown_value
from app.settings import InvalidSetting, Settings, variable_of


def test_nothing_set_gives_the_defaults() -> None:
    settings = Settings.from_environment({"HOME": "/home/somebody"})

    assert settings.port == 8000
    assert settings.database_url is None
    assert settings.append_queue_max_bytes == 64 * 1024 * 1024


def test_what_is_set_wins_over_the_default() -> None:
    environ = {"TURNLOG_PORT": "9000", "DATABASE_URL": "postgresql://db/turnlog", "TURNLOG_DATA_DIR": "/data/turnlog"}

    settings = Settings.from_environment(environ)

    assert settings.port == 9000
    assert settings.database_url == "postgresql://db/turnlog"
    assert settings.data_dir == Path("/data/turnlog")


def test_a_list_is_separated_by_commas() -> None:
    environ = {"TURNLOG_ALLOWED_ORIGINS": "https://app.example.com, https://example.org,"}

    assert Settings.from_environment(environ).allowed_origins == ("https://app.example.com", "https://example.org")


def test_set_to_nothing_is_not_set() -> None:
    assert Settings.from_environment({"TURNLOG_PORT": ""}).port == 8000


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TURNLOG_PORT", "eighty"),
        ("TURNLOG_PORT", "70000"),
        ("TURNLOG_LOG_LEVEL", "loud"),
        ("TURNLOG_APPEND_QUEUE_MAX_COMMANDS", "0"),
        ("TURNLOG_FEED_POLL_INTERVAL_S", "inf"),
        ("TURNLOG_FEED_POLL_INTERVAL_S", "nan"),
        ("TURNLOG_ALLOW_UNSAFE_DURABILITY", "perhaps"),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_variable(variable: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=variable) as refused:
        Settings.from_environment({variable: value})

    assert refused.value.variable == variable


def test_no_password_is_shown() -> None:
    secret = "postgresql://turnlog:canary@db/turnlog"
    settings = Settings.from_environment({"DATABASE_URL": secret})

    assert "canary" not in repr(settings)
    assert "canary" not in shown_value("DATABASE_URL", {"DATABASE_URL": secret})


def test_every_setting_is_described() -> None:
    assert all(row.description.endswith(".") and row.default for row in setting_rows())
    assert {row.variable for row in setting_rows()} == {
        variable_of(field.name) for field in msgspec.structs.fields(Settings)
    }

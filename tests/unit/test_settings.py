from pathlib import Path

import pytest

from pipeline import settings
from pipeline.settings import Settings, SettingsError, load


def refusal(**values: object) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(**values)
    return caught.value.problems


def test_defaults_are_the_contracts() -> None:
    current = load()
    assert current.bootstrap == "127.0.0.1:9092"
    assert current.partitions == 8
    assert current.web_port == 6066
    assert current.lateness_days == 31
    assert current.topic_prefix == ""
    assert current.model == "default@1"


def test_a_variable_sets_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESAME_PARTITIONS", "12")
    assert load().partitions == 12


def test_an_empty_variable_leaves_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESAME_REGISTRY_URL", "")
    assert load().registry_url is None


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("partitions", "0", "a whole number from 1 to 1024"),
        ("partitions", "many", "a whole number from 1 to 1024"),
        ("web_port", "65536", "a whole number from 1 to 65535"),
        ("lateness_days", "-1", "a whole number from 0 to 366"),
        ("session_timeout_s", "nan", "a number from 1 to 300"),
        ("bootstrap", "localhost", "host:port, several separated by commas"),
        ("bootstrap", "localhost:99999", "host:port, several separated by commas"),
        ("security_protocol", "TLS", "one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"),
        ("tls_ca", "/no/such/file", "the path of a readable file"),
        ("tls_check_hostname", "perhaps", "true or false"),
        ("model", "default", "id@version, such as default@1"),
        ("registry_url", "ftp://registry", "an http or https address without user and password"),
    ],
)
def test_a_refusal_names_the_variable_the_value_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, allowed: str
) -> None:
    variable = settings.variable(name)
    monkeypatch.setenv(variable, value)
    assert refusal() == [f"{variable} is {value!r}, must be {allowed}"]


def test_rows_on_disk_need_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SESAME_STORE", "rocksdb")
    (told,) = refusal()
    assert told.startswith("SESAME_STATE_DIR is not set, must be the path of a folder")
    assert load(state_dir=tmp_path).store == "rocksdb"


def test_warm_copies_are_refused_where_people_do_not_fit_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SESAME_STORE", "rocksdb")
    monkeypatch.setenv("SESAME_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("SESAME_STANDBY", "1")
    (told,) = refusal()
    assert told.startswith("SESAME_STANDBY is 1, must be 0 with SESAME_STORE=rocksdb")


def test_every_wrong_setting_is_told_at_once() -> None:
    assert len(refusal(partitions=0, web_port=0)) == 2


def test_a_secret_is_masked_in_a_refusal_and_in_print() -> None:
    (told,) = refusal(pseudonym_key="too short")
    assert "too short" not in told
    assert told.startswith("SESAME_PSEUDONYM_KEY is ********")
    assert "k" * 32 not in repr(load(pseudonym_key="k" * 32))


def test_a_password_in_the_registrys_address_is_refused_and_masked() -> None:
    (told,) = refusal(registry_url="https://user:geheim@registry:8081")
    assert "geheim" not in told
    assert told.startswith("SESAME_REGISTRY_URL is ********")


def test_sasl_needs_a_user_and_a_password() -> None:
    (told,) = refusal(security_protocol="SASL_SSL")
    assert told.startswith("SESAME_SASL_USERNAME is not set")
    (told,) = refusal(security_protocol="SASL_SSL", sasl_username="worker")
    assert told.startswith("SESAME_SASL_PASSWORD is not set")


def test_a_client_certificate_needs_its_key(tmp_path: Path) -> None:
    certificate = tmp_path / "client.pem"
    certificate.touch()
    (told,) = refusal(tls_cert=certificate)
    assert told.startswith("SESAME_TLS_KEY is not set")


def test_a_lane_may_hold_at_least_what_it_folds_at_once() -> None:
    (told,) = refusal(lane_records_max=1_000, lane_waiting_max=999)
    assert told == "SESAME_LANE_WAITING_MAX is 999, must be at least SESAME_LANE_RECORDS_MAX, 1000"


def test_the_watchdog_gives_a_transaction_its_time() -> None:
    (told,) = refusal(watchdog_s=20, transaction_timeout_s=20)
    assert told == "SESAME_WATCHDOG_S is 20, must be more than SESAME_TRANSACTION_TIMEOUT_S, 20"


def test_the_gateways_group_is_another_than_the_pipelines() -> None:
    (told,) = refusal(app_id="blue", gateway_app_id="blue")
    assert told == "SESAME_GATEWAY_APP_ID is 'blue', must be another than SESAME_APP_ID"


def test_an_argument_that_is_no_setting_is_refused() -> None:
    assert refusal(partition=8) == [
        "SESAME_PARTITION is no setting; `sesame settings` lists them all"
    ]


def test_a_misspelt_variable_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESAME_PARTITION", "8")
    assert "SESAME_PARTITION" in settings.unknown_variables()
    monkeypatch.setenv("SESAME_PARTITIONS", "8")
    assert "SESAME_PARTITIONS" not in settings.unknown_variables()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_a_meaning_and_says_what_is_allowed(name: str) -> None:
    assert Settings.model_fields[name].description
    assert settings.allowed(name)


def test_the_prefix_goes_before_a_topics_name() -> None:
    assert load(topic_prefix="blue.").topic("scores") == "blue.scores"


def test_a_pseudonym_key_comes_from_one_place(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("k" * 32)
    (problem,) = refusal(pseudonym_key="k" * 32, pseudonym_key_file=file)
    assert problem.startswith("SESAME_PSEUDONYM_KEY_FILE is ")
    assert problem.endswith("must be not set while SESAME_PSEUDONYM_KEY is")


def test_failpoints_are_refused_outside_of_chaos() -> None:
    (told,) = refusal(failpoints="lane.taken:3")
    assert told == "SESAME_FAILPOINTS is 'lane.taken:3', must be not set without SESAME_CHAOS=1"
    assert load(failpoints="lane.taken:3", chaos=True).failpoints == "lane.taken:3"


def test_an_unknown_failpoint_is_refused_with_those_there_are() -> None:
    (told,) = refusal(failpoints="lane.taken:3,lane.lost", chaos=True)
    assert "there is no point lane.lost" in told
    assert "transaction.delivered" in told

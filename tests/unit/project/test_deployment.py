import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY, CollectorRegistry

from pipeline.cli.main import COMMANDS
from pipeline.gateway import metrics as gateway_metrics
from pipeline.partners.metrics import PartnerMetrics, Reading
from pipeline.partners.registry import load_registry
from pipeline.resources import partners_file
from pipeline.settings import Settings, variable
from pipeline.streaming import metrics

ROOT = Path(__file__).parents[3]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"] == "sesame:dev"]
ALERTS = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"][0]["rules"]
VARIABLES = {variable(name) for name in Settings.model_fields}


def exported() -> set[str]:
    assert metrics.SCORES is not None
    assert gateway_metrics.PARTNERS is not None
    partner = CollectorRegistry()
    PartnerMetrics("car-rental", partner, Reading)
    families = [*REGISTRY.collect(), *partner.collect()]
    suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}
    return {
        family.name + suffix
        for family in families
        for suffix in suffixes.get(family.type, [""])
        if family.name.startswith("sesame_")
    }


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_command_that_exists(name: str) -> None:
    assert SERVICES[name]["command"][0] in COMMANDS


@pytest.mark.parametrize("name", OURS)
def test_a_service_sets_settings_that_exist(name: str) -> None:
    assert set(SERVICES[name]["environment"]) <= VARIABLES


def test_only_the_gateway_has_the_pseudonym_key() -> None:
    holders = {name for name in OURS if "SESAME_PSEUDONYM_KEY" in SERVICES[name]["environment"]}
    assert holders == {"gateway"}


def test_every_registered_partner_has_a_service() -> None:
    partners = {
        s["command"][1] for s in SERVICES.values() if s.get("command", [""])[0] == "partner"
    }
    assert partners == set(load_registry(partners_file()).partners)


def test_the_image_sets_settings_that_exist() -> None:
    named = re.findall(r"\b(SESAME_[A-Z_]+)=", (ROOT / "deploy/docker/Dockerfile").read_text())
    assert named
    assert set(named) <= VARIABLES


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_metrics_that_are_exported(rule: dict[str, Any]) -> None:
    named = set(re.findall(r"\bsesame_[a-z_]+", rule["expr"]))
    assert named <= exported()
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["action"]

"""
What Meta tells of a Flow's health, as facts: where it stands, and which alerts are on.

Source: Meta, "Flows webhooks" and "Health and monitoring".
"""

from collections.abc import Mapping
from typing import Any

from definitions.binding import Timeline, projection
from engine.fold import Fact

STATUSES = frozenset({"draft", "published", "throttled", "blocked", "deprecated"})
ALERTS = frozenset({"client_error_rate", "endpoint_error_rate", "endpoint_latency", "endpoint_availability"})
ALERT_STATES = frozenset({"activated", "deactivated"})
STATUS_CHANGE, VERSION_EXPIRY = "flow_status_change", "flow_version_expiry_warning"

SAID = (
    "message", "warning", "old_status", "error_rate", "threshold", "p50_latency", "p90_latency", "requests_count",
    "availability",
)  # fmt: skip
"""What is kept of what Meta says beside the event itself."""

LENGTH = 1024


def health_fact(value: Mapping[str, Any], at: int, received_at: int) -> Fact | None:
    """Return what a value of the webhook's `flows` field tells, or None if we do not know such."""
    name = _name(str(value.get("event", "")).lower(), value)
    if not name:
        return None
    details = {key: str(value[key])[:LENGTH] for key in SAID if isinstance(value.get(key), str | int | float)}
    errors = value.get("errors")
    if isinstance(errors, list):
        details["errors"] = ", ".join(_error(error) for error in errors if isinstance(error, dict))[:LENGTH]
    return Fact(name, at, received_at, {key: text for key, text in details.items() if text}, "whatsapp")


def _name(event: str, value: Mapping[str, Any]) -> str:
    """Return the name of what a webhook tells, or nothing."""
    if event == STATUS_CHANGE:
        status = str(value.get("new_status", "")).lower()
        return status if status in STATUSES else ""
    if event in ALERTS:
        alert_state = str(value.get("alert_state", "")).lower()
        return f"{event}.{alert_state}" if alert_state in ALERT_STATES else ""
    return event if event == VERSION_EXPIRY else ""


def _error(error: Mapping[str, Any]) -> str:
    return f"{error.get('error_type', '')} {error.get('error_count', '')} ({error.get('error_rate', '')} %)"


@projection("flow_health")
def flow_health(timeline: Timeline) -> Mapping[str, Any]:
    """Return a Flow's alerts that are on, each with its beginning and what was said; its last warning and change."""
    alerts: dict[str, dict[str, Any]] = {}
    told: dict[str, dict[str, Any]] = {}
    for fact, _ in timeline:
        alert, _, alert_state = fact.name.partition(".")
        if alert_state == "activated":
            alerts[alert] = {"since": alerts.get(alert, {}).get("since", fact.at), **fact.details}
        elif alert_state:
            alerts.pop(alert, None)
        else:
            told["warning" if fact.name == VERSION_EXPIRY else "change"] = {"at": fact.at, **fact.details}
    return {"alerts": dict(sorted(alerts.items())), "change": told.get("change"), "warning": told.get("warning")}

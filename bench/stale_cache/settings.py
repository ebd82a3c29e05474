"""Settings of the other tools: where each keeps its own database, and no telemetry."""

from pathlib import Path


def silenced(home: Path) -> dict[str, str]:
    """Environment variables that keep each tool's own database in `home`, and that turn its telemetry off.

    Servers that a tool starts for itself listen on loopback only, which is their default.
    """
    return {
        "DO_NOT_TRACK": "1",
        "DVC_NO_ANALYTICS": "1",
        "HAMILTON_TELEMETRY_ENABLED": "false",
        "DAGSTER_HOME": str(home / "dagster"),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "METAFLOW_USER": "bench",
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "150",
        "ZENML_CONFIG_PATH": str(home / "zenml"),
        "ZENML_ANALYTICS_OPT_IN": "false",
        "AUTO_OPEN_DASHBOARD": "false",
    }

"""Everything a page shows, one frozen context for each page. Templates read these and nothing else.

A context holds values, not text in a format: the same context is rendered as HTML, encoded as JSON by the API,
and drawn into the report. Sentences are made where the facts are known.
"""

from homeostat.ui.contexts.data import Block, DataPage, DatasetPage, DatasetRow, Finding, VersionRow
from homeostat.ui.contexts.models import ApprovalStatus, Gate, GateStatus, ModelPage, ModelRow, ModelsPage, Reproduced
from homeostat.ui.contexts.pipelines import PipelinePage, PipelineRunRow, PipelinesPage, StepChange, StepRow
from homeostat.ui.contexts.report import Figure, ReportContext, Sabotage
from homeostat.ui.contexts.runs import Curve, RunPage, RunRow, RunsPage, RunStatus
from homeostat.ui.contexts.shared import Context, ErrorPage, Pair
from homeostat.ui.contexts.systems import (
    Arm,
    DecisionRow,
    DecisionsPage,
    Evidence,
    OverviewPage,
    Phase,
    SetpointReading,
    SystemCard,
    SystemPage,
    Week,
)

__all__ = [
    "ApprovalStatus",
    "Arm",
    "Block",
    "Context",
    "Curve",
    "DataPage",
    "DatasetPage",
    "DatasetRow",
    "DecisionRow",
    "DecisionsPage",
    "ErrorPage",
    "Evidence",
    "Figure",
    "Finding",
    "Gate",
    "GateStatus",
    "ModelPage",
    "ModelRow",
    "ModelsPage",
    "OverviewPage",
    "Pair",
    "Phase",
    "PipelinePage",
    "PipelineRunRow",
    "PipelinesPage",
    "ReportContext",
    "Reproduced",
    "RunPage",
    "RunRow",
    "RunStatus",
    "RunsPage",
    "Sabotage",
    "SetpointReading",
    "StepChange",
    "StepRow",
    "SystemCard",
    "SystemPage",
    "VersionRow",
    "Week",
]

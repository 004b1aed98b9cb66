"""The stages that make, judge, select and export trajectories. Each stage is a function."""

from typing import TYPE_CHECKING

from redraft.store.lazy_imports import import_lazily

if TYPE_CHECKING:
    from redraft.flows.annotate import annotate
    from redraft.flows.annotation.result import Annotation
    from redraft.flows.display.progress import Progress, Silent
    from redraft.flows.evaluate import evaluate
    from redraft.flows.evaluation.evaluation import Evaluation
    from redraft.flows.evaluation.method import Method
    from redraft.flows.export import ExportError, export
    from redraft.flows.filter import DatasetResult, filter
    from redraft.flows.filters.candidates import Candidate
    from redraft.flows.filters.filter import Filter
    from redraft.flows.formats.format import Format, Row, filtered_by
    from redraft.flows.generate import generate
    from redraft.flows.importing import ImportResult, importing
    from redraft.flows.label import Labelled, label, label_from
    from redraft.flows.settings import Settings, SettingsError
    from redraft.flows.summary.summary import Summary
    from redraft.flows.train import train

__all__ = [
    "Annotation",
    "Candidate",
    "DatasetResult",
    "Evaluation",
    "ExportError",
    "Filter",
    "Format",
    "ImportResult",
    "Labelled",
    "Method",
    "Progress",
    "Row",
    "Settings",
    "SettingsError",
    "Silent",
    "Summary",
    "annotate",
    "evaluate",
    "export",
    "filter",
    "filtered_by",
    "generate",
    "importing",
    "label",
    "label_from",
    "train",
]

import_lazily(__name__)

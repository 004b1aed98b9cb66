"""The stages that make, grade, select and export trajectories. Each stage is a function."""

from typing import TYPE_CHECKING

from redraft.store.lazy_import import import_lazily

if TYPE_CHECKING:
    from redraft.flows.annotate import annotate
    from redraft.flows.annotation.result import Annotation
    from redraft.flows.augment import augment
    from redraft.flows.augmentation.result import AugmentResult, MethodResult
    from redraft.flows.augmentation.workshop import Workshop
    from redraft.flows.augmentations.augmentation import Augmentation
    from redraft.flows.dataset_files.target import ExportError
    from redraft.flows.display.progress import Progress, Silent
    from redraft.flows.embedding.diversity import diversity
    from redraft.flows.embedding.result import DiversityResult, KindDiversity
    from redraft.flows.evaluate import evaluate
    from redraft.flows.evaluation.evaluation import Evaluation
    from redraft.flows.evaluation.method import Method
    from redraft.flows.export import export
    from redraft.flows.filter import DatasetResult, filter, preview
    from redraft.flows.filters.filter import Filter, ProblemFilter
    from redraft.flows.filters.sifting.candidates import Candidate
    from redraft.flows.formats.format import ByProblem, Format, Row, filtered_by
    from redraft.flows.generate import generate
    from redraft.flows.importing import ImportResult, importing
    from redraft.flows.label import Labelled, label, label_from
    from redraft.flows.self_train import self_train
    from redraft.flows.self_training.result import SelfTraining
    from redraft.flows.servers.model_server import Served, Server, ServerError, ServingTask
    from redraft.flows.settings import Settings, SettingsError
    from redraft.flows.summary.summary import Summary
    from redraft.flows.train import train
    from redraft.flows.trainers.trainer import Trained, Trainer, TrainingError, TrainingTask

__all__ = [
    "Annotation",
    "AugmentResult",
    "Augmentation",
    "ByProblem",
    "Candidate",
    "DatasetResult",
    "DiversityResult",
    "Evaluation",
    "ExportError",
    "Filter",
    "Format",
    "ImportResult",
    "KindDiversity",
    "Labelled",
    "Method",
    "MethodResult",
    "ProblemFilter",
    "Progress",
    "Row",
    "SelfTraining",
    "Served",
    "Server",
    "ServerError",
    "ServingTask",
    "Settings",
    "SettingsError",
    "Silent",
    "Summary",
    "Trained",
    "Trainer",
    "TrainingError",
    "TrainingTask",
    "Workshop",
    "annotate",
    "augment",
    "diversity",
    "evaluate",
    "export",
    "filter",
    "filtered_by",
    "generate",
    "importing",
    "label",
    "label_from",
    "preview",
    "self_train",
    "train",
]

import_lazily(__name__)

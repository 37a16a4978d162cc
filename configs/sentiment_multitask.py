"""Fine-tunes MiniLM on the tone of film reviews (SST-2, 200 rows) beside emotions (GoEmotions).

bertcls-import --source MINILM_FOLDER --output runs/minilm
python -m benchmarks.real_data --source ../shared/data --only sst2,goemotions
head -201 runs/data/sst2/train.tsv > runs/data/sst2/train_200.tsv
bertcls-multitask --config configs/sentiment_multitask.py --workdir runs/sentiment_multitask

What the small task gains: docs/multitask.md.
"""

from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.data.task_sampling import SamplingConfig
from keras_bert_cls.training.config import OptimizerConfig, TrainConfig
from keras_bert_cls.training.multitask_config import MultiTaskConfig, TaskConfig

_DATA = "runs/data"


def _data(name: str, train: str, task: str, **settings: str) -> ClassificationData:
    return ClassificationData(
        train_files=(f"{_DATA}/{name}/{train}.tsv",),
        dev_files=(f"{_DATA}/{name}/dev.tsv",),
        test_files=(f"{_DATA}/{name}/test.tsv",),
        text_column="text",
        label_column="label",
        task=task,
        max_length=64,
        **settings,
    )


def get_config() -> MultiTaskConfig:
    emotions = _data("goemotions", "train", "multi_label", label_separator="|")
    return MultiTaskConfig(
        init_from="runs/minilm",
        tasks=(
            TaskConfig("tone", _data("sst2", "train_200", "single_label")),
            TaskConfig("emotions", emotions),
        ),
        # A quarter of the updates for the 200 rows, three quarters for the 43,000.
        sampling=SamplingConfig("temperature", alpha=0.2),
        optimizer=OptimizerConfig(learning_rate=1e-4),
        train=TrainConfig(steps=400, batch_size=16, eval_every=100, metric="tone/accuracy"),
    )

"""Fine-tunes MiniLM on what a question asks for: 6 classes of 200 rows beside 50 finer ones (TREC).

bertcls-import --source MINILM_FOLDER --output runs/minilm
python -m benchmarks.real_data --source ../shared/data --only trec,trec_fine
head -201 runs/data/trec/train.tsv > runs/data/trec/train_200.tsv
bertcls-multitask --config configs/questions_multitask.py --workdir runs/questions

What the small task gains: docs/multitask.md.
"""

from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.data.task_sampling import SamplingConfig
from keras_bert_cls.training.config import OptimizerConfig, TrainConfig
from keras_bert_cls.training.multitask_config import MultiTaskConfig, TaskConfig

_DATA = "runs/data"


def _data(name: str, train: str, **settings: str) -> ClassificationData:
    return ClassificationData(
        train_files=(f"{_DATA}/{name}/{train}.tsv",),
        dev_files=(f"{_DATA}/{name}/dev.tsv",),
        test_files=(f"{_DATA}/{name}/test.tsv",),
        text_column="text",
        label_column="label",
        max_length=48,
        **settings,
    )


def get_config() -> MultiTaskConfig:
    # A fine class of the held-out rows may be one that no training row has.
    fine = _data("trec_fine", "train", unknown_label="skip")
    return MultiTaskConfig(
        init_from="runs/minilm",
        tasks=(TaskConfig("asked", _data("trec", "train_200")), TaskConfig("asked_finely", fine)),
        # A third of the updates for the 200 rows, two thirds for the 4,900.
        sampling=SamplingConfig("temperature", alpha=0.2),
        optimizer=OptimizerConfig(learning_rate=1e-4),
        train=TrainConfig(steps=400, batch_size=16, eval_every=100, metric="asked/accuracy"),
    )

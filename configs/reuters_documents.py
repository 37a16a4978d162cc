"""Fine-tunes MiniLM to tell the topic of long Reuters news (eight topics), read in windows.

bertcls-import --source MINILM_FOLDER --output runs/minilm
python -m benchmarks.real_data --source ../shared/data --only reuters_long
bertcls-finetune --config configs/reuters_documents.py --workdir runs/reuters_documents
"""

from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.modeling.document_config import DocumentConfig
from keras_bert_cls.training.config import FinetuneConfig, OptimizerConfig, TrainConfig

_DATA = "runs/data/reuters_long"


def get_config() -> FinetuneConfig:
    return FinetuneConfig(
        init_from="runs/minilm",
        data=ClassificationData(
            train_files=(f"{_DATA}/train.tsv",),
            dev_files=(f"{_DATA}/dev.tsv",),
            test_files=(f"{_DATA}/test.tsv",),
            text_column="text",
            label_column="label",
            max_length=2048,
        ),
        documents=DocumentConfig(window_length=128, overlap=16, pooling="mean"),
        optimizer=OptimizerConfig(learning_rate=1e-4),
        train=TrainConfig(epochs=3, batch_size=8, max_tokens_per_batch=8192),
    )

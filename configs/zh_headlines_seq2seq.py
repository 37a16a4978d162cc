"""Learns to write the headlines of Chinese broadcast news (11,000 items) on a pretrained encoder.

The encoder is one in Hugging Face's format, as benchmarks/peers/transformers_pretrain.py makes it.

bertcls-import --source ENCODER_FOLDER --output runs/zh_encoder
python -m benchmarks.seq2seq_quality --source ../shared/data --output runs/data/zh_headlines
bertcls-seq2seq --config configs/zh_headlines_seq2seq.py --workdir runs/zh_headlines
python -m benchmarks.seq2seq_quality --output runs/data/zh_headlines --model runs/zh_headlines
"""

from keras_bert_cls.data.seq2seq_config import Seq2SeqData
from keras_bert_cls.modeling.decoder_config import DecoderConfig, GenerationConfig
from keras_bert_cls.training.config import OptimizerConfig, Seq2SeqConfig, TrainConfig

_DATA = "runs/data/zh_headlines"


def get_config() -> Seq2SeqConfig:
    return Seq2SeqConfig(
        init_from="runs/zh_encoder",
        data=Seq2SeqData(
            train_files=(f"{_DATA}/train.tsv",),
            dev_files=(f"{_DATA}/dev.tsv",),
            test_files=(f"{_DATA}/test.tsv",),
            text_column="text",
            target_column="target",
            max_length=128,
            max_target_length=40,
            drop_held_out_texts=True,
        ),
        decoder=DecoderConfig(num_layers=2, max_length=40, norm="pre", dropout=0.2),
        generation=GenerationConfig(method="beam"),
        optimizer=OptimizerConfig(learning_rate=4e-4),
        train=TrainConfig(
            epochs=8, batch_size=32, checkpoint_every=200, precision="mixed_bfloat16"
        ),
    )

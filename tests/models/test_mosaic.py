import json

import pytest
from tiny_flamingo import MOSAIC

from roadcue.errors import BadCheckpoint
from roadcue.models.flamingo.mosaic import mosaic_name, read_mosaic_config


@pytest.fixture
def read(tmp_path):
    """Read a configuration given as a dict."""

    def of(config):
        (tmp_path / "config.json").write_text(json.dumps(config))
        return read_mosaic_config(tmp_path)

    return of


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("wte.weight", "wte.weight"),
        ("norm_f.weight", "ln_f.weight"),
        ("blocks.11.decoder_layer.norm_1.weight", "blocks.11.ln_1.weight"),
        ("blocks.0.decoder_layer.norm_2.weight", "blocks.0.ln_2.weight"),
        ("blocks.3.decoder_layer.attn.Wqkv.weight", "blocks.3.attn.Wqkv.weight"),
        ("blocks.3.decoder_layer.attn.q_ln.weight", "blocks.3.attn.q_ln.weight"),
        ("blocks.3.decoder_layer.ffn.up_proj.weight", "blocks.3.mlp.mlp_up.weight"),
        ("blocks.3.decoder_layer.ffn.down_proj.weight", "blocks.3.mlp.mlp_down.weight"),
    ],
)
def test_names_of_mosaic(ours, theirs):
    assert mosaic_name("transformer." + ours) == "transformer." + theirs


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alibi": False}, r"alibi False \(learned position embeddings\): not implemented"),
        ({"no_bias": False, "attn_clip_qkv": 6}, r"no_bias False \(biases\), attn_clip_qkv 6 \(clipped"),
        ({"attn_pdrop": 0.1}, r"attn_pdrop 0\.1 \(dropout\)"),
        ({"mlp_ratio": 8}, r"mlp_ratio 8"),
        ({"logit_scale": "inv_sqrt_d_model"}, "logit_scale 'inv_sqrt_d_model'"),
        ({"prefix_lm": True}, "prefix_lm True"),
        ({"model_type": "mpt"}, "model_type is 'mpt', and the language model is one of type mosaic_gpt"),
        ({"n_heads": 3}, "n_heads is 3, and it must be a power of two that divides d_model"),
        ({"n_heads": "4"}, r"config\.json: does not describe a language model"),
        ({"vocab_size": [1]}, r"config\.json: does not describe a language model"),
    ],
)
def test_settings_of_mosaic_that_are_not_implemented_are_refused(read, change, message):
    with pytest.raises(BadCheckpoint, match=message):
        read(MOSAIC | change)


@pytest.mark.parametrize("key", ["alibi", "no_bias"])
def test_what_mosaic_takes_where_its_file_is_silent_is_taken(read, key):
    with pytest.raises(BadCheckpoint, match=f"{key} False"):
        read({name: MOSAIC[name] for name in MOSAIC if name != key})


@pytest.mark.parametrize("key", ["d_model", "n_heads", "n_layers", "vocab_size"])
def test_a_size_that_is_not_there_is_named(read, key):
    with pytest.raises(BadCheckpoint, match=f"lacks {key}"):
        read({name: MOSAIC[name] for name in MOSAIC if name != key})


def test_settings_of_mosaic_that_are_honoured(read):
    config = read(MOSAIC | {"softmax_scale": 0.5, "alibi_bias_max": 4, "attn_qk_ln": False})
    attention = config.attn_config
    assert (attention.softmax_scale, attention.alibi_bias_max, attention.qk_ln) == (0.5, 4, False)
    assert (config.d_model, config.n_heads, config.n_layers, config.vocab_size, config.max_seq_len) == (
        32,
        4,
        3,
        40,
        64,
    )
    assert read(MOSAIC).attn_config.qk_ln

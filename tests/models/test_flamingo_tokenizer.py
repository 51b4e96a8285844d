import pytest
from tiny_flamingo import ENDOFCHUNK, IMAGE, PAD, WORDS, tiny_config, write_tokenizer

from roadcue.errors import BadCheckpoint
from roadcue.models.flamingo.loading import read_tokenizer


@pytest.fixture
def folder(tmp_path):
    write_tokenizer(tmp_path)
    return tmp_path


def test_the_special_tokens_follow_the_last_word_in_the_order_of_the_package(folder):
    tokenizer = read_tokenizer(folder, tiny_config())
    ids = tokenizer.convert_tokens_to_ids(["<|endofchunk|>", "<image>", "<PAD>"])
    assert ids == [ENDOFCHUNK, IMAGE, PAD] == [len(WORDS), len(WORDS) + 1, len(WORDS) + 2]
    assert (tokenizer.pad_token, tokenizer.eos_token, len(tokenizer)) == ("<PAD>", "<|endoftext|>", len(WORDS) + 3)


def test_texts_are_padded_on_the_left_and_special_tokens_kept_whole(folder):
    tokenizer = read_tokenizer(folder, tiny_config())
    batch = tokenizer(["<image>Output:road<|endofchunk|><image>Output:", "<image>Output:"], padding=True)
    assert batch["input_ids"] == [
        [IMAGE, 2, 3, 5, ENDOFCHUNK, IMAGE, 2, 3],
        [PAD, PAD, PAD, PAD, PAD, IMAGE, 2, 3],
    ]
    assert batch["attention_mask"][1] == [0] * 5 + [1] * 3
    assert tokenizer.decode(batch["input_ids"][0], skip_special_tokens=True) == "Output:roadOutput:"


def test_what_was_saved_comes_back(folder, tmp_path_factory):
    tokenizer = read_tokenizer(folder, tiny_config())
    saved = tmp_path_factory.mktemp("saved")
    tokenizer.save_pretrained(saved)
    again = read_tokenizer(saved, tiny_config())
    assert again.get_vocab() == tokenizer.get_vocab()
    assert again.pad_token_id == PAD
    assert again("<image>Output:")["input_ids"] == [IMAGE, 2, 3]


@pytest.mark.parametrize(
    "settings", [{"image_token_id": ENDOFCHUNK, "endofchunk_token_id": IMAGE}, {"pad_token_id": 1}]
)
def test_a_tokeniser_whose_ids_are_not_the_models_is_refused(folder, settings):
    with pytest.raises(BadCheckpoint, match=r"tokenizer\.json: is not the tokeniser of this model: it has 13 tokens"):
        read_tokenizer(folder, tiny_config(**settings))


def test_a_tokeniser_of_another_length_is_refused(folder):
    config = tiny_config()
    config.text_config.vocab_size = 14
    with pytest.raises(BadCheckpoint, match=r"it has 13 tokens with .*, and the model has 14"):
        read_tokenizer(folder, config)


def test_no_class_or_code_that_a_file_names_is_taken(folder):
    (folder / "tokenizer_config.json").write_text(
        '{"tokenizer_class": "GPTNeoXTokenizer", "auto_map": {"AutoTokenizer": ["evil.Tokenizer", null]}}'
    )
    assert read_tokenizer(folder, tiny_config()).pad_token_id == PAD


@pytest.mark.parametrize("content", [None, "", "{}", "[1]", '{"model": 3}'])
def test_a_file_that_is_no_tokeniser_is_named(folder, content):
    if content is None:
        (folder / "tokenizer.json").unlink()
    else:
        (folder / "tokenizer.json").write_text(content)
    with pytest.raises(BadCheckpoint, match=r"tokenizer\.json: "):
        read_tokenizer(folder, tiny_config())

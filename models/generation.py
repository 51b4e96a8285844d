"""How a captioner writes: one set of settings for all of them."""

from dataclasses import asdict, dataclass
from typing import Any, Protocol

from transformers import DynamicCache, PreTrainedModel

from roadcue.errors import BadInput
from roadcue.models.key_value_cache import roomy_cache


class Grammar(Protocol):
    """What may be written."""

    def logits_processor(self, tokenizer: Any, end_id: int, vocab_size: int) -> Any:
        """What leaves a grammar's tokens alone in scores (b, vocab_size), for one call of `generate`.

        `end_id` ends an answer; `vocab_size` counts the output layer's rows; a tokenizer may have fewer.
        """


@dataclass(frozen=True)
class Written:
    """An answer."""

    text: str
    """Without its end, special tokens and control characters."""
    ended: bool
    """Whether the model ended it; False where it was cut off at the limit."""


@dataclass(frozen=True)
class GenerationSettings:
    """Greedy or beam search of transformers' `generate`; the same pictures and prompts give the same text."""

    max_new_tokens: int = 256
    """Where an answer that does not end is cut off; long enough for a BVPI text."""
    num_beams: int = 1
    """Beams; 1 is greedy, which costs least. OpenFlamingo's evaluation of captions has 3."""
    length_penalty: float = 1.0
    """Of beams, which are ranked by log-likelihood / length ** length_penalty: above 0 favours long answers."""
    repetition_penalty: float = 1.0
    """What divides the likelihood of tokens that are already there (Keskar et al., 2019); 1 leaves it as it is."""

    def __post_init__(self) -> None:
        for name in ("max_new_tokens", "num_beams"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name} {getattr(self, name)}: must be at least 1")
        if self.repetition_penalty <= 0:
            raise BadInput(f"repetition_penalty {self.repetition_penalty}: must be above 0, and is 1 for none")

    def check_grammar(self, grammar: Grammar | None) -> None:
        """BadInput for beams with a grammar."""
        if grammar is not None and self.num_beams > 1:
            raise BadInput(
                f"num_beams {self.num_beams} with a grammar: a grammar follows one text, and beams go on from "
                "each other; use 1 beam, or no grammar"
            )

    def check_room(self, prompt: int, longest: int) -> None:
        """ValueError when a prompt of so many tokens and the answer are more than the `longest` that may be read."""
        if prompt + self.max_new_tokens > longest:
            raise ValueError(
                f"a prompt has {prompt} tokens, and with an answer of up to {self.max_new_tokens} (max_new_tokens) "
                f"that is more than the {longest} that may be read; show fewer demonstrations or frames, shorten the "
                f"instruction, or let answers have {max(longest - prompt, 0)}"
            )

    @property
    def plain(self) -> bool:
        """Whether each token is the likeliest, whatever is there before."""
        return self.num_beams == 1 and self.repetition_penalty == 1

    def cache(self, model: PreTrainedModel, prompt: int) -> DynamicCache | None:
        """For prompts of so many tokens and the answers to them; None where transformers' own serves better."""
        return roomy_cache(model, prompt + self.max_new_tokens) if self.num_beams == 1 else None

    def options(self) -> dict[str, Any]:
        """The same as keyword arguments of `generate`; what only beams understand is left out without them."""
        options = asdict(self)
        if self.num_beams == 1:
            del options["length_penalty"]
        return {**options, "do_sample": False}

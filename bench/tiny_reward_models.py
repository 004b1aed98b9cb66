"""Makes a tiny reward model with random weights, and prints the values that transformers computes with it.

    python bench/tiny_reward_models.py FAMILY FOLDER < drafts.json

`drafts.json` is a list of drafts: a question followed by the steps. The folder gets the weights, the configuration and
the tokenizer. The values are computed as in the published code of each family's authors, so they can check what redraft
sends and parses. The program runs in the environment of vLLM under `build/servers`, which has PyTorch and transformers.
"""
# pyright: reportMissingImports=false, reportOptionalCall=false

import json
import sys
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from torch import nn
from transformers import (
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForSequenceClassification,
    Qwen2Model,
)

SIZES: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 1024,
    "tie_word_embeddings": False,
}
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA = (
    "{{ '<|begin_of_text|>' }}{% for message in messages %}<|start_header_id|>{{ message.role }}<|end_header_id|>\n\n"
    "{{ message.content | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
QWEN_SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."
QWEN_TAG, SHEPHERD_TAG, PLUS, MINUS = 151651, 12902, 648, 387
"""The token ids that end a step, and those of "▁+" and "▁-", as in the published vocabularies."""


def byte_tokenizer(template: str, special: dict[str, int]) -> PreTrainedTokenizerFast:
    """Returns a tokenizer with a token for each byte, one for ".\\n", and special tokens with the given ids."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate(letters)}
    vocabulary |= {".Ċ": 256, "question": 257} | special
    tokenizer = Tokenizer(models.BPE(vocabulary, [(".", "Ċ")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in special])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=min(special, key=lambda text: special[text]))
    fast.chat_template = template
    return fast


def mistral_tokenizer() -> PreTrainedTokenizerFast:
    """Returns a tokenizer of characters that merges "ки", "▁ки", "▁+" and "▁-" into tokens, with Mistral's ids for
    them."""
    text = "".join(map(chr, range(33, 127))) + "ки"
    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2, "▁": 3, "\n": 4}
    vocabulary |= {letter: number for number, letter in enumerate(text, start=10)}
    vocabulary |= {"ки": 1107, "▁ки": SHEPHERD_TAG, "▁+": PLUS, "▁-": MINUS}
    merges = [("к", "и"), ("▁", "ки"), ("▁", "+"), ("▁", "-")]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("\n"), "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    tokenizer.add_special_tokens([AddedToken(word, special=True) for word in ("<unk>", "<s>", "</s>")])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="</s>")


QWEN_TOKENS = {"<|endoftext|>": 151643, "<|im_start|>": 151644, "<|im_end|>": 151645, "<extra_0>": QWEN_TAG}
LLAMA_TOKENS = {
    word: 300 + number
    for number, word in enumerate(["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"])
}


class QwenPRM(nn.Module):
    """Qwen2ForProcessRewardModel, as in the code that is published with its weights."""

    def __init__(self, config: Qwen2Config) -> None:
        super().__init__()
        self.model = Qwen2Model(config)
        width = config.hidden_size
        self.score = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.score(self.model(tokens).last_hidden_state)


class SkyworkPRM(nn.Module):
    """A causal model with TRL's value head, as Skywork publishes it."""

    def __init__(self, config: Qwen2Config) -> None:
        super().__init__()
        self.model = Qwen2Model(config)
        self.v_head = nn.Module()
        self.v_head.summary = nn.Linear(config.hidden_size, 1)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.v_head.summary(self.model(tokens).last_hidden_state)


def config(family: str) -> Any:
    """Returns the configuration of a family's weights."""
    if family == "rlhflow":
        return LlamaConfig(vocab_size=304, bos_token_id=300, eos_token_id=303, **SIZES)
    if family == "math_shepherd":
        return MistralConfig(vocab_size=13000, bos_token_id=1, eos_token_id=2, sliding_window=None, **SIZES)
    found = Qwen2Config(vocab_size=151652, bos_token_id=None, eos_token_id=151645, pad_token_id=151643, **SIZES)
    if family == "qwen":
        found.architectures = ["Qwen2ForProcessRewardModel"]
        code = {
            "AutoConfig": "configuration_qwen2_rm.Qwen2RMConfig",
            "AutoModel": "modeling_qwen2_rm.Qwen2ForProcessRewardModel",
        }
        found.auto_map = code  # as published; the server must work without that code
    elif family == "skywork":
        found.architectures = ["Qwen2ForPrmModel"]
    else:
        found.num_labels = {"two_classes": 2, "three_classes": 3}.get(family, 1)
        found.problem_type = {  # as Trainer writes it for one label, and as redraft's trainer `trl` does
            "one_class": "regression",
            "steps": "multi_label_classification",
            "value": "multi_label_classification",
        }.get(family)
    return found


MODELS: dict[str, Callable[[Any], nn.Module]] = {
    "qwen": QwenPRM,
    "math_shepherd": MistralForCausalLM,
    "rlhflow": LlamaForCausalLM,
    "skywork": SkyworkPRM,
}
TOKENIZERS: dict[str, Callable[[], PreTrainedTokenizerFast]] = {
    "math_shepherd": mistral_tokenizer,
    "rlhflow": lambda: byte_tokenizer(LLAMA, LLAMA_TOKENS),
}


def make(family: str, folder: Path) -> nn.Module:
    """Writes a model with random weights, its configuration and its tokenizer, and returns the model. The weights are
    large enough to make the values differ."""
    torch.manual_seed(sum(family.encode()))
    settings = config(family)
    settings.dtype = "float32"
    model = MODELS.get(family, Qwen2ForSequenceClassification)(settings).float().eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() > 1:
                weight.normal_(0, 1.0 if "embed" in name else 0.3)
            elif "bias" in name:
                weight.normal_(0, 0.5)
    if family == "rlhflow":
        prefer_signs(model)
    settings.architectures = settings.architectures or [type(model).__name__]
    settings.save_pretrained(folder)
    save_file(model.state_dict(), folder / "model.safetensors", {"format": "pt"})
    TOKENIZERS.get(family, lambda: byte_tokenizer(CHATML, QWEN_TOKENS))().save_pretrained(folder)
    return model


def prefer_signs(model: Any) -> None:
    """Makes "+" and "-" the most likely tokens, as training does. This uses a part of the state that is the same for
    all texts."""
    signs = byte_tokenizer(LLAMA, LLAMA_TOKENS).convert_tokens_to_ids(["+", "-"])
    with torch.no_grad():
        model.model.embed_tokens.weight[:, 0] = 8.0
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight[0] = 0.0
            layer.mlp.down_proj.weight[0] = 0.0
        model.lm_head.weight[signs, 0] += 16.0


def qwen(model: nn.Module, tokenizer: Any, question: str, steps: Sequence[str]) -> list[Any]:
    """Returns the values of steps as on the model card of Qwen2.5-Math-PRM: the second of two probabilities at each
    <extra_0>."""
    chat = [("system", QWEN_SYSTEM), ("user", question), ("assistant", "<extra_0>".join(steps) + "<extra_0>")]
    messages = [{"role": role, "content": content} for role, content in chat]
    tokens = torch.tensor([tokenizer.encode(tokenizer.apply_chat_template(messages, tokenize=False))])
    return model(tokens).softmax(-1)[tokens == QWEN_TAG][:, 1].tolist()


def math_shepherd(model: nn.Module, tokenizer: Any, question: str, steps: Sequence[str]) -> list[Any]:
    """Returns the values of steps as on the model card of Math-Shepherd: the share of "+" at each "ки"."""
    lines = "\n".join(f"Step {number}: {step} ки" for number, step in enumerate(steps, start=1))
    tokens = torch.tensor([tokenizer.encode(f"{question} {lines}")])
    logits = model(tokens).logits[:, :, [PLUS, MINUS]]
    return logits.softmax(-1)[tokens == SHEPHERD_TAG][:, 0].tolist()


def rlhflow(model: nn.Module, tokenizer: Any, question: str, steps: Sequence[str]) -> list[Any]:
    """Returns the values of steps as in RLHFlow's evaluation: the share of "+" at the token before the last "+" of a
    chat."""
    signs = [tokenizer.encode(sign)[-1] for sign in "+-"]
    chat: list[dict[str, str]] = []
    found = []
    for number, step in enumerate(steps):
        text = f"{question} {step}" if number == 0 else step
        chat += [{"role": "user", "content": text}, {"role": "assistant", "content": "+"}]
        tokens = tokenizer.encode(tokenizer.apply_chat_template(chat, tokenize=False))
        found.append(model(torch.tensor([tokens])).logits[0, -3, signs].softmax(-1)[0].item())
    return found


def skywork(model: nn.Module, tokenizer: Any, question: str, steps: Sequence[str]) -> list[Any]:
    """Returns the values of steps as in Skywork's inference: the sigmoid of the value at the token that ends a line.
    This token is separate from the line."""
    [tag] = tokenizer.encode("\n")
    tokens = tokenizer.encode(f"<|endoftext|>{question}\n")
    ends = []
    for step in steps:
        for line in step.split("\n"):
            tokens += [*(tokenizer.encode(line) if line else []), tag]
        ends.append(len(tokens) - 1)
    return model(torch.tensor([tokens])).sigmoid()[0, ends, 0].tolist()


def step_ends(model: Any, tokenizer: Any, question: str, steps: Sequence[str]) -> list[Any]:
    """As in redraft's trainer `trl`: the sigmoid of the head at the ends of steps that are tokenized one by one."""
    pieces = [tokenizer.encode(f"{text}\n", add_special_tokens=False) for text in [question, *steps]]
    ends = list(accumulate(map(len, pieces)))[1:]
    tokens = torch.tensor([[token for piece in pieces for token in piece]])
    states = model.model(tokens).last_hidden_state[0, [end - 1 for end in ends]]
    return model.score(states).sigmoid()[:, 0].tolist()


def values(model: nn.Module, tokenizer: Any, question: str, steps: Sequence[str]) -> list[Any]:
    """As in redraft's trainer `trl`: the sigmoid of the head at the end of each partial solution, as it was written."""
    texts = accumulate([*(f"{step}\n\n" for step in steps[:-1]), steps[-1]])
    ids = [torch.tensor([tokenizer.encode(f"{question}\n\n{text}")]) for text in texts]
    return [model(each).logits[0].sigmoid().tolist() for each in ids]


def classes(model: nn.Module, tokenizer: Any, question: str, steps: Sequence[str]) -> list[Any]:
    """Returns the class probabilities of the question with the steps up to each step."""
    found = []
    for end in range(1, len(steps) + 1):
        [logits] = model(torch.tensor([tokenizer.encode("\n\n".join([question, *steps[:end]]))])).logits
        found.append((logits.sigmoid() if len(logits) == 1 else logits.softmax(-1)).tolist())
    return found


READERS = {
    "qwen": qwen, "math_shepherd": math_shepherd, "rlhflow": rlhflow, "skywork": skywork, "steps": step_ends,
    "value": values,
}  # fmt: skip


def main(family: str, folder: str) -> None:
    """Makes the model, and prints the values of the drafts."""
    model = make(family, Path(folder))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        drafts = json.load(sys.stdin)
        json.dump([READERS.get(family, classes)(model, tokenizer, draft[0], draft[1:]) for draft in drafts], sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Takes away from a reply what is no part of its answer: the model's thinking, and the tokens that end its turn."""

import re


def spoken(text: str) -> str:
    """The text that a reply says to its reader: without blocks of thinking, in whatever tags, and up to the first token
    that ends a turn. Thinking that never ends leaves nothing, except an `<answer>` after it."""
    return _first_turn(unthought(text)) if _has_signs(text) else text


def unthought(text: str) -> str:
    """The text without its thinking."""
    return _final_channel(_without_blocks(text)) if _has_signs(text) else text


def _has_signs(text: str) -> bool:
    """Whether a text may have tags or tokens: most have none, and this tells so fast."""
    return (
        ("<" in text and SIGN.search(text) is not None)
        or "THINK]" in text
        or "INST]" in text
        or "◁" in text
        or text.startswith("analysis")
    )


def _without_blocks(text: str) -> str:
    """The text outside of blocks of thinking. A closing tag without an opening tag ends thinking that began before."""
    kept: list[str] = []
    start: int | None = 0
    for tag in TAG.finditer(text):
        if tag["opening"] is None:
            if start is not None:
                kept.clear()
            start = tag.end()
        elif start is not None:
            kept.append(text[start : tag.start()])
            start = None
    if start is None:
        answer = text.rfind("<answer>")
        start = len(text) if answer < 0 else answer
    return "\n".join([*kept, text[start:]]) if kept else text[start:]


def _final_channel(text: str) -> str:
    """What the last final channel says. A text with other channels only says nothing."""
    channels = list(CHANNEL.finditer(text))
    if channels:
        final = [channel.end() for channel in channels if channel[1] == "final"]
        return text[final[-1] :] if final else ""
    if text.startswith("analysis"):  # a decoder that drops special tokens leaves their words
        return text.rpartition("assistantfinal")[2]
    return text


def _first_turn(text: str) -> str:
    """The first turn that says something: after its last token another turn starts, which is not the reply's."""
    start = 0
    for token in TOKEN.finditer(text):
        said = text[start : token.start()].strip()
        if said and said not in ROLES:
            return text[start : token.start()]
        start = token.end()
    return text[start:]


SIGN = re.compile(r"<[/|｜A-Za-z_]")
_THOUGHT = (
    r"(?:\w{1,20}:)?(?:think(?:ing)?|thoughts?|thought_process|reason(?:ing)?|reflection|analysis|scratch_?pad|rationale"
    r"|plan(?:ning)?|inner_?(?:thoughts|monologue)|chain_of_thought|cot)"
)
TAG = re.compile(
    rf"""(?P<opening><{_THOUGHT}> | <start_working_out> | \[THINK\] | ◁think▷ | <\|(?:begin_of_thought|START_THINKING
      |inner_prefix|thinking|think)\|> | <unused94>)
    | </{_THOUGHT}> | <end_working_out> | \[/THINK\] | ◁/think▷ | <\|(?:end_of_thought|END_THINKING|inner_suffix
      |/thinking|/think)\|> | <unused95>""",
    re.VERBOSE | re.IGNORECASE,
)
CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<\n]{0,80}(?:<\|constrain\|>\w+)?<\|message\|>")
TOKEN = re.compile(
    r"""</s> | \A\s*<s> | <(?:eos|bos|pad|turn\||[A-Z_]{0,12}(?:EOS|EOT|BOS)[A-Z_]{0,12})> | </?(?:start|end)_of_turn>
    | \[/?INST\] | <[|｜](?:im_(?:start|end|sep)|end[\w▁]{0,24}|begin[_▁]of[_▁](?:text|sentence|solution)|start|return
      |e[om][tm]_id|EOT
      |(?:start|end)_header_id|(?:user|assistant|system|observation|Assistant|User|message_\w+)
      |(?:START|END|START_OF|END_OF)_\w+)[|｜]>""",
    re.VERBOSE,
)
ROLES = frozenset(["assistant", "model", "user", "final", "solution"])
"""Words between the tokens that open a turn: they name who speaks."""

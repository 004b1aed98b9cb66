"""Removes from a reply what is not part of its answer: the model's thinking, and the tokens that end its turn."""

import re

from redraft.llm.providers.shared.thinking import TAGS


def spoken(text: str) -> str:
    """Returns the visible text of a reply: without thinking in any of the known tags, and up to the first token that
    ends a turn. If the thinking never ends, returns only an `<answer>` after it, or ""."""
    return _first_turn(unthought(text)) if _has_tags(text) else text


def unthought(text: str) -> str:
    """Returns the text without its thinking. A closing tag without an opening tag ends thinking that began before the
    text."""
    if not _has_tags(text):
        return text
    kept: list[str] = []
    start: int | None = 0
    for tag in TAG.finditer(text):
        name = tag[0].lower()
        if name in CLOSINGS:
            if start is not None:
                kept.clear()
            start = tag.end()
        elif start is not None and name in OPENINGS:
            kept.append(text[start : tag.start()])
            start = None
    if start is None:
        start = text.rfind("<answer>")
        start = len(text) if start < 0 else start
    return _final_channel("\n".join([*kept, text[start:]]) if kept else text[start:])


def _final_channel(text: str) -> str:
    """Returns the text of the last channel "final". Returns "" if a text has only other channels."""
    if "<|channel|>" in text:
        final = [channel.end() for channel in CHANNEL.finditer(text) if channel[1] == "final"]
        return text[final[-1] :] if final else ""
    if text.startswith("analysis"):  # a decoder that drops special tokens keeps the names of the channels
        return text.rpartition("assistantfinal")[2]
    return text


def _first_turn(text: str) -> str:
    """Returns the first turn that is not empty. After its end token another turn begins, which is not part of the
    reply."""
    start = 0
    for tag in TAG.finditer(text):
        if tag[0].lower() in TOKENS:
            said = text[start : tag.start()].strip()
            if said and said not in ROLES:
                return text[start : tag.start()]
            start = tag.end()
    return text[start:]


def _has_tags(text: str) -> bool:
    """Returns whether a text may have tags. The check is fast, since most texts have no tags."""
    if text.startswith("analysis"):
        return True
    signs = ("<" in text and ANGLED.search(text)) or "THINK]" in text or "INST]" in text or "◁" in text
    return bool(signs) and TAG.search(text) is not None


ANGLED = re.compile(r"<[/|｜A-Za-z_]")
TAG = re.compile(r"[<\[◁][|｜]?/?[\w:▁]{1,32}[|｜]?[>\]▷]")
THOUGHTS = (
    "think",
    "thinking",
    "thought",
    "thoughts",
    "thought_process",
    "reasoning",
    "reason",
    "reflection",
    "analysis",
    "rationale",
    "planning",
    "scratchpad",
    "inner_thoughts",
    "inner_monologue",
    "chain_of_thought",
    "cot",
    "antml:thinking",
    "antthinking",
)
OPENINGS = {
    *(f"<{name}>" for name in THOUGHTS),
    *(opening.lower() for opening, _ in TAGS),
    *("<|think|>", "<|thinking|>", "<|channel>", "<start_working_out>", "<unused94>"),
}
CLOSINGS = {
    *(f"</{name}>" for name in THOUGHTS),
    *(closing.lower() for _, closing in TAGS),
    *("<|/think|>", "<|/thinking|>", "<end_working_out>", "<unused95>"),
}
"""Closing tags of thinking, in lower case: tags that models write by themselves, and tags that prompts ask for."""
CHANNEL = re.compile(r"<\|channel\|>\s{0,4}(\w{1,32})[^<\n]{0,80}(?:<\|constrain\|>\w{1,32})?<\|message\|>")
TOKENS = {
    *(
        "</s>",
        "<eos>",
        "<bos>",
        "<pad>",
        "<eos_token>",
        "<eoa>",
        "<start_of_turn>",
        "<end_of_turn>",
        "[inst]",
        "[/inst]",
    ),
    *(f"<|{name}|>" for name in ("im_start", "im_end", "im_sep", "start", "end", "return", "call", "message")),
    *(f"<|{name}|>" for name in ("eot_id", "eom_id", "eot", "endoftext", "begin_of_text", "end_of_text")),
    *(f"<|{name}|>" for name in ("start_header_id", "end_header_id", "user", "assistant", "system", "observation")),
    *(f"<|{name}|>" for name in ("begin_of_solution", "end_of_solution", "end_of_box", "message_end", "endofresponse")),
    *(f"<|{name}|>" for name in ("start_response", "end_response", "start_of_turn_token", "end_of_turn_token")),
    *(f"<｜{name}｜>" for name in ("begin▁of▁sentence", "end▁of▁sentence", "user", "assistant")),
}
"""Tokens that begin or end a turn, in lower case."""
ROLES = frozenset(["assistant", "model", "user", "final", "solution"])
"""The names of roles between the tokens that begin a turn."""

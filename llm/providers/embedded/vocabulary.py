"""The embedded model's tokens: byte-level BPE in which every digit is one token."""

from pathlib import Path

from tokenizers import Tokenizer

from redraft.llm.providers.embedded.prompts import ASSISTANT, END, PAD, USER


class Vocabulary:
    def __init__(self, path: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(path))
        self._marks = frozenset(self._tokenizer.token_to_id(mark) for mark in (PAD, USER, ASSISTANT, END))
        letters = _byte_letters()
        size = self._tokenizer.get_vocab_size()
        names = [self._tokenizer.id_to_token(token) or "" for token in range(size)]
        self._bytes = [
            b"" if token in self._marks else bytes(letters[letter] for letter in name)
            for token, name in enumerate(names)
        ]

    def encode(self, text: str) -> list[int]:
        """Returns the token ids of a text. Marks such as <|user|> become special tokens."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def bytes_of(self, token: int) -> bytes:
        return self._bytes[token] if token < len(self._bytes) else b""

    def pieces(self, size: int) -> list[bytes | None]:
        """Returns the bytes of each token id below `size`, and None for a token that ends the model's answer."""
        return [None if self.is_mark(token) else self.bytes_of(token) for token in range(size)]

    def is_mark(self, token: int) -> bool:
        """Returns whether a token ends the model's answer."""
        return token in self._marks or token >= len(self._bytes)


def _byte_letters() -> dict[str, int]:
    """Returns GPT-2's table for byte-level BPE, which maps a printable character to each byte."""
    printable = [
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    ]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(others)}

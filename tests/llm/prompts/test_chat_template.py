"""Chat templates as Hugging Face writes them; the expected prompts are what transformers makes of them."""

import pytest

from redraft.llm.model import Message, ModelError
from redraft.llm.prompts.chat_template import ChatTemplate

ASKED = (Message("system", "Be brief."), Message("user", "2 + 2?"))

CHATML = """\
{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}"""

LLAMA_2 = """\
{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}\
{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}\
{% set system_message = false %}{% endif %}{% for message in loop_messages %}\
{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}\
{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}\
{% if loop.index0 == 0 and system_message %}\
{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}\
{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}\
{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}\
{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"""

BLOCKS = """\
{% for message in messages %}
    {% if message.role == 'tool' %}
        {% continue %}
    {% endif %}
<{{ message.role }}> {{ message | tojson }}
{% endfor %}
"""


def test_a_template_with_its_own_white_space() -> None:
    assert ChatTemplate(CHATML).render(ASKED) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n2 + 2?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_template_with_special_tokens() -> None:
    messages = (*ASKED, Message("assistant", "4"), Message("user", "Sure?"))
    assert ChatTemplate(LLAMA_2, bos_token="<s>", eos_token="</s>").render(messages) == (
        "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\n2 + 2? [/INST] 4 </s><s>[INST] Sure? [/INST]"
    )


def test_blocks_leave_no_lines_behind_and_json_is_written_plainly() -> None:
    messages = (Message("user", "é <b>"), Message("tool", "x"))
    assert ChatTemplate(BLOCKS).render(messages) == '<user> {"role": "user", "content": "é <b>"}\n'


def test_a_template_that_refuses_says_why() -> None:
    with pytest.raises(ModelError, match=r"roles must alternate user/assistant.* Correct it in the prompts file"):
        ChatTemplate(LLAMA_2, bos_token="<s>", eos_token="</s>").render((ASKED[1], ASKED[1]))


@pytest.mark.parametrize("text", ["{% if %}", "{{ messages[0].content", "{% endfor %}"])
def test_a_text_that_is_no_template_is_a_fatal_error(text: str) -> None:
    with pytest.raises(ModelError, match=r"is not Jinja \(.*, line 1\)") as raised:
        ChatTemplate(text).render(ASKED)
    assert raised.value.fatal


@pytest.mark.parametrize("text", ["{{ ''.__class__.__mro__ }}", "{{ messages.append(1) }}", "{{ messages[5].role }}"])
def test_a_template_can_do_nothing_but_write(text: str) -> None:
    with pytest.raises(ModelError, match="The chat template fails"):
        ChatTemplate(text).render(ASKED)

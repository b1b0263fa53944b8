"""Traps of tokenizers, and of the collators that pad, mask and pack."""

from pathlib import Path

import pytest
import torch
from tokenizers import (
    AddedToken,
    Tokenizer,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    AutoTokenizer,
    BertTokenizerFast,
    DataCollatorForLanguageModeling,
    DataCollatorForSeq2Seq,
    DataCollatorWithFlattening,
    DistilBertConfig,
    DistilBertModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
)

from tests.traps import toys
from tests.traps.catalogue import trap

PAGE = "10_chat_and_adapters.ipynb#When-it-breaks:-no-template,-and-templates-that-say-nothing"


@trap(
    30, "transformers", shown="01_tokenization.ipynb#When-it-breaks:-`truncation=True`"
)
def truncation_without_a_limit_cuts_nothing():
    """`truncation=True` cuts nothing where no limit is known.

    You see: an IndexError in the model, at the first long text (on a GPU, *device-side assert triggered*). A model with
    rotary positions, as a Llama, reads on and says nothing.

    What happens: the limit is `model_max_length`. A tokenizer whose files do not say it has a limit of
    10^30 tokens.

    Instead: give `max_length`: the model's `max_position_embeddings`, and for the family of RoBERTa two
    fewer, since its positions begin after the number of the pad token.
    """
    tokenizer, text = toys.tokenizer(), "a very good film " * 40
    # You write
    ids = tokenizer(text, truncation=True)["input_ids"]
    # You get
    assert tokenizer.model_max_length > 10**29
    assert len(ids) == 162  # the model has 64 positions
    # Instead
    limit = toys.bert().config.max_position_embeddings
    ids = tokenizer(text, truncation=True, max_length=limit)["input_ids"]
    assert len(ids) == 64
    roberta = RobertaModel(RobertaConfig(**toys.BERT)).eval()
    assert roberta(torch.full((1, 62), 5)).last_hidden_state.shape == (1, 62, 16)
    with pytest.raises((IndexError, RuntimeError)):
        roberta(torch.full((1, 63), 5))


@trap(
    50,
    "transformers",
    shown="01_tokenization.ipynb#Too-long",
    says="`max_length` is ignored when `padding`=`True`",
)
def a_limit_beside_padding_cuts_nothing():
    """`max_length` beside `padding` cuts nothing.

    You see: rows longer than the limit, and a warning that it is ignored with `padding=True`, none
    with `padding="max_length"`.

    What happens: without `truncation=True` the limit is for padding only. Alone, it does cut.

    Instead: always write `truncation=True` beside `max_length`.
    """
    tokenizer, text = toys.tokenizer(), "a very good film " * 4

    def length(**settings):
        return len(tokenizer(text, max_length=8, **settings)["input_ids"])

    # You write
    padded, to_limit, alone = (
        length(padding=True),
        length(padding="max_length"),
        length(),
    )
    # You get
    assert (padded, to_limit, alone) == (18, 18, 8)
    # Instead
    assert length(padding="max_length", truncation=True) == 8


@trap(47, "transformers")
def a_pad_token_from_nowhere_is_another_word():
    """A pad token that is not in the vocabulary gets the ID of another word.

    You see: training that works; after saving and loading, an IndexError in the model (on a GPU, *device-side assert
    triggered*).

    What happens: setting the attribute adds no word. The ID of what is unknown is that of the unknown
    token. Loading adds the word behind the last one, where the model has no row.

    Instead: take a token that is there (if it is the end of the text, see 21), or add one and resize the embeddings.
    """
    words = {"<unk>": 0, "good": 1, "film": 2}
    rows = len(words)  # of the model's embedding
    core = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()

    def fresh():
        return PreTrainedTokenizerFast(tokenizer_object=core, unk_token="<unk>")

    # You write
    tokenizer = fresh()
    tokenizer.pad_token = "<pad>"
    # You get
    assert tokenizer.pad_token_id == tokenizer.unk_token_id == 0
    tokenizer.save_pretrained("kept")
    assert AutoTokenizer.from_pretrained("kept").pad_token_id == rows  # one too far
    # Instead
    tokenizer = fresh()
    tokenizer.add_special_tokens({"pad_token": "<pad>"})
    model = toys.gpt2(vocab_size=rows)
    model.resize_token_embeddings(len(tokenizer))
    assert tokenizer.pad_token_id == 3
    assert model(torch.tensor([[3]])).logits.shape[-1] == 4


@trap(48, "transformers", "tokenizers")
def a_wrapped_tokenizer_comes_back_as_another():
    """A tokenizer of one's own, wrapped as a BERT's, comes back as another.

    You see: other tokens after loading than before saving.

    What happens: AutoTokenizer finds the class in the config and lets it set its own normalizer, which
    lowers letters.

    Instead: wrap it in PreTrainedTokenizerFast.
    """
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "Hello", "h", "##e", "##llo"]
    ids = {word: number for number, word in enumerate(words)}
    core = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    # You write
    tokenizer = BertTokenizerFast(tokenizer_object=core)
    tokenizer.save_pretrained("kept")
    # You get
    assert tokenizer.tokenize("Hello") == ["Hello"]
    loaded = AutoTokenizer.from_pretrained("kept")
    assert loaded.tokenize("Hello") == ["h", "##e", "##llo"]
    # Instead
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, unk_token="[UNK]")
    tokenizer.save_pretrained("plain")
    assert AutoTokenizer.from_pretrained("plain").tokenize("Hello") == ["Hello"]


@trap(49, "transformers", "tokenizers")
def an_added_token_is_found_inside_words():
    """An added token is found inside other words.

    You see: `party` as `p`, `art`, `y`.

    What happens: added tokens are looked for before words are split, and under an uncased vocabulary
    in lowered text. ART is in p-art-y.

    Instead: `AddedToken(..., single_word=True)`.
    """
    words = ["[PAD]", "[UNK]", "party", "p", "##y", "y"]

    def fresh():
        core = Tokenizer(
            models.WordPiece({w: n for n, w in enumerate(words)}, unk_token="[UNK]")
        )
        core.normalizer = normalizers.Lowercase()
        core.pre_tokenizer = pre_tokenizers.Whitespace()
        return PreTrainedTokenizerFast(tokenizer_object=core, unk_token="[UNK]")

    # You write
    tokenizer = fresh()
    tokenizer.add_tokens(["ART"])
    # You get
    assert tokenizer.tokenize("party") == ["p", "art", "y"]
    # Instead
    tokenizer = fresh()
    tokenizer.add_tokens([AddedToken("ART", single_word=True)])
    assert tokenizer.tokenize("party art") == ["party", "art"]


@trap(51, "transformers")
def a_chat_template_returns_a_dict():
    """`apply_chat_template` returns a dict, not a list of IDs.

    You see: a prompt of length 2, whatever was said.

    What happens: it returns what a tokenizer returns, IDs and mask. `len` counts the keys. Older
    releases returned the IDs.

    Instead: take `["input_ids"]`, or pass the whole on with `**`.
    """
    tokenizer = toys.tokenizer()
    tokenizer.chat_template = (
        "{% for turn in messages %}{{ turn.content }} {% endfor %}"
    )
    # You write
    prompt = tokenizer.apply_chat_template([{"role": "user", "content": "a good film"}])
    # You get
    assert len(prompt) == 2
    # Instead
    assert len(prompt["input_ids"]) == 3
    turns = [{"role": "user", "content": "a good film"}]
    assert (
        tokenizer.apply_chat_template(turns, return_dict=False) == prompt["input_ids"]
    )


@trap(111, "transformers", shown=PAGE)
def an_unknown_option_becomes_a_variable_of_the_template():
    """What `apply_chat_template` does not know, it hands to the template.

    You see: no generation prompt, or a batch that is padded on the wrong side.

    What happens: a misspelt option, and one that belongs to the tokenizer such as `padding_side`,
    becomes a variable of the template, which does not use it. No error.

    Instead: spell it right; pass options of the tokenizer in `tokenizer_kwargs`.
    """
    tokenizer = toys.tokenizer()
    tokenizer.chat_template = (
        "{% for turn in messages %}{{ turn.content }} {% endfor %}"
        "{% if add_generation_prompt %}it was{% endif %}"
    )
    talk = [{"role": "user", "content": "a good film"}]
    two = [talk, [{"role": "user", "content": "the end"}]]
    # You write
    text = tokenizer.apply_chat_template(
        talk, tokenize=False, add_generation_promt=True
    )
    batch = tokenizer.apply_chat_template(two, padding=True, padding_side="left")
    # You get
    assert text == "a good film "
    assert batch["attention_mask"][1] == [1, 1, 0]
    # Instead
    text = tokenizer.apply_chat_template(
        talk, tokenize=False, add_generation_prompt=True
    )
    assert text == "a good film it was"
    batch = tokenizer.apply_chat_template(
        two, padding=True, tokenizer_kwargs={"padding_side": "left"}
    )
    assert batch["attention_mask"][1] == [0, 1, 1]


@trap(112, "transformers", shown=PAGE)
def a_template_writes_nothing_for_a_key_that_it_does_not_find():
    """A message whose text is not called `content` is rendered empty.

    You see: answers that have nothing to do with the question.

    What happens: templates are Jinja, in which a name that is unknown and just printed is an empty text.
    A message whose key is `text` or `value`, as in many datasets, loses what it says. A template that adds
    texts with `+`, as many do, raises.

    Instead: rename keys to `role` and `content`, and look at one rendered row.
    """
    tokenizer = toys.tokenizer()
    tokenizer.chat_template = (
        "{% for turn in messages %}{{ turn.role }}: {{ turn.content }}. {% endfor %}"
    )
    talk = [{"role": "user", "text": "a good film"}]
    # You write
    text = tokenizer.apply_chat_template(talk, tokenize=False)
    # You get
    assert text == "user: . "
    added = "{{ messages[0].role + ': ' + messages[0].content }}"
    with pytest.raises(Exception, match="no attribute 'content'"):
        tokenizer.apply_chat_template(talk, chat_template=added)
    # Instead
    talk = [{"role": turn["role"], "content": turn["text"]} for turn in talk]
    assert tokenizer.apply_chat_template(talk, tokenize=False) == "user: a good film. "


@trap(113, "transformers", shown=PAGE)
def marking_the_answer_in_a_template_removes_a_line_break():
    """A line break behind `{% endgeneration %}` is dropped.

    You see: rendered turns that run into each other, since you marked the answers in the template.

    What happens: the line break that follows a tag `%}` is removed, as Jinja is set up here. Where it
    stood behind `}}` before, marking the answer changes the text that the model reads.

    Instead: write the line break as an expression, `{{ "\\n" }}`.
    """
    tokenizer = toys.tokenizer()
    talk = [{"role": "assistant", "content": "a good film"}]

    def text(template):
        return tokenizer.apply_chat_template(
            talk, tokenize=False, chat_template=template + "the end"
        )

    plain = "{{ messages[0].content }}\n"
    # You write
    marked = "{% generation %}{{ messages[0].content }}{% endgeneration %}\n"
    # You get
    assert text(plain) == "a good film\nthe end"
    assert text(marked) == "a good filmthe end"
    # Instead
    marked = "{% generation %}{{ messages[0].content }}{% endgeneration %}{{ '\\n' }}"
    assert text(marked) == text(plain)


@trap(
    114,
    "transformers",
    says="chat template does not contain `{% generation %}` keyword",
)
def the_mask_of_a_template_without_marks_is_all_zeros():
    """`return_assistant_tokens_mask` gives zeros where the template has no marks.

    You see: a loss of nan, in Trainer's log 0, from the first step on.

    What happens: which tokens the assistant says is marked in the template, between `{% generation %}`
    and `{% endgeneration %}`. Without them no token counts, and one line of the log says so.

    Instead: put the marks into the template, and assert that each row has a label.
    """
    tokenizer = toys.tokenizer()
    talk = [{"role": "assistant", "content": "a good film"}]
    plain = "{{ messages[0].content }}"

    def mask(template):
        return tokenizer.apply_chat_template(
            talk, return_assistant_tokens_mask=True, chat_template=template
        )["assistant_masks"]

    # You write
    found = mask(plain)
    # You get
    assert found == [0, 0, 0]
    model, ids = toys.llama(), torch.tensor([[5, 6, 7]])
    assert model(ids, labels=torch.full((1, 3), -100)).loss.isnan()
    # Instead
    found = mask("{% generation %}" + plain + "{% endgeneration %}")
    assert found == [1, 1, 1]


@trap(
    124,
    "transformers",
    wrote="return_assistant_tokens_mask=True, truncation=True",
    mended="transformers 5.24.0",
)
def a_conversation_cut_on_the_left_has_no_marks():
    """In a conversation that is cut on the left, no answer is marked.

    You see: a loss of nan, in Trainer's log 0, for long conversations only; otherwise nothing.

    What happens: with `truncation_side="left"` the newest turns are kept. The marks are set from the
    first answer on, and where its first token has been cut away the rest is given up: later answers
    stand there whole, and count for nothing.

    Instead: drop whole turns until the conversation fits, and assert that each row has a label.
    """
    tokenizer = toys.tokenizer()
    tokenizer.chat_template = (
        "{% for turn in messages %}{% if turn.role == 'user' %}{{ turn.content }}"
        "{% else %}{% generation %}{{ turn.content }}{% endgeneration %}{% endif %}"
        "{{ ' ' }}{% endfor %}"
    )
    said = [("user", "a film"), ("assistant", "very good")]
    said += [("user", "the end"), ("assistant", "dull and long")]
    talk = [{"role": role, "content": text} for role, text in said]

    def rendered(messages, **limits):
        return tokenizer.apply_chat_template(
            messages, return_assistant_tokens_mask=True, **limits
        )

    # You write
    tokenizer.truncation_side = "left"
    row = rendered(talk, truncation=True, max_length=6)
    # You get
    assert tokenizer.decode(row["input_ids"]) == "good the end dull and long"
    assert row["assistant_masks"] == [0] * 6
    # Instead
    while len(rendered(talk)["input_ids"]) > 6:
        talk = talk[2:]  # a question and its answer
    assert rendered(talk)["assistant_masks"] == [0, 0, 1, 1, 1]


@trap(125, "transformers")
def a_rendered_conversation_gets_a_second_start_token():
    """A rendered conversation that is tokenized begins with two start tokens.

    You see: `<s><s>` where a batch is decoded; answers that are a little worse than elsewhere.

    What happens: the template of many chat models writes the start token, and their tokenizer puts
    one in front of every text. `apply_chat_template` itself adds none.

    Instead: let `apply_chat_template` make the IDs, or say `add_special_tokens=False`.
    """
    tokenizer = toys.tokenizer()
    tokenizer.bos_token = "[CLS]"
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A", special_tokens=[("[CLS]", 2)]
    )
    tokenizer.chat_template = "{{ bos_token }}{{ messages[0].content }}"
    talk = [{"role": "user", "content": "a film"}]
    # You write
    text = tokenizer.apply_chat_template(talk, tokenize=False)
    ids = tokenizer(text)["input_ids"]
    # You get
    assert ids == [2, 2, 5, 6]
    # Instead
    assert tokenizer.apply_chat_template(talk)["input_ids"] == [2, 5, 6]
    assert tokenizer(text, add_special_tokens=False)["input_ids"] == [2, 5, 6]


@trap(
    52,
    "transformers",
    shown="04_dataset_preparation.ipynb#Four-ways-to-fill-a-rectangle",
)
def the_causal_collator_overwrites_labels():
    """The collator for causal models overwrites labels of your own.

    You see: a loss over everything, where the prompt was to be left out.

    What happens: with `mlm=False`, labels are a copy of the IDs. What the row brings is thrown away.

    Instead: DataCollatorForSeq2Seq, which pads labels with -100 and changes nothing else. It needs no
    encoder and decoder, whatever its name.
    """
    row = {"input_ids": [5, 6, 7, 8], "labels": [-100, -100, 7, 8]}
    # You write
    batch = DataCollatorForLanguageModeling(toys.tokenizer(), mlm=False)([row])
    # You get
    assert batch["labels"].tolist() == [[5, 6, 7, 8]]
    # Instead
    collator = DataCollatorForSeq2Seq(toys.tokenizer())
    batch = collator([row, {"input_ids": [5, 6], "labels": [-100, 6]}])
    assert batch["labels"].tolist() == [[-100, -100, 7, 8], [-100, 6, -100, -100]]


@trap(21, "transformers", shown="08_generation.ipynb#A-storyteller-on-the-stock-market")
def pads_in_labels_are_learned():
    """With `pad = eos`, the end of a text is ignored; with pads in the labels, padding is learned.

    You see: texts that never end, after training; or a loss that depends on how much padding there is.

    What happens: a loss counts every label that is not -100. With `pad = eos`, the causal collator
    ignores every end-of-text, the real ones too.

    Instead: write labels by the attention mask, `ids.masked_fill(mask == 0, -100)`. For Trainer, give each row
    `labels`, a copy of its `input_ids`, and use DataCollatorForSeq2Seq (52).
    """
    model, tokenizer = toys.gpt2(), toys.tokenizer()
    tokenizer.eos_token = tokenizer.pad_token  # as with a GPT-2; its ID is 0
    rows = [{"input_ids": [5, 6, 7, 8, 9, 0]}, {"input_ids": [6, 7, 0]}]
    # You write
    padded = tokenizer.pad(rows, return_tensors="pt")
    ids, mask = padded["input_ids"], padded["attention_mask"]
    all_labels = model(**padded, labels=ids).loss
    collated = DataCollatorForLanguageModeling(tokenizer, mlm=False)(rows)["labels"]
    # You get
    assert 0 not in collated  # no end in any of the texts
    texts_alone = [torch.tensor([row["input_ids"]]) for row in rows]
    sums = [model(one, labels=one).loss * (one.numel() - 1) for one in texts_alone]
    assert abs(all_labels - sum(sums) / 7) > 0.01  # 5 + 2 next tokens
    # Instead
    right = ids.masked_fill(mask == 0, -100)
    assert abs(model(**padded, labels=right).loss - sum(sums) / 7) < 1e-4
    assert right.tolist() == [[5, 6, 7, 8, 9, 0], [6, 7, 0, -100, -100, -100]]


@trap(
    53,
    "transformers",
    says="Random token replacement is not supported with whole word masking",
)
def whole_words_are_always_masked():
    """Masking whole words always writes `[MASK]`.

    You see: a UserWarning about random replacement; an error, if rows differ in length.

    What happens: `whole_word_mask=True` puts `[MASK]` everywhere, where the usual collator keeps one
    in ten and exchanges one in ten. It needs `return_offsets_mapping=True` from the tokenizer, and does not pad offsets.

    Instead: pad when you tokenize; compare with a collator that has `mask_replace_prob=1, random_replace_prob=0`.
    """
    tokenizer = toys.tokenizer()
    rows = [
        dict(tokenizer("a very good film", return_offsets_mapping=True))
        for _ in range(200)
    ]

    def masked_share(collator):
        batch = collator([dict(row) for row in rows])
        chosen = batch["input_ids"][batch["labels"] != -100]
        return (chosen == tokenizer.mask_token_id).float().mean()

    # You write
    collator = DataCollatorForLanguageModeling(tokenizer, whole_word_mask=True)
    # You get
    assert masked_share(collator) == 1
    short = dict(tokenizer("a film", return_offsets_mapping=True))
    with pytest.raises(ValueError, match="offset_mapping"):
        collator([dict(rows[0]), short])
    # Instead
    one = dict(padding="max_length", max_length=8, return_offsets_mapping=True)
    texts = ["a very good film", "a film"]
    batch = collator([dict(tokenizer(text, **one)) for text in texts])
    assert batch["input_ids"].shape == (2, 8)
    for row in rows:
        del row["offset_mapping"]
    assert 0.6 < masked_share(DataCollatorForLanguageModeling(tokenizer)) < 0.95
    single = dict(mask_replace_prob=1, random_replace_prob=0)
    assert masked_share(DataCollatorForLanguageModeling(tokenizer, **single)) == 1


@trap(54, "transformers", wrote="DataCollatorWithFlattening()")
def packed_texts_read_each_other():
    """Texts packed into one row read each other.

    You see: nothing; a second text that continues the first.

    What happens: `DataCollatorWithFlattening` marks where a text begins by position 0, for attention that
    reads such marks (`flash_attention_2`). With the default one, `sdpa`, a causal model reads them only
    where it makes no cache, a BERT never.

    Instead: pack for causal models only, and call them with `use_cache=False`, as Trainer does. For a
    BERT, pad.
    """
    first, second = [1, 2, 3], [4, 5, 6, 7]
    rows = [{"input_ids": ids, "labels": ids} for ids in (first, second)]
    model = toys.llama()
    alone = model(torch.tensor([second])).logits[0]
    # You write
    packed = DataCollatorWithFlattening()(rows)
    together = model(**packed).logits[0, 3:]
    # You get
    assert packed["position_ids"].tolist() == [[0, 1, 2, 0, 1, 2, 3]]
    assert not torch.allclose(together, alone, atol=0.1)
    bert, ids = toys.bert(), packed["input_ids"]
    hidden = bert(ids, position_ids=packed["position_ids"]).last_hidden_state[0, 3:]
    by_itself = bert(torch.tensor([second])).last_hidden_state[0]
    assert not torch.allclose(hidden, by_itself, atol=0.1)
    # Instead
    together = model(**packed, use_cache=False).logits[0, 3:]
    assert torch.allclose(together, alone, atol=1e-4)


@trap(32, "transformers")
def token_types_go_to_a_model_that_has_none():
    """A DistilBERT takes token types and ignores them.

    You see: `token_type_ids` in the batch of a DistilBERT; without them the outputs are the same.

    What happens: where a folder names no class, AutoTokenizer takes a BERT's, which returns
    `token_type_ids`. The model has no such embedding, and drops the argument. Only `[SEP]` tells the
    sentences apart.

    Instead: a model with token types, where they matter.
    """
    shape = dict(vocab_size=32, dim=16, hidden_dim=16, n_layers=2, n_heads=2)
    model = DistilBertModel(DistilBertConfig(**shape)).eval()
    model.save_pretrained("kept")
    Path("kept/vocab.txt").write_text("\n".join(toys.SPECIAL + toys.WORDS))
    # You write
    pair = AutoTokenizer.from_pretrained("kept")("a", "film", return_tensors="pt")
    hidden = model(**pair).last_hidden_state
    # You get
    ids, types = pair["input_ids"], pair["token_type_ids"]
    assert types.tolist() == [[0, 0, 0, 1, 1]]
    assert torch.equal(hidden, model(ids).last_hidden_state)
    # Instead
    bert = toys.bert()
    hidden = bert(ids, token_type_ids=types).last_hidden_state
    assert not torch.allclose(hidden, bert(ids).last_hidden_state)


@trap(
    108,
    "transformers",
    shown="01_tokenization.ipynb#When-it-breaks:-padding-without-its-mask",
)
def arguments_of_older_releases_are_swallowed():
    """Arguments that a tokenizer does not read are swallowed.

    You see: rows that are not padded, with `pad_to_max_length=True`; texts that are cut on the right, with
    `truncation_side="left"` at the call.

    What happens: `pad_to_max_length` is an argument of older releases, `truncation_side` an attribute of the
    tokenizer. The call reads neither and does not say so; a misspelt one, as `return_tensor`, goes the same way.

    Instead: `padding="max_length"`; `tokenizer.truncation_side = "left"`.
    """
    text, tokenizer = "a very good film", toys.tokenizer()
    # You write
    padded = tokenizer(text, pad_to_max_length=True, max_length=12)
    cut = tokenizer(text, truncation=True, max_length=4, truncation_side="left")
    # You get
    assert len(padded["input_ids"]) == 6
    assert tokenizer.decode(cut["input_ids"]) == "[CLS] a very [SEP]"
    assert isinstance(tokenizer(text, return_tensor="pt")["input_ids"], list)
    # Instead
    padded = tokenizer(text, padding="max_length", truncation=True, max_length=12)
    assert len(padded["input_ids"]) == 12
    tokenizer.truncation_side = "left"
    cut = tokenizer(text, truncation=True, max_length=4)
    assert tokenizer.decode(cut["input_ids"]) == "[CLS] good film [SEP]"


@trap(141, "tokenizers")
def what_a_bpe_has_not_seen_is_left_out():
    """A BPE trained without an unknown token leaves out what it has not seen.

    You see: a decoded text in which digits or signs are missing.

    What happens: a character that no training text holds has no token, and where no `unk_token` is set it is dropped.
    `byte_fallback=True` does not help: the trainer makes no tokens for bytes. Nor does ByteLevel alone: its alphabet is what the texts hold.
    WordPiece, WordLevel and Unigram raise an error here.

    Instead: `initial_alphabet=ByteLevel.alphabet()` beside the pre-tokenizer and the decoder ByteLevel, or `unk_token` in the model and among the special tokens. Decode what you encoded, and compare.
    """
    texts, new = ["the film was good and cost seven euros"], "the film cost 12 euros"

    def trained(before, special=(), alphabet=(), **settings):
        made = Tokenizer(models.BPE(**settings))
        made.pre_tokenizer = before
        trainer = trainers.BpeTrainer(
            special_tokens=list(special), initial_alphabet=list(alphabet), show_progress=False
        )  # fmt: skip
        made.train_from_iterator(texts, trainer)
        return made

    words, level = pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel()
    # You write
    plain = trained(words).encode(new).tokens
    fallback = trained(words, byte_fallback=True).encode(new).tokens
    of_bytes = trained(level).encode(new).tokens
    # You get
    assert plain == fallback == ["the", "film", "cost", "euros"]
    assert of_bytes == ["Ġthe", "Ġfilm", "Ġcost", "Ġ", "Ġeuros"]
    # Instead
    whole = trained(level, alphabet=pre_tokenizers.ByteLevel.alphabet())
    assert whole.encode(new).tokens[3:6] == ["Ġ", "1", "2"]
    known = trained(words, special=["[UNK]"], unk_token="[UNK]")
    assert known.encode(new).tokens[3] == "[UNK]"


@trap(142, "transformers", "tokenizers")
def a_saved_tokenizer_keeps_the_last_calls_limit():
    """`save_pretrained` writes the truncation and the padding of the last call into tokenizer.json.

    You see: in another program, embeddings or answers that do not change when the end of a text does.

    What happens: the tokenizer inside (`backend_tokenizer`) keeps what the last call asked for, and is saved with it. transformers sets both anew at
    each call. What reads tokenizer.json by itself (the library tokenizers, servers, other languages) obeys the file, and cuts.

    Instead: `no_truncation()` and `no_padding()` before you save, or a call without both.
    """
    tokenizer, text = toys.tokenizer(), "a very good film and a fine end"
    tokenizer(text, truncation=True, max_length=4, padding="max_length")
    # You write
    tokenizer.save_pretrained("saved")
    # You get
    elsewhere = Tokenizer.from_file("saved/tokenizer.json")
    assert elsewhere.encode(text).tokens == ["[CLS]", "a", "very", "[SEP]"]
    assert elsewhere.encode("a").tokens == ["[CLS]", "a", "[SEP]", "[PAD]"]
    here = AutoTokenizer.from_pretrained("saved")
    assert len(here(text)["input_ids"]) == 10
    # Instead
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.save_pretrained("saved")
    elsewhere = Tokenizer.from_file("saved/tokenizer.json")
    assert len(elsewhere.encode(text).tokens) == 10


@trap(156, "transformers", wrote="tokenizer.decode(ids)")
def decode_leaves_out_what_it_does_not_know():
    """`decode` leaves out an ID that is not in the vocabulary.

    You see: nothing; a text with words missing, or an empty one.

    What happens: an ID without a token adds nothing to the text. A model whose embedding was rounded up, or a tokenizer of another
    checkpoint, makes such IDs.

    Instead: compare the largest ID with `len(tokenizer)`, or look at the tokens, where it is None.
    """
    tokenizer = toys.tokenizer()
    good, film, beyond = *tokenizer.convert_tokens_to_ids(["good", "film"]), 500
    # You write
    text = tokenizer.decode([good, beyond, film])
    # You get
    assert text == "good film"
    assert tokenizer.decode([beyond]) == ""
    # Instead
    assert max(good, film) < len(tokenizer) <= beyond
    assert tokenizer.convert_ids_to_tokens([good, beyond]) == ["good", None]
